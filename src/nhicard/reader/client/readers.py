"""The two clients: one waits, one is awaited. Each method runs its flow."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import httpx

from nhicard.reader.client import flows
from nhicard.reader.client.flows import Flow, Json, Order, Patient, Request, Tap, UnusableAnswer

T = TypeVar("T")
LOCAL_READER: Final = "https://localhost:5066"
_READER_SECONDS, _CENTRE_SECONDS = 10.0, 20.0


def _verify(ca: Path | str | None) -> ssl.SSLContext | bool:
    return ssl.create_default_context(cafile=str(ca)) if ca else True


def _reply(response: httpx.Response) -> Json:
    try:
        reply = response.raise_for_status().json()
    except (httpx.HTTPStatusError, ValueError) as error:
        raise UnusableAnswer(type(error).__name__) from None
    if not isinstance(reply, dict):
        raise UnusableAnswer("an answer that is no object")
    return reply


class Reader:
    """The control software at ``reader`` and the data centre behind it.

    ``reader_ca``, ``centre_ca``: certificate files to trust beside the system's. Every method raises ``StatusError``
    where it is refused and ``UnusableAnswer`` where nobody answers.
    """

    def __init__(
        self,
        centre: str,
        reader: str = LOCAL_READER,
        *,
        reader_ca: Path | str | None = None,
        centre_ca: Path | str | None = None,
    ) -> None:
        self._clients = {
            "reader": httpx.Client(base_url=reader, verify=_verify(reader_ca), timeout=_READER_SECONDS),
            "data centre": httpx.Client(base_url=centre, verify=_verify(centre_ca), timeout=_CENTRE_SECONDS),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End open connections."""
        for client in self._clients.values():
            client.close()

    def run(self, flow: Flow[T]) -> T:
        """Carry out a flow of ``nhicard.reader.client.flows``."""
        try:
            request = next(flow)
            while True:
                request = flow.send(self._ask(request))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        except KeyError as missing:
            raise UnusableAnswer(f"an answer without {missing}") from None

    def _ask(self, request: Request) -> Json:
        try:
            client = self._clients[request.to]
            return _reply(client.request(request.method, request.path, json=request.body))
        except httpx.RequestError as error:
            raise UnusableAnswer(f"{request.to}: {type(error).__name__}") from None

    def open(self, name: str = "") -> None:
        """Initialise and have the SAM verified."""
        self.run(flows.open_session(name))

    def verify_staff(self, pin: str) -> None:
        """Verify the staff card's PIN."""
        self.run(flows.verify_staff(pin))

    def patient(self) -> Patient:
        """Who holds the card in the reader."""
        return self.run(flows.patient())

    def virtual_patient(self, token: str) -> Patient:
        """Take a QR code; the virtual card then counts as inserted."""
        return self.run(flows.virtual_patient(token))

    def tap(self, item: str, *, late: bool = False, newborn: str = "") -> Tap:
        """Sequence number and visit identifier; ``item`` is the visit category (就醫類別)."""
        return self.run(flows.tap(item, late=late, newborn=newborn))

    def identifier(self, time: str) -> str:
        """The identifier of an earlier tap."""
        return self.run(flows.identifier(time))

    def identifier_without_card(self, id_no: str) -> Tap:
        """Time and identifier for a patient without a card."""
        return self.run(flows.identifier_without_card(id_no))

    def roll_back(self, time: str) -> None:
        """Undo a tap (退掛)."""
        self.run(flows.roll_back(time))

    def write_diagnosis(
        self, time: str, main: str, others: Sequence[str] = (), fees: Json | None = None, *, late: bool = False
    ) -> None:
        """Write diagnoses and fees."""
        self.run(flows.write_diagnosis(time, main, others, fees or {}, late=late))

    def prescribe(self, time: str, orders: Sequence[Order]) -> list[str]:
        """One prescription signature an order."""
        return self.run(flows.prescribe(time, orders))

    def upload_signature(self) -> Json:
        """The SAM's signature for an upload."""
        return self.run(flows.upload_signature())

    def log_out(self) -> None:
        """The patient leaves."""
        self.run(flows.log_out())


class AsyncReader:
    """``Reader`` for programs that await."""

    def __init__(
        self,
        centre: str,
        reader: str = LOCAL_READER,
        *,
        reader_ca: Path | str | None = None,
        centre_ca: Path | str | None = None,
    ) -> None:
        self._clients = {
            "reader": httpx.AsyncClient(base_url=reader, verify=_verify(reader_ca), timeout=_READER_SECONDS),
            "data centre": httpx.AsyncClient(base_url=centre, verify=_verify(centre_ca), timeout=_CENTRE_SECONDS),
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End open connections."""
        for client in self._clients.values():
            await client.aclose()

    async def run(self, flow: Flow[T]) -> T:
        """Carry out a flow of ``nhicard.reader.client.flows``."""
        try:
            request = next(flow)
            while True:
                request = flow.send(await self._ask(request))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        except KeyError as missing:
            raise UnusableAnswer(f"an answer without {missing}") from None

    async def _ask(self, request: Request) -> Json:
        try:
            client = self._clients[request.to]
            return _reply(await client.request(request.method, request.path, json=request.body))
        except httpx.RequestError as error:
            raise UnusableAnswer(f"{request.to}: {type(error).__name__}") from None

    async def open(self, name: str = "") -> None:
        """Initialise and have the SAM verified."""
        await self.run(flows.open_session(name))

    async def verify_staff(self, pin: str) -> None:
        """Verify the staff card's PIN."""
        await self.run(flows.verify_staff(pin))

    async def patient(self) -> Patient:
        """Who holds the card in the reader."""
        return await self.run(flows.patient())

    async def virtual_patient(self, token: str) -> Patient:
        """Take a QR code; the virtual card then counts as inserted."""
        return await self.run(flows.virtual_patient(token))

    async def tap(self, item: str, *, late: bool = False, newborn: str = "") -> Tap:
        """Sequence number and visit identifier."""
        return await self.run(flows.tap(item, late=late, newborn=newborn))

    async def identifier(self, time: str) -> str:
        """The identifier of an earlier tap."""
        return await self.run(flows.identifier(time))

    async def identifier_without_card(self, id_no: str) -> Tap:
        """Time and identifier for a patient without a card."""
        return await self.run(flows.identifier_without_card(id_no))

    async def roll_back(self, time: str) -> None:
        """Undo a tap (退掛)."""
        await self.run(flows.roll_back(time))

    async def write_diagnosis(
        self, time: str, main: str, others: Sequence[str] = (), fees: Json | None = None, *, late: bool = False
    ) -> None:
        """Write diagnoses and fees."""
        await self.run(flows.write_diagnosis(time, main, others, fees or {}, late=late))

    async def prescribe(self, time: str, orders: Sequence[Order]) -> list[str]:
        """One prescription signature an order."""
        return await self.run(flows.prescribe(time, orders))

    async def upload_signature(self) -> Json:
        """The SAM's signature for an upload."""
        return await self.run(flows.upload_signature())

    async def log_out(self) -> None:
        """The patient leaves."""
        await self.run(flows.log_out())
