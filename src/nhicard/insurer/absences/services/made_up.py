"""A believable demo: physicians who treated somebody are said to have been abroad that day; the job does the rest."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Count

from nhicard.formats import rocdate
from nhicard.identity import national_id
from nhicard.insurer.absences.models import Case, Run
from nhicard.insurer.absences.services import acting, finding, lists, reporting
from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.intake.models import Visit, VisitState

_JOURNEY: Final = timedelta(days=1)  # before the day and after it
_PHYSICIANS: Final = 2  # abroad, of each institution
_EXPLANATION: Final = "該醫師當日上午看診後才出境，已核對掛號紀錄；其餘由代理醫師看診，將補正上傳。"
_REPLACEMENT: Final = str(national_id.with_check_digit(["B12345001"])[0])
_TRAVELLER: Final = str(national_id.with_check_digit(["A12345001"])[0])


@transaction.atomic
def seed(now: datetime) -> int:
    """Cases of institutions that have a clerk and visits; how many. Again it adds nothing."""
    if Run.objects.exists():
        return 0
    clerks = list(User.objects.filter(role=Role.CLERK, institution__isnull=False).order_by("pk"))
    journeys: dict[str, date] = {}
    for clerk in clerks:
        assert clerk.institution
        journeys |= _of(clerk.institution.code, now.date())
    lines = ["physician,exit,entry"]
    for physician, day in journeys.items():
        until = min(day + _JOURNEY, now.date())
        lines.append(f"{physician},{rocdate.format_date(day - _JOURNEY)},{rocdate.format_date(until)}")
    lists.load("\n".join(lines).encode(), "demo.csv", now.date(), now)
    for clerk in clerks[:1]:
        begin = now.date() + timedelta(days=10)
        told = reporting.Journey(_TRAVELLER, _REPLACEMENT, begin, begin + timedelta(days=6), "參加國際研討會")
        reporting.report(told, clerk, now)
    finding.find(now.date(), now)
    for clerk in clerks[:1]:
        assert clerk.institution
        case = Case.objects.filter(institution=clerk.institution.code).order_by("pk").first()
        if case:
            acting.act(case, "explain", clerk, _EXPLANATION, now)
    return Case.objects.count()


def _of(code: str, today: date) -> dict[str, date]:
    """The physicians with the fewest visits on a day, and that day."""
    visits = Visit.objects.filter(institution=code, state=VisitState.ACCEPTED, is_precheck=False, visit_date__lt=today)
    counted = visits.exclude(staff_id="").values_list("staff_id", "visit_date").annotate(visits=Count("pk"))
    found: dict[str, date] = {}
    for physician, day, _ in counted.order_by("visits", "-visit_date", "staff_id")[: 20 * _PHYSICIANS]:
        if day is not None and len(found) < _PHYSICIANS and national_id.is_valid_id(physician):
            found.setdefault(physician, day)
    return found
