"""What a card says of its holder, and the update of its content."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import transaction

from nhicard.formats import rocdate
from nhicard.formats.status_codes import Refused
from nhicard.insurer.datacentre import policy
from nhicard.insurer.datacentre.authentication import Caller
from nhicard.insurer.registry.models import CriticalIllness, HealthCard, InsuredPerson, Validity


def query(card: HealthCard) -> dict[str, Any]:
    """The basic data of the card and its holder."""
    person = card.person
    return {
        "cardSn": card.number,
        "name": person.name,
        "idCardNum": person.id_no,
        "birthday": rocdate.format_date(person.birthday),
        "sex": person.sex,
        "dateIssue": rocdate.format_date(card.issued_on),
        "cancelTermination": "2" if card.revoked_at else "1",
    }


def register(card: HealthCard) -> dict[str, Any]:
    """The basic data with what a registration desk asks for beside it."""
    person = card.person
    return query(card) | {
        "insurerCode": person.insurer_code,
        "insurerId": person.identity_status,
        **register2(card),
        "newbornBirthday": _roc(person.newborn_birthday),
        "newbornBaby": str(person.newborn_count) if person.newborn_count else "",
    }


def register2(card: HealthCard) -> dict[str, Any]:
    """How long the card may be used and how often."""
    return {"cardValidity": rocdate.format_date(card.valid_until), "treatmentCounter": card.uses_left}


def emergency_telephone(card: HealthCard) -> dict[str, Any]:
    """Whom to call."""
    return {"tel": card.person.telephone}


@transaction.atomic
def update(caller: Caller, now: datetime) -> dict[str, Any]:
    """Renew uses and validity (HcContent/Update). Raises Refused: insurance status, or 9081 while not yet due."""
    card = HealthCard.objects.select_related("person").select_for_update().get(pk=caller.patient_card.pk)
    require_covered(card.person)
    if card.uses_left > policy.USES_THAT_ALLOW_UPDATE and card.valid_until >= now.date():
        raise Refused(9081)
    card.uses_left = policy.USES_AFTER_UPDATE
    card.valid_until = now.date() + policy.VALIDITY_AFTER_UPDATE
    card.save(update_fields=["uses_left", "valid_until"])
    return {}


def require_covered(person: InsuredPerson) -> None:
    """Raises Refused with the status code of the person's insurance where it does not cover a visit."""
    if person.insurance_status:
        raise Refused(person.insurance_status)


def critical_illnesses(card: HealthCard, day: date) -> list[dict[str, str]]:
    """Certificates of critical illness that hold on the day, the newest first, six at most."""
    rows = CriticalIllness.objects.filter(Validity.on(day), person=card.person).order_by("-valid_from")
    return [
        {
            "ciCode": row.code,
            "validityStart": rocdate.format_date(row.valid_from),
            "validityEnd": _roc(row.valid_until),
        }
        for row in rows[: policy.CRITICAL_ILLNESSES_SHOWN]
    ]


def _roc(day: date | None) -> str:
    return rocdate.format_date(day) if day else ""
