"""A cloud SAM's way from the application to the machine that installs it."""

from __future__ import annotations

import base64
from pathlib import Path

from nhicard.insurer.datacentre.models import CloudSamApplication
from nhicard.insurer.datacentre.services import security_modules
from nhicard.reader import cloud_sam
from nhicard.reader.cards.applet import SimulatedCard
from nhicard.reader.staff import signed_by_staff
from tests.reader.service.room import CLINIC, PIN, Json, Room

PASSWORD = "correct horse battery"


def by_representative(room: Room, path: str, *, card: str = "representative", **facts: object) -> Json:
    """A request signed by a staff card alone."""
    staff_card = SimulatedCard(room.card(card))
    return room.ask(path, signed_by_staff(staff_card, PIN, CLINIC, "01", room.clock.now()) | facts)


def decided(room: Room, *, approved: bool = True) -> int:
    """Apply and let the insurer decide; the application's number."""
    number = int(by_representative(room, "/api/v1/CloudSam/Apply")["applicationId"])

    def decide() -> None:
        security_modules.decide(CloudSamApplication.objects.get(pk=number), approved=approved)

    room.insurer.do(decide)
    return number


def downloaded(room: Room, folder: Path) -> Path:
    """The file of a new cloud SAM, under ``PASSWORD``."""
    reply = by_representative(room, "/api/v1/CloudSam/Download", applicationId=decided(room), password=PASSWORD)
    assert reply["statusCode"] == 0
    file = folder / str(reply["fileName"])
    file.write_bytes(base64.b64decode(reply["content"]))
    return file


def installed(room: Room) -> str:
    """The id of a new cloud SAM, installed on the room's machine."""
    room.home.folder.mkdir(exist_ok=True)
    file = downloaded(room, room.home.folder)
    number = cloud_sam.install(file, PASSWORD, room.home.cloud_sam).number
    file.unlink()
    return number


def revoke(room: Room, number: str) -> None:
    """The insurer revokes a SAM."""
    room.insurer.do(lambda: security_modules.revoke(number, room.clock.now()))
