"""The client library, waiting and awaited, against the real services on real sockets."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from nhicard.insurer.registry.models import HealthCard
from nhicard.reader.client import AsyncReader, Order, Patient, Reader, StatusError, UnusableAnswer, flows
from nhicard.reader.service import serving
from tests.reader.client import sockets
from tests.reader.service.room import CLINIC, NOW, PATIENT, PHONE_OWNER, PIN, Json, Room

DRUGS = [Order("A000015421", days="7", total="21.00", usage="TID"), Order("48001C", item="3", delivery="03", total="1")]

NOBODY = "http://127.0.0.1:1"


@dataclass
class Desk:
    """A client of either kind and the room it is in."""

    room: Room
    client: Reader | AsyncReader
    portal: BlockingPortal

    def do(self, method: str, *args: Any, **facts: Any) -> Any:
        """Call a method of the client, a second after the last call."""
        self.room.clock.later(seconds=1)
        act = getattr(self.client, method)
        if inspect.iscoroutinefunction(act):
            return self.portal.call(lambda: act(*args, **facts))
        return act(*args, **facts)

    def tap(self) -> str:
        """The time of a tap, which later calls are about."""
        return str(self.do("tap", "01").time)

    def register(self, **facts: Any) -> None:
        """Let the insurer's register say something else of the patient's card."""
        rows = HealthCard.objects.filter(number=self.room.number("patient"))
        assert self.room.insurer.do(lambda: rows.update(**facts)) == 1


@pytest.fixture(params=[Reader, AsyncReader], ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> type[Reader | AsyncReader]:
    """Both clients."""
    kind: type[Reader | AsyncReader] = request.param
    return kind


@pytest.fixture
def portal() -> Iterator[BlockingPortal]:
    """Where what is awaited runs."""
    with start_blocking_portal() as portal:
        yield portal


Connect = Callable[[str, str], AbstractContextManager[Desk]]


@pytest.fixture
def connected(room: Room, kind: type[Reader | AsyncReader], portal: BlockingPortal) -> Connect:
    """A client of the centre and the reader at two URLs, for as long as a block lasts."""

    @contextmanager
    def connected(centre: str, reader: str) -> Iterator[Desk]:
        https = serving.certificate(room.home)
        desk = Desk(room, kind(centre, reader, reader_ca=https.certificate), portal)
        try:
            yield desk
        finally:
            desk.do("close")

    return connected


@pytest.fixture
def desk(room: Room, connected: Connect) -> Iterator[Desk]:
    """A client whose session is open."""
    with (
        sockets.centre() as centre,
        sockets.reader(room.app, serving.certificate(room.home)) as reader,
        connected(centre, reader) as desk,
    ):
        desk.do("open")
        yield desk


# ---- what it does ----


def test_a_session_is_opened_once_or_again(desk: Desk) -> None:
    desk.do("open")
    desk.do("open", "no such SAM")  # 1001: begun before
    assert desk.room.local("GET", "/api/common/v1/Status")["status"]["sam"]["status"] == 2


def test_who_the_patient_is(desk: Desk) -> None:
    assert desk.do("patient") == Patient(desk.room.number("patient"), PATIENT, "測試病患甲", "0790101", "M")
    owner = desk.do("virtual_patient", desk.room.qr())
    assert owner == Patient(desk.room.number("phone"), PHONE_OWNER, "測試病患丙", "0590707", "F")
    assert PATIENT not in repr(desk.do("patient"))


def test_a_tap_its_identifier_and_a_second_tap_the_same_day(desk: Desk) -> None:
    tap, again = desk.do("tap", "01"), desk.do("tap", "01")
    assert (tap.sequence, tap.institution, tap.sam, tap.same_day, tap.warning) == (
        "0001", CLINIC, desk.room.number("sam"), False, 0,
    )  # fmt: skip
    assert re.fullmatch("[0-9A-Z]{20}", tap.identifier)
    assert (again.sequence, again.same_day, again.warning) == ("0002", True, 5010)
    assert desk.do("identifier", tap.time) == tap.identifier


def test_diagnosis_orders_and_logout(desk: Desk) -> None:
    time = desk.tap()
    fees = {"outpatientFee": 150, "costFee": 320}
    for _ in range(2):  # written before counts as done
        desk.do("write_diagnosis", time, "J0190", ["J020"], fees)
    signatures = desk.do("prescribe", time, DRUGS)
    assert len(set(signatures)) == 2
    assert all(re.fullmatch("[0-9A-F]{40}", each) for each in signatures)
    desk.do("log_out")


def test_a_visit_is_rolled_back_once(desk: Desk) -> None:
    time = desk.tap()
    desk.do("roll_back", time)
    with pytest.raises(StatusError) as error:
        desk.do("roll_back", time)
    assert error.value.code == 3220


def test_a_patient_without_a_card(desk: Desk) -> None:
    tap = desk.do("identifier_without_card", PATIENT)
    assert (tap.sequence, tap.institution) == ("", CLINIC)
    assert re.fullmatch("[0-9A-Z]{20}", tap.identifier)


def test_the_signature_of_an_upload(desk: Desk) -> None:
    signature = desk.do("upload_signature")
    assert set(signature) == {"clientRandom", "hospitalId", "samId", "signature"}
    assert all(signature.values())


def test_the_staff_card_s_pin(desk: Desk) -> None:
    desk.do("verify_staff", PIN)
    assert desk.room.local("GET", "/api/common/v1/Status")["status"]["hpc"]["status"] == 3


@pytest.mark.parametrize(
    "facts", [{"uses_left": 0}, {"valid_until": NOW.date() - timedelta(days=1)}], ids=["3213", "5003"]
)
def test_a_card_that_needs_an_update_is_updated_at_the_tap(desk: Desk, facts: Json) -> None:
    desk.register(**facts)
    assert desk.do("tap", "01").warning == 0
    number = desk.room.number("patient")
    assert desk.room.insurer.do(lambda: HealthCard.objects.get(number=number).uses_left) == 5


# ---- what goes wrong ----


@pytest.mark.parametrize(
    ("slot", "method", "arguments", "code"),
    [
        (3, "patient", (), 1102),
        (1, "upload_signature", (), 4012),
        (2, "verify_staff", (PIN,), 4014),
        (None, "verify_staff", ("000001",), 1410),
        (None, "identifier", ("1150302093015",), 3208),
        (None, "virtual_patient", ("no QR code",), 1520),
        (None, "tap", ("??",), 1706),
    ],
)
def test_a_refusal_is_told_in_both_languages(
    desk: Desk, slot: int | None, method: str, arguments: tuple[str, ...], code: int
) -> None:
    if slot:
        desk.room.remove(slot)
    with pytest.raises(StatusError, match=rf"^{code} [一-鿿].*[a-z]") as error:
        desk.do(method, *arguments)
    assert error.value.code == code


NO_ANSWERS: dict[str, tuple[int, bytes]] = {
    "HTML": (200, b"<html>Sign in to the network</html>"),
    "HTTP 500": (500, b'{"statusCode": 0}'),
    "HTTP 404": (404, b""),
    "a redirection": (307, b""),
    "nothing": (200, b""),
    "a list": (200, b"[]"),
    "no statusCode": (200, b"{}"),
    "statusCode is a text": (200, b'{"statusCode": "0"}'),
    "keys are missing": (200, b'{"statusCode": 0, "idCardNum": "A123456789"}'),
    "broken compression": (200, b"\x1f\x8b and so on"),
}


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_an_answer_that_is_none_is_unusable(room: Room, connected: Connect, answer: tuple[int, bytes]) -> None:
    with (
        sockets.somebody(lambda _: answer) as centre,
        sockets.reader(room.opened().app, serving.certificate(room.home)) as reader,
        connected(centre, reader) as desk,
        pytest.raises(UnusableAnswer) as error,
    ):
        desk.do("patient")
    assert PATIENT not in str(error.value)


def test_nobody_answers(room: Room, connected: Connect) -> None:
    https = serving.certificate(room.home)
    with (
        sockets.reader(room.opened().app, https) as reader,
        connected(NOBODY, reader) as desk,
        pytest.raises(UnusableAnswer, match="data centre"),
    ):
        desk.do("patient")
    with connected(NOBODY, NOBODY) as desk, pytest.raises(UnusableAnswer, match="reader"):
        desk.do("open")


def test_a_certificate_that_nobody_trusts_is_refused(room: Room, kind: type[Any], portal: BlockingPortal) -> None:
    with sockets.reader(room.app, serving.certificate(room.home)) as reader:
        desk = Desk(room, kind(NOBODY, reader), portal)
        with pytest.raises(UnusableAnswer, match="reader"):
            desk.do("open")
        desk.do("close")


# ---- what both have in common ----


def test_both_clients_have_the_same_methods_with_the_same_parameters() -> None:
    def methods(kind: type) -> dict[str, tuple[str, ...]]:
        own = inspect.getmembers(kind, inspect.isfunction)
        public = {name: call for name, call in own if not name.startswith("_")}
        return {name: tuple(map(str, inspect.signature(call).parameters.values())) for name, call in public.items()}

    assert methods(Reader) == methods(AsyncReader)
    assert len(methods(Reader)) >= 12
    assert inspect.signature(Reader) == inspect.signature(AsyncReader)
    awaited = {name for name, _ in inspect.getmembers(AsyncReader, inspect.iscoroutinefunction) if name[0] != "_"}
    assert awaited == set(methods(Reader))


def test_both_end_their_connections_with_a_block(kind: type[Any], portal: BlockingPortal) -> None:
    async def within() -> None:
        async with kind(NOBODY):
            pass

    if kind is AsyncReader:
        portal.call(within)
    else:
        with kind(NOBODY):
            pass


# ---- answers of other data centres ----

HEX = ["0A" * 20, "FF" * 20]
BASE64 = ["CgoKCgoKCgoKCgoKCgoKCgoKCgo=", "//////////////////////////8="]


def played(flow: flows.Flow[Any], *replies: Json) -> Any:
    """A flow's result where these are the replies."""
    next(flow)
    try:
        for reply in replies:
            flow.send({"statusCode": 0} | reply)
    except StopIteration as end:
        return end.value
    raise AssertionError("the flow asks for more")


@pytest.mark.parametrize("hexadecimal", [{"hexSignatureItems": HEX}, {"hexSignatureItems": None}, {}])
def test_prescription_signatures_may_come_in_base64_only(hexadecimal: Json) -> None:
    reply = {"signatureItems": BASE64} | hexadecimal
    assert played(flows.prescribe("1150302093015", DRUGS), {}, reply) == HEX


def test_every_order_needs_its_signature() -> None:
    with pytest.raises(UnusableAnswer, match="1 signatures for 2 orders"):
        played(flows.prescribe("1150302093015", DRUGS), {}, {"hexSignatureItems": HEX[:1]})


@pytest.mark.parametrize("warning", [0, 5010, 5174])
def test_warnings_of_a_tap_are_kept(warning: int) -> None:
    keys = ("treatmentDateTime", "sequenceNumber", "hospitalId", "samId", "signature", "treatmentNumber")
    reply = dict.fromkeys(keys, "") | {"isSameDay": False, "statusCode": warning}
    assert played(flows.tap("01", late=False, newborn=""), {}, reply).warning == warning


def test_a_card_is_updated_once_only() -> None:
    flow = flows.tap("01", late=False, newborn="")
    with pytest.raises(StatusError) as error:
        played(flow, {}, {"statusCode": 5003}, {}, {}, {}, {"statusCode": 5003})
    assert error.value.code == 5003
