"""Who gets documents on paper, as of a day, and the batch that is printed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from nhicard.insurer.audit import chain
from nhicard.insurer.portal.texts import texts
from nhicard.insurer.registry.models import Contract, Institution, Validity
from nhicard.insurer.taxes.models import Document, Owner
from nhicard.insurer.taxes.services import current, rendering
from nhicard.insurer.taxes.services.rendering import Letter
from nhicard.insurer.taxes.tables import documents

#: Owners of this age and above get paper.
OLD: Final = 80


class NothingToPrint(Exception):
    """Nobody of these institutions gets paper."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An owner's newest documents of a year. ``reasons``: closed, old, former; ``owner``: who has the address."""

    institution: Institution
    owner_id_no: str
    owner_name: str
    owner: Owner | None
    documents: tuple[Document, ...]
    reasons: tuple[str, ...]


def age(birthday: date, day: date) -> int:
    """Whole years on the day; who was born on 29 February turns on 1 March of other years."""
    return day.year - birthday.year - ((day.month, day.day) < (birthday.month, birthday.day))


def deliveries(institutions: QuerySet[Institution], year: int, as_of: date) -> list[Delivery]:
    """Every owner with documents of the year, with the reasons for paper, if any, as of the day; by institution."""
    found: dict[tuple[str, str], list[Document]] = defaultdict(list)
    newest = current.documents().filter(year=year, institution__in=institutions).defer("figures")
    for each in newest.select_related("institution", "production"):
        found[each.institution.code, each.owner_id_no].append(each)
    owners: dict[tuple[int, str], list[Owner]] = defaultdict(list)
    for owner in current.owners(as_of).filter(institution__in=institutions).order_by("valid_from"):
        owners[owner.institution_id, owner.id_no].append(owner)
    open_now = set(
        Contract.objects.filter(Validity.on(as_of), institution__in=institutions)
        .order_by()
        .values_list("institution", flat=True)
    )
    order = list(documents())
    told = []
    for (_, id_no), group in sorted(found.items()):
        place, periods = group[0].institution, owners[group[0].institution_id, id_no]
        reasons = _reasons(periods, place.pk in open_now, as_of)
        ordered = tuple(sorted(group, key=lambda each: order.index(each.kind)))
        last = max(ordered, key=lambda each: each.version)
        told.append(Delivery(place, id_no, last.owner_name, periods[-1] if periods else None, ordered, tuple(reasons)))
    return told


def _reasons(periods: Iterable[Owner], is_open: bool, as_of: date) -> list[str]:
    told = list(periods)
    reasons = [] if is_open else ["closed"]
    if any(age(each.birthday, as_of) >= OLD for each in told):
        reasons.append("old")
    if not any(each.valid_from <= as_of and (each.valid_until or as_of) >= as_of for each in told):
        reasons.append("former")
    return reasons


@transaction.atomic
def batch(
    institutions: QuerySet[Institution], year: int, as_of: date, now: datetime, actor: str, role: str = ""
) -> tuple[bytes, int]:
    """One PDF to print, a cover and the documents for each owner, by postal code; how many letters. Audited each.

    Raises NothingToPrint.
    """
    wanted = [each for each in deliveries(institutions, year, as_of) if each.reasons and each.owner]
    if not wanted:
        raise NothingToPrint
    wanted.sort(key=lambda each: (each.owner.postal_code if each.owner else "", each.institution.code))
    printed = rendering.letters_pdf([_letter(each, year) for each in wanted])
    for each in wanted:
        chain.record(
            at=now,
            actor=actor,
            role=role,
            action="taxes.printed",
            subject=f"taxes {year} on paper",
            institution=each.institution.code,
            facts={
                "as_of": as_of.isoformat(),
                "documents": [one.pk for one in each.documents],
                "reasons": list(each.reasons),
            },
        )
    return printed, len(wanted)


def _letter(delivery: Delivery, year: int) -> Letter:
    owner: Any = delivery.owner
    facts = [rendering.facts(each) for each in delivery.documents]
    return {
        "address": {
            "postal_code": owner.postal_code,
            "address": owner.address,
            "name": delivery.owner_name,
            "institution": f"{delivery.institution.code} {delivery.institution.name}",
            "year": year,
            "reason": "、".join(texts()[f"taxes.paper.{each}"][0] for each in delivery.reasons),
            "enclosed": [each["title"] for each in facts],
        },
        "documents": facts,
    }
