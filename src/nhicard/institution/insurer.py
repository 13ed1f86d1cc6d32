"""The insurer's upload services over the wire: Web API and VPN way."""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

from nhicard.formats import rocdate

__all__ = ["Answer", "Insurer", "NotReady", "Refused", "Unreachable"]

_PATHS: Final = {"web": "/V2000/VNHI_", "vpn": "/vpn/v1/"}
_OK: Final = frozenset({"0000", "0", ""})
_NOT_READY: Final = "5002"
_CONNECTION_TEST: Final = "ZZ"
#: Opcodes are 42 characters; more than this is no receipt.
_LONGEST_RECEIPT: Final = 200


class Unreachable(Exception):
    """No answer, or none that can be understood: nobody knows whether the insurer has it. Try again."""


class Refused(Exception):
    """The insurer says no; ``code`` is its return code."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code} {message}".strip())
        self.code = code


class NotReady(Exception):
    """The result does not exist yet (5002)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A result as it came: a text or ZIP, empty where nothing is to be said of any record. ``counts``: records,
    accepted, rejected where the reply itself has them."""

    content: bytes
    counts: Mapping[str, int]


class Insurer:
    """The services of one insurer. ``sign`` gives a fresh signature block of the SAM (service type 30) at each call;
    what it raises goes through. ``ca``: a certificate file to trust beside none, else the system's."""

    def __init__(
        self,
        url: str,
        sign: Callable[[], Mapping[str, str]],
        *,
        ca: Path | str | None = None,
        timeout: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        verify: ssl.SSLContext | bool = ssl.create_default_context(cafile=str(ca)) if ca else True
        self._sign = sign
        self._client = httpx.Client(base_url=url, verify=verify, timeout=timeout, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def upload(self, content: bytes, kind: str, way: str, now: datetime | None = None) -> str:
        """Send a file; its receipt. The same content again gives the same one. Raises Unreachable, Refused."""
        facts = {
            "sPatData": base64.b64encode(content).decode(),
            "sUploadDT": f"{now or rocdate.now():%Y%m%d%H%M%S}000",
        }
        receipt = _text(self._post("Upload", kind, way, facts), "opcode")
        if not receipt.strip() or len(receipt) > _LONGEST_RECEIPT:
            raise Unreachable("an answer without a receipt")
        return receipt

    def result(self, receipt: str, kind: str, way: str) -> Answer:
        """The result of an upload. Raises NotReady, Unreachable, Refused."""
        reply = self._post("Download", kind, way, {"sOpcode": receipt})
        packed = _text(reply, "tx_result_json") or _text(reply, "content")
        counts = {
            name: value for name in ("records", "accepted", "rejected") if isinstance(value := reply.get(name), int)
        }
        if not packed and not counts:
            raise Unreachable("an answer without a result")
        try:
            return Answer(base64.b64decode(packed, validate=True), counts)
        except (binascii.Error, ValueError):
            raise Unreachable("a result that is not base64") from None

    def test(self, way: str = "web") -> None:
        """A connection test; nothing is kept. Raises Unreachable, Refused."""
        self._post("Upload", _CONNECTION_TEST, way, {"sPatData": ""})

    def _post(self, service: str, kind: str, way: str, facts: Mapping[str, str]) -> dict[str, Any]:
        block = self._sign()
        body = {
            "sSamid": block["samId"],
            "sHospid": block["hospitalId"],
            "sClientrandom": block["clientRandom"],
            "sSignature": block["signature"],
            "sType": kind,
        }
        try:
            response = self._client.post(_PATHS[way] + service, json=body | dict(facts))
            response.raise_for_status()
            told = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unreachable(type(error).__name__) from None
        if not isinstance(told, dict):
            raise Unreachable("an answer that is no object")
        reply = {str(key).lower(): value for key, value in told.items()}
        code = str(reply.get("rtncode", "none"))
        if code == _NOT_READY:
            raise NotReady
        if code == "none":
            raise Unreachable("an answer without rtnCode")
        if code not in _OK:
            raise Refused(code, _text(reply, "message"))
        return reply


def _text(reply: Mapping[str, Any], key: str) -> str:
    value = reply.get(key)
    return value if isinstance(value, str) else ""
