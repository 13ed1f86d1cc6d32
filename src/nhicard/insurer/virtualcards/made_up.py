"""Believable virtual cards for a demo: made-up citizens, taps and uploaded visits of the two months before, counted."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
from django.db import transaction
from numpy.random import Generator

from nhicard.identity import national_id
from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.datacentre.models import TelemedicineRequest, Treatment, VirtualCardSession
from nhicard.insurer.intake.models import State, Submission, Visit, VisitState
from nhicard.insurer.intake.tracing import put_down
from nhicard.insurer.registry.models import HealthCard, Institution, InsuredPerson, SecurityModule
from nhicard.insurer.virtualcards.models import Participation, Setting
from nhicard.insurer.virtualcards.services import counting

_MONTHS: Final = 2
_CITIZENS: Final = 24  # of the busiest institution, a month
_UPLOADED: Final = 0.92
_HOME: Final = 0.15
_SEED: Final = 3
_TEXTS: Final = (
    *("staff_id", "identifier", "original_identifier", "original_institution", "actual_identifier"),
    *("fields", "visit_time"),
)


@transaction.atomic
def seed(now: datetime) -> int:
    """Months of the institutions that have a user; how many institutions. Again it adds nothing."""
    if Participation.objects.exists():
        return 0
    rng = np.random.default_rng(_SEED)
    users = {each.institution: each for each in User.objects.filter(role=Role.CLERK).select_related("institution")}
    this = counting.month_of(now.date())
    begun = counting.months_before(this, _MONTHS)
    places = [(each, user) for each, user in users.items() if each is not None]
    for place, (institution, user) in enumerate(places):
        _take_part(institution, user, place, begun, now)
        for back in range(_MONTHS, 0, -1):
            month = counting.months_before(this, back)
            _month(institution, month, max(3, _CITIZENS - 7 * place - 5 * (back - 1)), rng)
    for back in range(_MONTHS, 0, -1):
        counting.count(counting.months_before(this, back), now)
    return len(places)


def _take_part(institution: Institution, user: User, place: int, first: date, now: datetime) -> None:
    """The first institution in every setting, the next ones in fewer."""
    for setting in Setting.values[: max(1, len(Setting.values) - place)]:
        Participation.objects.create(
            institution=institution, setting=setting, valid_from=first, joined_by=user, joined_at=now
        )


def _month(institution: Institution, month: date, citizens: int, rng: Generator) -> None:
    sam = institution.security_modules.order_by("pk").first() or _sam(institution, month)
    upload = _upload(institution, month)
    for number in range(citizens):
        card = _card(institution, month, number)
        days = int(rng.integers(0, 27))
        at = datetime.combine(month, datetime.min.time()) + timedelta(days=days, hours=9, minutes=7 * number)
        VirtualCardSession.objects.create(card=card, sam=sam, secret=b"", began_at=at, ended_at=at)
        sequence = f"W{number + 1:03d}"
        Treatment.objects.create(
            patient_id=card.person.id_no,
            card=card,
            institution=institution,
            sam=sam,
            time=at,
            item="01",
            after_check="1",
            counts=True,
            sequence_number=sequence,
        )
        if rng.random() < _UPLOADED:
            _visit(upload, number + 1, at, card.person.id_no, sequence, "AH" if rng.random() < _HOME else "01")
    for number in range(citizens // 4):
        at = datetime.combine(month, datetime.min.time()) + timedelta(days=number, hours=14)
        token = f"demo-{institution.code}-{month:%Y%m}-{number}"
        TelemedicineRequest.objects.create(
            access_token=token, patient_id="", institution=institution, asked_at=at, agreed=True
        )


def _sam(institution: Institution, day: date) -> SecurityModule:
    return SecurityModule.objects.create(
        number=f"D{institution.code}0", certificate="", institution=institution, is_test=True, issued_on=day
    )


def _card(institution: Institution, month: date, number: int) -> HealthCard:
    told = f"{institution.code}{month:%Y%m}{number}".encode()
    digits = int.from_bytes(hashlib.sha256(told).digest()[:4], "big") % 10_000_000
    id_no = str(national_id.with_check_digit([f"U1{digits:07d}"])[0])
    person = InsuredPerson.objects.get_or_create(
        id_no=id_no, defaults={"name": "測試民眾", "sex": "M", "birthday": date(1985, 1, 1)}
    )[0]
    return HealthCard.objects.create(
        number=f"V{hashlib.sha256(told).hexdigest()[:11].upper()}",
        certificate="",
        is_test=True,
        person=person,
        is_virtual=True,
        issued_on=month,
        valid_until=date(month.year + 1, month.month, 1),
    )


def _upload(institution: Institution, month: date) -> Submission:
    at = datetime.combine(month, datetime.min.time()) + timedelta(days=27, hours=20)
    receipt = f"{at:%Y%m%d%H%M%S}VCDEMO{institution.code}D{institution.code}0"
    return Submission.objects.create(
        receipt=receipt,
        institution=institution.code,
        channel="vpn",
        kind="B1",
        content_hash=hashlib.sha256(receipt.encode()).digest(),
        size=0,
        received_at=at,
        state=State.CHECKED,
        checked_at=at,
    )


def _visit(upload: Submission, record: int, at: datetime, patient: str, sequence: str, category: str) -> None:
    visit = Visit.objects.create(
        submission=upload,
        record=record,
        edition="1.0",
        is_precheck=False,
        channel=upload.channel,
        state=VisitState.ACCEPTED,
        received_at=upload.received_at,
        visit_month=at.date().replace(day=1),
        visit_date=at.date(),
        data_type="1",
        upload_kind="1",
        institution=upload.institution,
        patient_id=patient,
        category=category,
        sequence=sequence,
        key=f"virtual-card-demo {upload.pk} {record}",
        **dict.fromkeys(_TEXTS, ""),
    )
    put_down(visit)
