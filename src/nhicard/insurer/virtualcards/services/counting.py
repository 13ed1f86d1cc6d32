"""A month's figures, each one aggregate of the database over the centre's taps or the uploads' visits and orders.

A visit was made with a virtual card if its sequence number begins with W, which the centre gives to virtual cards
alone, or if it has the virtual order V000. Pre-checks, rejected, replaced and deleted records do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from nhicard.insurer.datacentre.models import TelemedicineRequest, Treatment, VirtualCardSession
from nhicard.insurer.intake.models import Order, Visit, VisitState
from nhicard.insurer.registry.models import HealthCard, Institution
from nhicard.insurer.virtualcards.models import FIGURES, MonthFigures, Participation

SEQUENCE: Final = "W"
ORDER: Final = "V000"
HOME_CARE: Final = "AH"
_AT_ONCE: Final = 2000
_VIRTUAL: Final = tuple(name for name in FIGURES if name != "uploaded_all")


def month_of(day: date) -> date:
    """The first day of the day's month."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def months_before(month: date, count: int) -> date:
    """The first day of the month so many before."""
    place = month.year * 12 + month.month - 1 - count
    return date(place // 12, place % 12 + 1, 1)


@transaction.atomic
def count(month: date, now: datetime) -> int:
    """Count the month, in place of what was counted of it before; how many institutions have figures."""
    begins, ends = month_of(month), next_month(month)
    found = figures(begins, ends)
    taking_part = Participation.objects.filter(Q(valid_until=None) | Q(valid_until__gte=begins), valid_from__lt=ends)
    using = {code for code, each in found.items() if any(each.get(name) for name in _VIRTUAL)}
    codes = using | set(taking_part.values_list("institution__code", flat=True))
    places = dict(Institution.objects.filter(code__in=codes).values_list("code", "pk"))
    MonthFigures.objects.filter(month=begins).delete()
    rows = [
        MonthFigures(institution_id=places[code], month=begins, counted_at=now, **found.get(code, {}))
        for code in sorted(places)
    ]
    MonthFigures.objects.bulk_create(rows, batch_size=_AT_ONCE)
    return len(rows)


def figures(begins: date, ends: date) -> dict[str, dict[str, int]]:
    """Figures by institution, of the days from ``begins`` to before ``ends``; what is 0 may be missing."""
    found: dict[str, dict[str, int]] = {}
    for name, counted in _counted(begins, ends).items():
        for code, number in counted:
            found.setdefault(code, {})[name] = number
    return found


def _counted(begins: date, ends: date) -> Mapping[str, Iterable[tuple[str, int]]]:
    first, after = (datetime.combine(day, datetime.min.time()) for day in (begins, ends))
    sessions = VirtualCardSession.objects.filter(began_at__gte=first, began_at__lt=after)
    before = VirtualCardSession.objects.filter(card=OuterRef("card"), began_at__lt=first)
    taps = Treatment.objects.filter(card__is_virtual=True, rolled_back_at=None, time__gte=first, time__lt=after)
    videos = TelemedicineRequest.objects.filter(agreed=True, asked_at__gte=first, asked_at__lt=after)
    visits = Visit.objects.filter(
        state=VisitState.ACCEPTED, is_precheck=False, visit_date__gte=begins, visit_date__lt=ends
    ).filter(visit_month__gte=month_of(begins), visit_month__lt=ends)  # the partitions to read
    virtual = made_with_virtual_card(visits)
    return {
        "cards": _by(sessions, "sam__institution__code", Count("card", distinct=True)),
        "first_used": _first_used(sessions.filter(~Exists(before))),
        "visits_made": _by(taps, "institution__code", Count("pk")),
        "telemedicine": _by(videos, "institution__code", Count("pk")),
        "visits_uploaded": _by(virtual, "institution", Count("pk")),
        "uploaded_home": _by(virtual.filter(category=HOME_CARE), "institution", Count("pk")),
        "uploaded_all": _by(visits, "institution", Count("pk")),
    }


def made_with_virtual_card(visits: QuerySet[Visit]) -> QuerySet[Visit]:
    """Of the visits those made with a virtual card."""
    order = Order.objects.filter(submission=OuterRef("submission"), record=OuterRef("record"), code=ORDER)
    return visits.filter(Q(sequence__startswith=SEQUENCE) | Exists(order))


def _first_used(sessions: QuerySet[VirtualCardSession]) -> Iterable[tuple[str, int]]:
    """A card counts where it was read first; ``sessions``: of cards that were never read before."""
    seen: dict[int, str] = {}
    rows = sessions.order_by("began_at", "pk").values_list("card", "sam__institution__code")
    for card, code in rows.iterator(chunk_size=_AT_ONCE):
        seen.setdefault(card, code)
    counted: dict[str, int] = {}
    for code in seen.values():
        counted[code] = counted.get(code, 0) + 1
    return counted.items()


def _by(rows: QuerySet[Any], code: str, number: Any) -> Iterable[tuple[str, int]]:
    return list(rows.order_by().values(code).annotate(number=number).values_list(code, "number"))


@dataclass(frozen=True, slots=True)
class Bound:
    """Virtual cards of the whole country: bound in the month, and in force at its end or now."""

    new: int
    in_force: int


def bound(month: date, now: datetime) -> Bound:
    """How many citizens have a virtual card; a card belongs to a person, not to an institution."""
    ends = datetime.combine(next_month(month), datetime.min.time())
    at = min(ends, now)
    cards = HealthCard.objects.filter(is_virtual=True, issued_on__lte=at.date(), issued_on__lt=ends.date())
    people = cards.filter(Q(revoked_at=None) | Q(revoked_at__gt=at))
    new = cards.filter(issued_on__gte=month)
    one = Count("person", distinct=True)
    return Bound(new.aggregate(n=one)["n"], people.aggregate(n=one)["n"])
