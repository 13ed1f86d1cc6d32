"""How things stand before a call that is refused. Each world changes a room; several stand one after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx

from nhicard.formats.status_codes import Refused
from nhicard.identity.virtual_token import Setting
from nhicard.insurer.registry import models
from nhicard.reader import cloud_sam
from tests.reader.service import cloud, wire
from tests.reader.service.room import CLINIC, PIN, Json, Room
from tests.reader.service.troubled import SIGN, Trouble, TroubledReader, TroubledReaders, doing

World = Callable[[Room], object]
Call = Callable[[Room], Json]
OTHER_PIN = "000001"


# ---- readers and cards ----


def reader(room: Room, slot: int) -> TroubledReader:
    """A reader that can be told to fail."""
    assert isinstance(room.devices, TroubledReaders)
    return room.devices.readers[slot - 1]


def opened(room: Room) -> None:
    """The session has begun."""
    room.opened()


def opened_with_staff(room: Room) -> None:
    """The session has begun, the physician has given the PIN."""
    room.opened(staff=PIN)


def initialised(room: Room) -> None:
    """A SAM is chosen and not yet verified."""
    assert room.local("POST", wire.INITIAL)["statusCode"] == 0


def without(*slots: int) -> World:
    """The readers are empty."""

    def world(room: Room) -> None:
        for slot in slots:
            room.remove(slot)

    return world


def holding(slot: int, card: str) -> World:
    """Another card lies in the reader."""
    return lambda room: room.insert(slot, card)


def unplugged(room: Room) -> None:
    """There is no reader any more."""
    assert isinstance(room.devices, TroubledReaders)
    room.devices.unplugged = True


def failing(trouble: Trouble, *slots: int, at: int = SIGN) -> World:
    """Something goes wrong when a card is told something."""

    def world(room: Room) -> None:
        for slot in slots:
            reader(room, slot).fails_at(at, trouble)

    return world


def failing_to_connect(trouble: Trouble, *slots: int) -> World:
    """Something goes wrong before a card is spoken to."""

    def world(room: Room) -> None:
        for slot in slots:
            reader(room, slot).fails_at_connection(1, trouble)

    return world


def pulled_while_signing(slot: int) -> World:
    """The card is pulled out in mid-signature."""
    return lambda room: reader(room, slot).fails_at(SIGN, doing(lambda: room.remove(slot)))


def exchanged(slot: int, card: str, connection: int) -> World:
    """Another card takes the card's place before it is spoken to for the n-th time."""

    def world(room: Room) -> None:
        exchange = doing(lambda: room.remove(slot), lambda: room.insert(slot, card))
        reader(room, slot).fails_at_connection(connection, exchange)

    return world


# ---- calls ----


def call(method: str, path: str, **body: Any) -> Call:
    """A call of the control software."""
    return lambda room: room.local(method, path, body)


def called(method: str, path: str, **body: Any) -> World:
    """A call that succeeded before."""

    def world(room: Room) -> None:
        reply = room.local(method, path, body)
        assert reply["statusCode"] == 0, reply["message"]

    return world


def tried(times: int, method: str, path: str, **body: Any) -> World:
    """A call that was made several times, however it ended."""
    return lambda room: [room.local(method, path, body) for _ in range(times)]


def forwarded(signers: str, service_type: str, path: str, **facts: Any) -> Call:
    """A signature, forwarded to the data centre."""
    return lambda room: room.signed(signers, service_type, path, **facts)


# ---- network and insurer ----


def offline(room: Room) -> None:
    """The data centre cannot be reached."""
    room.insurer.reachable = False


def answered_with(response: httpx.Response) -> World:
    """Something else answers in the data centre's place."""

    def world(room: Room) -> None:
        room.insurer.instead = lambda _: response

    return world


def later(**span: float) -> World:
    """Time passes."""
    return lambda room: room.clock.later(**span)


def sam_says(**facts: Any) -> World:
    """The register of SAMs says something else of the one in the reader."""

    def world(room: Room) -> None:
        rows = models.SecurityModule.objects.filter(number=room.number("sam"))
        assert room.insurer.do(lambda: rows.update(**facts)) == 1

    return world


def sam_revoked(room: Room) -> None:
    """The SAM in the reader is revoked."""
    cloud.revoke(room, room.number("sam"))


def clinic() -> models.Institution:
    """The clinic, in the insurer's register."""
    return models.Institution.objects.get(code=CLINIC)


def without_virtual_cards(room: Room) -> None:
    """The clinic does not take part in virtual cards."""
    room.insurer.do(lambda: models.Institution.objects.filter(code=CLINIC).update(takes_virtual_cards=False))


def out_of_contract(room: Room) -> None:
    """The clinic's contract is gone."""
    room.insurer.do(lambda: clinic().contracts.all().delete())


def suspended(room: Room) -> None:
    """The clinic is suspended since yesterday."""
    day = room.clock.now().date().replace(day=1)
    room.insurer.do(lambda: clinic().suspensions.create(valid_from=day))


# ---- virtual cards ----


def scanned(token: Callable[[Room], str], path: str = wire.VERIFY_QR) -> Call:
    """A QR code is scanned."""
    return lambda room: room.local("POST", path, {"token": token(room)})


def qr(room: Room) -> str:
    """A fresh QR code."""
    return room.qr()


def home_care_qr(room: Room) -> str:
    """A fresh QR code that can be recognised without a network."""
    return room.qr(Setting.HOME_CARE)


def text(content: str) -> Callable[[Room], str]:
    """A text that is no QR code."""
    return lambda room: content


def forged(setting: Setting = Setting.ON_SITE) -> Callable[[Room], str]:
    """A QR code with the number of one card and the signature of another key."""

    def token(room: Room) -> str:
        start, _, signature = room.qr(setting).rpartition(".")
        return f"{start}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"

    return token


def of_unknown_card(room: Room) -> str:
    """The QR code of a card that nobody issued."""
    return replace(room.phone, number="V00000000000").token(Setting.ON_SITE, room.clock.now())


def older(token: Callable[[Room], str], **span: float) -> Callable[[Room], str]:
    """A QR code shown some time ago."""

    def shown_before(room: Room) -> str:
        shown = token(room)
        room.clock.later(**span)
        return shown

    return shown_before


def virtual_card_in(room: Room) -> None:
    """The phone's QR code was scanned."""
    assert scanned(qr)(room)["statusCode"] == 0


def scanned_twice(room: Room) -> Json:
    """The same QR code, a second time."""
    token = room.qr()
    assert room.local("POST", wire.VERIFY_QR, {"token": token})["statusCode"] == 0
    return room.local("POST", wire.VERIFY_QR, {"token": token})


def offered(room: Room) -> str:
    """The virtual card in the reader is offered to other readers."""
    offer = room.local("POST", wire.TRANSFER)
    assert offer["statusCode"] == 0
    return str(offer["transferToken"])


def taken_after(*worlds: World, times: int = 1) -> Call:
    """The virtual card is offered, something happens, it is to be taken."""

    def taken(room: Room) -> Json:
        virtual_card_in(room)
        body = {"transferToken": offered(room)}
        for world in worlds:
            world(room)
        return [room.local("POST", wire.RECEIVE, body) for _ in range(times)][-1]

    return taken


def moved_to(sam: str) -> World:
    """The service begins anew with another SAM in its reader."""

    def world(room: Room) -> None:
        assert room.local("POST", wire.FINALIZE)["statusCode"] == 0
        room.insert(1, sam)
        room.opened()

    return world


def without_root(room: Room) -> None:
    """The insurer's root certificate, kept at the SAM's verification, is gone from the home folder."""
    room.home.root.unlink()


# ---- cloud SAMs ----


def cloud_installed(room: Room) -> None:
    """A cloud SAM is installed and the physical one taken away."""
    cloud.installed(room)
    room.remove(1)


def in_cloud_folder(*files: str, content: bytes = b"") -> World:
    """Files that lie where a cloud SAM should be."""

    def world(room: Room) -> None:
        room.home.cloud_sam.mkdir()
        for name in files:
            (room.home.cloud_sam / name).write_bytes(content)

    return world


def without_installation(room: Room) -> None:
    """The cloud SAM's file was only copied into its folder."""
    (room.home.cloud_sam / "installed.json").unlink()


def content_of_cloud_sam(content: bytes) -> World:
    """The cloud SAM's file holds something else."""

    def world(room: Room) -> None:
        (file,) = room.home.cloud_sam.glob("*.SAM")
        file.write_bytes(content)

    return world


def installing(password: str = cloud.PASSWORD, *, name: str = "", content: bytes | None = None) -> Call:
    """A cloud SAM's file is installed with a password."""

    def install(room: Room) -> Json:
        file = cloud.downloaded(room, room.home.folder)
        file = file.rename(file.with_name(name or file.name))
        if content is not None:
            file.write_bytes(content)
        try:
            cloud_sam.install(file, password, room.home.cloud_sam)
        except Refused as refusal:
            return {"statusCode": refusal.code, "message": f"{refusal.status.meaning_zh} {refusal.status.meaning_en}"}
        return {"statusCode": 0}

    return install
