"""An uploaded image beside the uploaded visit: what is verified, what waits, what the division decides."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from tests.insurer.portal import people
from tests.insurer.prescriptions import consulting_room
from tests.insurer.prescriptions.consulting_room import PHYSICIAN, Room
from tests.prescriptions.making import png, signed

from nhicard.bench.prescriptions import NOW, printed
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.intake.models import VisitState
from nhicard.insurer.prescriptions.models import Judgement, QrImage
from nhicard.insurer.prescriptions.services import files, receiving
from nhicard.insurer.prescriptions.services.incentive_events import SCHEMA, events
from nhicard.insurer.registry.models import StaffCard, StaffMember
from nhicard.prescriptions.reasons import Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def room(db: None, insurer_home: Any) -> Room:
    return consulting_room.opened()


def sent(room: Room, content: bytes | None = None, now: datetime = NOW) -> tuple[str, list[str], QrImage]:
    """Outcome and reasons of the image."""
    image, _ = receiving.receive(room.institution, content or room.image(), room.clerk, now)
    judgement = receiving.latest(image)
    assert judgement is not None
    return judgement.outcome, [code for code, _ in judgement.reasons], image


#: what differs in the uploaded visit: outcome and reasons
VISITS: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "agrees": ({}, "verified", []),
    "for real": ({"is_precheck": False}, "verified", []),
    "was rejected": ({"state": VisitState.REJECTED}, "waiting", ["visit_unknown"]),
    "was deleted": ({"state": VisitState.DELETED}, "waiting", ["visit_unknown"]),
    "another identifier": ({"identifier": "Z" * 20}, "waiting", ["visit_unknown"]),
    "another institution's": ({"institution": "3501299999"}, "waiting", ["visit_unknown"]),
    "edition 1.0": ({"edition": "1.0"}, "waiting", ["visit_unknown"]),
    "another patient": ({"patient_id": "A223456781"}, "refused", ["patient_differs"]),
    "another day": ({"visit_date": date(2026, 1, 1)}, "doubtful", ["date_differs"]),
    "another physician": ({"staff_id": "B123456780"}, "doubtful", ["physician_differs"]),
    "no orders": ({"orders": []}, "doubtful", ["orders_differ"]),
}


@pytest.mark.parametrize("name", VISITS)
def test_the_visit_decides(room: Room, name: str) -> None:
    facts, outcome, reasons = VISITS[name]
    visit = room.uploaded(**facts)
    found = sent(room)
    assert found[:2] == (outcome, reasons)
    judgement = receiving.latest(found[2])
    assert judgement is not None
    assert judgement.visit == (visit if outcome in ("verified", "doubtful") or name == "another patient" else None)


ORDERS: dict[str, Callable[[list[dict[str, str]]], list[dict[str, str]]]] = {
    "another total": lambda told: [told[0] | {"D10": "00999.0"}, *told[1:]],
    "other days": lambda told: [told[0] | {"D09": "99"}, *told[1:]],
    "another frequency": lambda told: [told[0] | {"D08": "Q99H"}, *told[1:]],
    "another drug": lambda told: [told[0] | {"D06": "X"}, *told[1:]],
    "one less": lambda told: told[1:],
}


@pytest.mark.parametrize("name", ORDERS)
def test_orders_that_differ_are_for_the_division(room: Room, name: str) -> None:
    room.uploaded(orders=ORDERS[name](room.orders()))
    assert sent(room)[:2] == ("doubtful", ["orders_differ"])


def test_more_orders_in_the_visit_do_not_matter(room: Room) -> None:
    room.uploaded(orders=[*room.orders(), {"D06": "00101B"}])
    assert sent(room)[:2] == ("verified", [])


def test_a_record_for_real_goes_before_its_pre_check(room: Room) -> None:
    room.uploaded(patient_id="A223456781")
    real = room.uploaded(is_precheck=False)
    _, _, image = sent(room)
    assert image.judgements.get().visit == real


def test_another_institutions_prescription(room: Room) -> None:
    other = consulting_room.opened("3501200019", seed=2)
    room.uploaded()
    assert sent(room, other.image())[:2] == ("refused", ["other_institution"])


def test_a_forged_one_is_kept_as_refused(room: Room) -> None:
    room.uploaded()
    forged = signed(7, institution=room.institution.code)  # certified by a root that is not the insurer's
    outcome, reasons, image = sent(room, png(printed(forged, 150)))
    assert (outcome, reasons) == ("refused", ["certificate_unknown"])
    assert events(NOW).is_empty()
    assert image.text


def test_a_card_that_was_revoked_when_it_signed(room: Room) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    room.uploaded()
    staff = StaffMember.objects.create(id_no=PHYSICIAN, name="測試醫師")
    card = StaffCard.objects.create(
        number="P00000000001",
        certificate=room.doctor.certificate.public_bytes(Encoding.PEM).decode(),
        issued_on=NOW.date(),
        staff=staff,
        revoked_at=NOW - timedelta(days=20),
    )
    assert sent(room)[:2] == ("refused", ["certificate_revoked"])
    StaffCard.objects.filter(pk=card.pk).update(revoked_at=NOW + timedelta(days=1))
    assert sent(room)[:2] == ("verified", [])


def test_the_same_image_again_is_the_same_and_is_judged_anew(room: Room) -> None:
    content = room.image()
    assert sent(room, content)[0] == "waiting"
    assert sent(room, content, NOW + timedelta(hours=1))[0] == "waiting"
    room.uploaded()
    outcome, _, image = sent(room, content, NOW + timedelta(hours=2))
    assert outcome == "verified"
    assert QrImage.objects.count() == 1
    assert list(image.judgements.order_by("number").values_list("outcome", flat=True)) == ["waiting", "verified"]
    assert Entry.objects.filter(action="qr-image.sent", subject=f"qr-image {image.pk}").count() == 3


def test_what_was_verified_stays_so(room: Room) -> None:
    visit = room.uploaded()
    content = room.image()
    assert sent(room, content)[0] == "verified"
    visit.state = VisitState.DELETED
    visit.save()
    assert sent(room, content, NOW + timedelta(days=9))[0] == "verified"


def test_the_file_is_kept_privately_once(room: Room, insurer_home: Any) -> None:
    content = room.image()
    _, _, image = sent(room, content)
    path = files.path_of(image.digest)
    assert path.read_bytes() == content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert str(path).startswith(str(insurer_home))
    sent(room, content)
    assert len([each for each in (insurer_home / "prescription-images").rglob("*") if each.is_file()]) == 1


def test_what_cannot_be_read_is_not_kept(room: Room, insurer_home: Any) -> None:
    for content in (b"", b"GIF89a", b"%PDF-1.7 nothing"):
        with pytest.raises(Refused):
            receiving.receive(room.institution, content, room.clerk, NOW)
    assert not QrImage.objects.exists()
    assert not (insurer_home / "prescription-images").exists()


def test_codes_that_do_not_fit_together_are_kept_without_a_text(room: Room) -> None:
    import segno
    from PIL import Image

    from nhicard.prescriptions import symbols, writing

    texts = symbols.split(room.signed().content())
    head, body = texts[0].rsplit("/", 1)
    texts[0] = f"{head}/{body[::-1]}"
    sheet = Image.new("L", (1000 * len(texts), 1000), 255)
    for place, text in enumerate(texts):
        code = segno.make_qr(text, version=writing.VERSION, error="m", mode="alphanumeric", boost_error=False)
        from io import BytesIO

        with Image.open(BytesIO(writing.png(code))) as drawn:
            sheet.paste(drawn.convert("L"), (place * 1000 + 40, 40))
    outcome, reasons, image = sent(room, png(sheet))
    assert (outcome, reasons, image.text) == ("refused", ["damaged"], "")


def test_the_division_confirms_or_refuses_once(room: Room) -> None:
    room.uploaded(staff_id="B123456780")
    _, _, image = sent(room)
    with pytest.raises(receiving.NoReason):
        receiving.decide(image, confirmed=False, remark=" ", user=room.officer, now=NOW)
    decided = receiving.decide(image, confirmed=True, remark="測試說明", user=room.officer, now=NOW)
    assert (decided.outcome, decided.decided_by, decided.number) == ("verified", room.officer, 2)
    with pytest.raises(receiving.NotDoubtful):
        receiving.decide(image, confirmed=False, remark="測試", user=room.officer, now=NOW)
    assert Entry.objects.get(action="qr-image.confirmed").subject == f"qr-image {image.pk}"


def test_a_divisions_refusal_is_not_undone_by_uploading_again(room: Room) -> None:
    visit = room.uploaded(staff_id="B123456780")
    content = room.image()
    _, _, image = sent(room, content)
    receiving.decide(image, confirmed=False, remark="測試理由", user=room.officer, now=NOW)
    visit.staff_id = PHYSICIAN
    visit.save()
    assert sent(room, content)[0] == "refused"


@pytest.mark.parametrize("table", ["prescriptions_qrimage", "prescriptions_judgement"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_rows_are_only_added(room: Room, table: str, statement: str) -> None:
    room.uploaded()
    _, _, image = sent(room)
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))
    with pytest.raises(TypeError):
        image.save()
    with pytest.raises(TypeError):
        Judgement.objects.get(image=image).delete()


def test_events_are_those_known_at_the_moment(room: Room) -> None:
    content, day = room.image(), timedelta(days=1)
    assert sent(room, content, NOW)[0] == "waiting"
    room.uploaded()
    _, _, image = sent(room, content, NOW + day)
    assert events(NOW).schema == SCHEMA
    assert events(NOW + day - timedelta(seconds=1)).is_empty()
    (row,) = events(NOW + 9 * day).to_dicts()
    assert (row["institution"], row["kind"], row["evidence"]) == (
        room.institution.code,
        "qr_image_verified",
        f"qr-image {image.pk}",
    )
    assert row["happened_on"] == NOW.date()
    assert row["recorded_at"] == NOW.replace(microsecond=0) + day
    told = str(row)
    assert room.prescription.header["patient_id"] not in told
    assert room.prescription.header["patient_name"] not in told


def test_an_image_that_the_division_refused_is_no_event(room: Room) -> None:
    room.uploaded(staff_id="B123456780")
    _, _, image = sent(room)
    assert events(NOW).is_empty()
    receiving.decide(image, confirmed=False, remark="測試理由", user=room.officer, now=NOW + timedelta(hours=1))
    assert events(NOW + timedelta(hours=2)).is_empty()


def test_an_image_that_the_division_confirmed_is_one(room: Room) -> None:
    room.uploaded(staff_id="B123456780")
    _, _, image = sent(room)
    receiving.decide(image, confirmed=True, remark="", user=room.officer, now=NOW + timedelta(hours=1))
    (row,) = events(NOW + timedelta(hours=2)).to_dicts()
    assert row["recorded_at"] == NOW.replace(microsecond=0) + timedelta(hours=1)


def test_people_of_other_places_have_images_of_their_own(room: Room) -> None:
    other = people.institution("3501200019")
    content = room.image()
    sent(room, content)
    image, is_new = receiving.receive(other, content, people.user("clerk", institution=other), NOW)
    assert is_new
    assert [code for code, _ in image.judgements.get().reasons] == ["other_institution"]
