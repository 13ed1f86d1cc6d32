"""A consulting room: the control software as an ASGI application, its readers and cards, the data centre behind it.

Nothing is faked between them. The data centre is the Django project itself, on a database file as in production;
every request to it runs in a thread of its own, whose connection goes to that file and ends with the request.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from fastapi import FastAPI

from nhicard.identity.virtual_token import Setting
from nhicard.reader.datacentre import DataCentre
from nhicard.reader.devices import Devices
from nhicard.reader.devices.slots import Slots
from nhicard.reader.home import Home, Settings
from nhicard.reader.issuing import Holder, issue
from nhicard.reader.phone import VirtualCardFile
from nhicard.reader.service.app import create_app
from tests.reader.service import wire

Json = dict[str, Any]
T = TypeVar("T")
NOW: Final = datetime(2026, 3, 2, 9, 30, 15)  # a Monday
CLINIC, OTHER_CLINIC = "3501200000", "3501200019"
PIN, PUK = "135790", "24681357"
PATIENT, NEXT_PATIENT, PHONE_OWNER = "A123456789", "C200000005", "D200000006"
NEIGHBOUR = "F100000006"
PHYSICIAN, REPRESENTATIVE = "B100000002", "E100000005"
CENTRE_URL: Final = "http://localhost"

#: The cards there are, by the name of their files: kind, holder, whether they have PIN and PUK.
CARDS: Final[Mapping[str, tuple[str, Holder, bool]]] = MappingProxyType(
    {
        "sam": ("SAM", Holder(CLINIC, "測試診所", "clinic"), False),
        "sam-next-room": ("SAM", Holder(CLINIC), False),
        "sam-elsewhere": ("SAM", Holder(OTHER_CLINIC, "別家測試診所", "clinic"), False),
        "physician": ("HPC", Holder(id_no=PHYSICIAN, name="測試醫師", profession="physician"), True),
        "representative": (
            "HPC",
            Holder(CLINIC, id_no=REPRESENTATIVE, name="測試負責醫師", profession="physician", representative=True),
            True,
        ),
        "patient": ("HC", Holder(id_no=PATIENT, name="測試病患甲", birthday=date(1990, 1, 1), sex="M"), False),
        "patient-with-pin": (
            "HC",
            Holder(id_no=NEXT_PATIENT, name="測試病患乙", birthday=date(1985, 5, 5), sex="F"),
            True,
        ),
        "neighbour": ("HC", Holder(id_no=NEIGHBOUR, name="測試病患丁", birthday=date(2001, 2, 3), sex="M"), False),
        "phone": ("VHC", Holder(id_no=PHONE_OWNER, name="測試病患丙", birthday=date(1970, 7, 7), sex="F"), False),
    }
)
#: Personal facts of all of them, for those who look whether one got out.
PERSONAL: Final = frozenset(fact for _, holder, _ in CARDS.values() for fact in (holder.id_no, holder.name) if fact) | {
    PIN,
    PUK,
}


@dataclass
class Clock:
    """What the control software and the data centre take for the time."""

    moment: datetime = NOW

    def now(self) -> datetime:
        """The moment."""
        return self.moment

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.moment += timedelta(**span)


@dataclass
class Insurer(httpx.BaseTransport):
    """The data centre, each request in a thread of its own.

    ``reachable`` is the network to it; ``instead`` is what answers in its place.
    """

    threads: ThreadPoolExecutor
    reachable: bool = True
    instead: Callable[[httpx.Request], httpx.Response] | None = None
    _wsgi: httpx.WSGITransport = field(default_factory=lambda: httpx.WSGITransport(app=WSGIHandler()))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, whole."""
        if not self.reachable:
            raise httpx.ConnectError("the network is down", request=request)
        return self.instead(request) if self.instead else self.do(partial(self._answer, request))

    def do(self, act: Callable[[], T]) -> T:
        """What the insurer's own people do: ``act`` runs with a connection to the database."""
        return self.threads.submit(_with_connection, act).result(timeout=300)

    def post(self, path: str, body: Json) -> Json:
        """A request of a clinic's program."""
        with httpx.Client(transport=self, base_url=CENTRE_URL) as client:
            response = client.post(path, json=body)
        assert response.status_code == 200
        reply: Json = response.json()
        return reply

    def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = self._wsgi.handle_request(request)
        content = b"".join(answer.stream)  # type: ignore[arg-type]
        answer.stream.close()  # type: ignore[union-attr]
        return httpx.Response(answer.status_code, headers=answer.headers, content=content)


def _with_connection(act: Callable[[], T]) -> T:
    try:
        return act()
    finally:
        connections.close_all()


@dataclass
class Room:
    """A reader's machine: the service, its home folder, a program that calls it."""

    home: Home
    insurer: Insurer
    clock: Clock
    settings: Settings
    devices: Devices
    app: FastAPI
    client: httpx.AsyncClient
    portal: BlockingPortal

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Any request."""
        response: httpx.Response = self.portal.call(partial(self.client.request, method, path, **request))
        return response

    def local(self, method: str, path: str, body: Json | None = None, **request: Any) -> Json:
        """A call as programs make it: ``{}`` with every method. The answer is one of the wire."""
        return self.answered(method, path, self.send(method, path, **request or {"json": body or {}}))

    def answered(self, method: str, path: str, response: httpx.Response) -> Json:
        """The reply in a response: HTTP 200, an integer statusCode, every key that programs read."""
        assert response.status_code == 200
        reply: Json = response.json()
        assert type(reply["statusCode"]) is int
        assert wire.LOCAL.get((method, path), set()) <= set(reply)
        return reply

    def ask(self, path: str, body: Json) -> Json:
        """A call of the data centre, with the keys that programs read in its reply."""
        reply = self.insurer.post(path, body)
        assert type(reply["statusCode"]) is int
        assert wire.CENTRE.get(path, set()) <= set(reply)
        return reply

    def signed(self, signers: str, service_type: str, path: str, **facts: Any) -> Json:
        """A fresh signature, forwarded as it came to the data centre; refusals of either are the answer."""
        block = self.local("POST", wire.SIGNATURE[signers], {"serviceType": service_type})
        return self.ask(path, block | facts) if block["statusCode"] == 0 else block

    def opened(self, name: str = "", staff: str = "") -> Room:
        """The room with its session begun, and the staff card's PIN given."""
        assert self.local("POST", wire.INITIAL, {"name": name})["statusCode"] == 0
        assert self.local("POST", wire.VERIFY_SAM)["statusCode"] == 0
        if staff:
            assert self.local("POST", wire.VERIFY_HPC, {"pin": staff})["statusCode"] == 0
        return self

    def tap(self, item: str = "01") -> Json:
        """SequelNumber/Next a second later: a patient has one visit a second."""
        self.clock.later(seconds=1)
        facts = {"treatmentItem": item, "babyTreatment": " ", "afterCheck": "1"}
        return self.signed("Hc", "03", "/api/v1/SequelNumber/Next", **facts)

    def insert(self, slot: int, card: str) -> None:
        """Put a card into a reader."""
        Slots(self.home.slots).insert(f"Slot {slot}", self.card(card))

    def remove(self, slot: int) -> None:
        """Take the card out of a reader."""
        assert Slots(self.home.slots).remove(f"Slot {slot}")

    def card(self, name: str) -> Path:
        """The file of a card."""
        return self.home.cards / f"{name}.json"

    def number(self, name: str) -> str:
        """The number of a card."""
        return str(json.loads(self.card(name).read_bytes())["number"])

    @property
    def phone(self) -> VirtualCardFile:
        """The phone with a virtual card."""
        return VirtualCardFile.load(self.card("phone"))

    def qr(self, setting: Setting = Setting.ON_SITE) -> str:
        """A fresh QR code's text."""
        return self.phone.token(setting, self.clock.now())


@contextmanager
def served(
    home: Home, insurer: Insurer, clock: Clock, *, devices: Devices | None = None, **settings: Any
) -> Iterator[Room]:
    """The service of a machine, for as long as the block lasts."""
    chosen = Settings(home, CENTRE_URL, pcsc=False, **settings)
    devices = devices or Devices(home.slots, pcsc=False)
    centre = DataCentre(CENTRE_URL, transport=insurer)
    app = create_app(chosen, devices, centre, clock.now)
    with start_blocking_portal() as portal:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://localhost:5066")
        try:
            yield Room(home, insurer, clock, chosen, devices, app, client, portal)
        finally:
            portal.call(client.aclose)
            centre.close()


def issue_all(folder: Path, post: Callable[[str, Json], Json]) -> None:
    """Make every card and have the data centre certify it."""
    for name, (kind, holder, has_pin) in CARDS.items():
        codes = {"pin": PIN, "puk": PUK} if has_pin else {}
        issue(kind, holder, folder / f"{name}.json", post=post, today=NOW.date(), **codes)
