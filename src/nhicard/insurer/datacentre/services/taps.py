"""Taps: sequence numbers, visit identifiers, roll-back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from nhicard.formats import rocdate
from nhicard.formats.status_codes import Refused
from nhicard.identity import visit_identifier, visit_signatures
from nhicard.identity.visit_identifier import NotEncodable
from nhicard.insurer.datacentre import policy
from nhicard.insurer.datacentre.authentication import Caller
from nhicard.insurer.datacentre.models import SequenceCounter, Treatment
from nhicard.insurer.datacentre.services.basic_data import require_covered
from nhicard.insurer.registry.authority import authority
from nhicard.insurer.registry.models import HealthCard, Institution, InsuredPerson, Kind

SAME_DAY = 5010
NO_IDENTIFIER = 5174
_LATE = "2"


def next_number(
    caller: Caller, *, item: str, baby_treatment: str, after_check: str, now: datetime
) -> tuple[int, dict[str, Any]]:
    """A tap (SequelNumber/Next): the reply and its status, 5010 and 5174 being warnings with a full reply.

    Raises Refused where the visit may not take place.
    """
    now = now.replace(microsecond=0)
    with transaction.atomic():
        card = HealthCard.objects.select_related("person").select_for_update().get(pk=caller.patient_card.pk)
        _require_admissible(caller.institution, card, item, baby_treatment, now)
        counts = item in policy.COUNTED
        same_day = counts and _visited_today(card.person, caller.institution, now)
        sequence = _sequence_number(card, item, now)
        identifier = _identifier(card, caller.institution, after_check, now)
        if counts:
            card.uses_left -= 1
            card.save(update_fields=["uses_left"])
        signature = _security_signature(caller, card, sequence, now)
        _record(
            patient_id=card.person.id_no,
            card=card,
            institution=caller.institution,
            sam=caller.module,
            time=now,
            item=item,
            after_check=after_check,
            newborn_mark=baby_treatment,
            counts=counts,
            sequence_number=sequence,
            identifier=identifier,
            signature=signature,
        )
    status = NO_IDENTIFIER if not identifier else SAME_DAY if same_day else 0
    return status, {
        "treatmentDateTime": rocdate.format_datetime(now),
        "sequenceNumber": sequence,
        "hospitalId": caller.institution.code,
        "signature": signature,
        "samId": caller.module.number,
        "isSameDay": same_day,
        "treatmentNumber": identifier,
    }


@transaction.atomic
def roll_back(caller: Caller, time: datetime, now: datetime) -> dict[str, Any]:
    """Undo a tap (退掛). Raises Refused: 3208, 3211, 3218, 3219, 3220."""
    treatment = treatment_of(caller, time, for_update=True)
    if not treatment.counts:
        raise Refused(3219)
    if treatment.rolled_back_at:
        raise Refused(3220)
    if now.replace(microsecond=0) - treatment.time > policy.ROLLBACK_WITHIN:
        raise Refused(3218)
    treatment.rolled_back_at = now
    treatment.save(update_fields=["rolled_back_at"])
    card = HealthCard.objects.select_for_update().get(pk=caller.patient_card.pk)
    card.uses_left = min(card.uses_left + 1, policy.USES_AFTER_UPDATE)
    card.save(update_fields=["uses_left"])
    return {}


@transaction.atomic
def identifier_by_card(caller: Caller, time: datetime) -> dict[str, Any]:
    """The identifier of a tap made earlier (API 1.56): the one it has, or a new one if it had none.

    Raises Refused: 3208 no such tap, 3211, 3204.
    """
    treatment = treatment_of(caller, time, for_update=True)
    if treatment.rolled_back_at:
        raise Refused(3220)
    if not treatment.identifier:
        treatment.identifier = _issue(treatment.patient_id, caller.institution, treatment.time, "card")
        treatment.save(update_fields=["identifier"])
    return {"treatmentNumber": treatment.identifier}


def identifier_without_card(caller: Caller, patient_id: str, now: datetime) -> dict[str, Any]:
    """An identifier for a patient who has no card at hand (API 1.54). Raises Refused: 3204, 3205, 3228–3236."""
    now = now.replace(microsecond=0)
    _require_medical(caller.institution)
    person = InsuredPerson.objects.filter(id_no=patient_id).first()
    if person:
        require_covered(person)
        _require_unrestricted(person, caller.institution)
    identifier = _issue(patient_id, caller.institution, now, "no_card")
    with transaction.atomic():
        _record(
            patient_id=patient_id,
            card=None,
            institution=caller.institution,
            sam=caller.module,
            time=now,
            identifier=identifier,
        )
    return {
        "treatmentDateTime": rocdate.format_datetime(now),
        "hospitalId": caller.institution.code,
        "treatmentNumber": identifier,
    }


def treatment_of(caller: Caller, time: datetime, *, for_update: bool = False) -> Treatment:
    """The caller's tap of that time. Raises Refused: 3208 none, 3211 of another institution."""
    rows = Treatment.objects.select_for_update() if for_update else Treatment.objects.all()
    treatment = rows.filter(card=caller.patient_card, time=time).first()
    if treatment is None:
        raise Refused(3208)
    if treatment.institution_id != caller.institution.pk:
        raise Refused(3211)
    return treatment


def _require_admissible(
    institution: Institution, card: HealthCard, item: str, baby_treatment: str, now: datetime
) -> None:
    if item not in policy.CATEGORIES or item in policy.CANCELLING:
        raise Refused(1706, "treatmentItem")
    _require_medical(institution)
    if card.is_virtual and not institution.takes_virtual_cards:
        raise Refused(1042)
    require_covered(card.person)
    _require_unrestricted(card.person, institution)
    if baby_treatment:
        born = card.person.newborn_birthday
        if born is None:
            raise Refused(3206)
        if now.date() - born > policy.NEWBORN_DEPENDS_FOR:
            raise Refused(3207)
    if card.valid_until < now.date():
        raise Refused(5003)
    if card.uses_left > policy.USES_AFTER_UPDATE:
        raise Refused(3221)
    if item in policy.COUNTED and card.uses_left == 0:
        raise Refused(3213)


def _require_medical(institution: Institution) -> None:
    if institution.kind == Kind.NOT_MEDICAL:
        raise Refused(3202)


def _require_unrestricted(person: InsuredPerson, institution: Institution) -> None:
    if person.restricted_to_id not in (None, institution.pk):
        raise Refused(3205)


def _visited_today(person: InsuredPerson, institution: Institution, now: datetime) -> bool:
    return Treatment.objects.filter(
        patient_id=person.id_no,
        institution=institution,
        counts=True,
        rolled_back_at__isnull=True,
        time__date=now.date(),
    ).exists()


def _sequence_number(card: HealthCard, item: str, now: datetime) -> str:
    """The next number of the person's year. Raises Refused: 3222 none left, 3223 the counter is ahead of time."""
    if item not in policy.COUNTED:
        return policy.SPECIAL_NUMBERS.get(item, "")
    counters = SequenceCounter.objects.select_for_update().filter(person=card.person, is_virtual=card.is_virtual)
    if counters.filter(year__gt=now.year).exists():
        raise Refused(3223)
    counter, _ = counters.get_or_create(
        person=card.person, year=now.year, is_virtual=card.is_virtual, defaults={"last": 0}
    )
    largest = policy.LAST_VIRTUAL_SEQUENCE_NUMBER if card.is_virtual else policy.LAST_SEQUENCE_NUMBER
    if counter.last >= largest:
        raise Refused(3222)
    counter.last += 1
    counter.save(update_fields=["last"])
    return f"W{counter.last:03}" if card.is_virtual else f"{counter.last:04}"


def _identifier(card: HealthCard, institution: Institution, after_check: str, now: datetime) -> str:
    """The tap's identifier, empty where it cannot be made: the sequence number is good all the same (5174)."""
    service = "late_tap" if after_check == _LATE else "virtual_tap" if card.is_virtual else "tap"
    try:
        return _issue(card.person.id_no, institution, now, service)
    except Refused:
        return ""


def _issue(patient_id: str, institution: Institution, time: datetime, service: str) -> str:
    try:
        return visit_identifier.issue_one(
            authority().keys, person=patient_id, institution=institution.code, time=time, service=service
        )
    except NotEncodable as reason:
        raise Refused(3204, str(reason)) from None


def _security_signature(caller: Caller, card: HealthCard, sequence: str, now: datetime) -> str:
    key = authority().keys.at(now)
    if key is None:
        raise Refused(3300)
    return visit_signatures.sign_visit(
        key,
        institution=caller.institution.code,
        sam=caller.module.number,
        card=card.number,
        person=card.person.id_no,
        time=rocdate.format_datetime(now),
        sequence=sequence,
    )


def _record(**facts: Any) -> None:
    """Store the visit. Raises Refused where the patient has one at that very second: here 3236, elsewhere 3242."""
    try:
        with transaction.atomic():
            Treatment.objects.create(**facts)
    except IntegrityError:
        other = Treatment.objects.filter(patient_id=facts["patient_id"], time=facts["time"]).first()
        here = other is None or other.institution_id == facts["institution"].pk
        raise Refused(3236 if here else 3242) from None
