"""A believable demo: one of the demo's patients is said to be dead, another in hospital; the job finds the rest."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import transaction

from nhicard.formats import rocdate
from nhicard.identity import national_id
from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.detectors.models import FactKind, Finding, Run, State
from nhicard.insurer.detectors.services import acting, facts, running
from nhicard.insurer.intake.models import Visit, VisitState

_OUTPATIENT: Final = ("01", "02", "03", "04")
_PATIENTS: Final = 400  # looked through for some with a valid ID
#: Low bounds, since the demo's institutions are small.
_SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "cardless_rate": {"share": 0.05, "least": 20},
    "impossible_volume": {"most": 20},
}


@transaction.atomic
def seed(now: datetime) -> int:
    """Findings of the last month with visits that is over; how many. Again it adds nothing, as without visits."""
    if Run.objects.exists():
        return 0
    month = (now.date().replace(day=1) - timedelta(days=1)).replace(day=1)
    clerks = list(User.objects.filter(role=Role.CLERK, institution__isnull=False).order_by("pk"))
    dead, stays = ["person,died"], ["person,admitted,discharged"]
    for clerk in clerks:
        assert clerk.institution
        patients = _patients(clerk.institution.code, *running.bounds(month))
        for person, day in patients[:1]:
            dead.append(f"{person},{rocdate.format_date(day - timedelta(days=3))}")
        for person, day in patients[1:3]:
            around = (day - timedelta(days=2), day + timedelta(days=2))
            stays.append(",".join([person, *map(rocdate.format_date, around)]))
    facts.load(FactKind.DEATHS, "\n".join(dead).encode(), "demo.csv", now)
    facts.load(FactKind.STAYS, "\n".join(stays).encode(), "demo.csv", now)
    running.run(month, now, _SETTINGS)
    for clerk in clerks[:1]:
        assert clerk.institution
        _ask(clerk, now)
    return Finding.objects.count()


def _patients(code: str, since: date, until: date) -> list[tuple[str, date]]:
    visits = Visit.objects.filter(
        institution=code,
        state=VisitState.ACCEPTED,
        is_precheck=False,
        category__in=_OUTPATIENT,
        visit_date__range=(since, until),
    )
    rows = visits.order_by("-visit_date", "pk").values_list("patient_id", "visit_date")[:_PATIENTS]
    found: dict[str, date] = {}
    for person, day in rows:
        if day is not None and national_id.is_valid_id(person):
            found.setdefault(person, day)
    return list(found.items())


def _ask(clerk: User, now: datetime) -> None:
    """The division asks about the first two findings, and the institution answers one."""
    assert clerk.institution
    officer = User.objects.filter(role=Role.OFFICER, division=clerk.institution.division).first()
    if officer is None:
        return
    of_clerk = Finding.objects.filter(institution=clerk.institution.code, state=State.NEW).order_by("pk")
    for place, finding in enumerate(of_clerk[:2]):
        acting.act(finding, "send", officer, "請核對該次就醫的病患身分。", now)
        if place == 0:
            acting.act(finding, "answer", clerk, "掛號時身分證號登打錯誤，將更正上傳。", now)
