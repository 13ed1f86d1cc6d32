"""The job: finds what contradicts or is missing, opens cases, closes those that were corrected, reminds.

Running it again for the same day changes nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Final

import polars as pl
from django.db import transaction

from nhicard.insurer.audit import chain
from nhicard.insurer.followup.limits import Limits, limits
from nhicard.insurer.followup.models import JOB, UNSETTLED, BirthList, Case, Kind, Run, State, Step
from nhicard.insurer.followup.rules import gene_test, newborn
from nhicard.insurer.followup.services import gathering, telling
from nhicard.insurer.intake.models import Visit
from nhicard.insurer.many import one_of

NO_RESULT: Final = "no-result"
_AT_ONCE: Final = 1000


class CannotRun(ValueError):
    """Nothing was done; the text says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Counts of a run. ``births``: whether a list of births is loaded; without one newborn marks are not looked at."""

    births: bool
    found: int
    reopened: int
    corrected: int
    overdue: int
    reminded: int


@dataclass(frozen=True, slots=True)
class _Found:
    visit: Visit
    findings: list[str]


@transaction.atomic
def run(as_of: date, now: datetime) -> Outcome:
    """Look at everything as it stands at the end of the day. Raises CannotRun for a day that is not over in order."""
    if as_of > now.date():
        raise CannotRun("--as-of 不能是未來的日子。--as-of must not lie in the future.")
    last = Run.objects.order_by("-as_of").first()
    if last and as_of < last.as_of:
        raise CannotRun(f"已執行到 {last.as_of}。It has been run as of {last.as_of} already.")
    told, births = limits(), BirthList.objects.order_by("pk").last()
    counted: Counter[str] = Counter()
    found_now: list[Case] = []
    if births:
        found_now += _bring_up(Kind.NEWBORN, _newborn(births, as_of, told), births.since, as_of, now, counted)
    found_now += _bring_up(Kind.HLA_B, _gene_tests(as_of, told), date.min, as_of, now, counted)
    late = list(Case.objects.select_for_update().filter(state=State.OPEN, due__lt=as_of))
    _set(late, State.OVERDUE, "overdue", now)
    reminded = telling.remind(found_now, late, as_of, now, told)
    outcome = Outcome(
        births is not None, counted["found"], counted["reopened"], counted["corrected"], len(late), reminded
    )
    Run.objects.create(as_of=as_of, at=now, counts=asdict(outcome))
    chain.record(at=now, actor=JOB, action="followup.run", subject=f"as of {as_of}", facts=asdict(outcome))
    return outcome


def _newborn(births: BirthList, as_of: date, told: Limits) -> dict[str, _Found]:
    since = _since(Kind.NEWBORN, as_of, told.newborn.look_back)
    visits = gathering.newborn_visits(since, as_of)
    found = newborn.contradictions(visits, gathering.births(births), births.since, births.as_of, told.newborn)
    by_visit: dict[int, list[str]] = {}
    for visit, code in found.iter_rows():
        by_visit.setdefault(visit, []).append(code)
    return _with_visits(by_visit)


def _gene_tests(as_of: date, told: Limits) -> dict[str, _Found]:
    since = _since(Kind.HLA_B, as_of, told.hla_b.look_back)
    missing = gene_test.without_result(*gathering.gene_tests(since, as_of, told.hla_b), told.hla_b)
    return _with_visits({visit: [NO_RESULT] for visit in missing})


def _since(kind: Kind, as_of: date, look_back: int) -> date:
    """Where to begin: visits whose case is not settled are always looked at."""
    oldest = Case.objects.filter(kind=kind, state__in=UNSETTLED).order_by("visit_date").first()
    begins = as_of - timedelta(days=look_back)
    return min(begins, oldest.visit_date) if oldest else begins


def _with_visits(findings: Mapping[int, list[str]]) -> dict[str, _Found]:
    """By the subject, which stays the same when the record is corrected."""
    found: dict[str, _Found] = {}
    numbers = list(findings)
    for place in range(0, len(numbers), _AT_ONCE):
        for visit in Visit.objects.filter(pk__in=numbers[place : place + _AT_ONCE]).defer("fields"):
            found[hashlib.sha256(visit.key.encode()).hexdigest()] = _Found(visit, findings[visit.pk])
    return found


def _bring_up(
    kind: Kind, found: Mapping[str, _Found], since: date, as_of: date, now: datetime, counted: Counter[str]
) -> list[Case]:
    """Cases of what was found anew, and the end of those that nothing speaks for any more."""
    known = _known(kind, found)
    new = [_case(kind, subject, each, as_of, now) for subject, each in found.items() if subject not in known]
    Case.objects.bulk_create(new, batch_size=_AT_ONCE)
    _add_steps(new, "found", now)
    back = [known[subject] for subject in found if subject in known and known[subject].state == State.CORRECTED]
    for case in back:
        case.due = _due(kind, case.visit_date, as_of)
    _set(back, State.OPEN, "reopened", now)
    gone = [
        case
        for case in known.values()
        if case.state in UNSETTLED and case.subject not in found and case.visit_date - _newborn_age(kind) >= since
    ]
    _set(gone, State.CORRECTED, "corrected", now)
    for subject, each in found.items():
        if subject in known and (known[subject].visit_id, known[subject].findings) != (each.visit.pk, each.findings):
            known[subject].visit, known[subject].findings = each.visit, each.findings
            known[subject].save(update_fields=["visit", "findings"])
    counted["found"] += len(new)
    counted["reopened"] += len(back)
    counted["corrected"] += len(gone)
    return [*new, *back]


def _known(kind: Kind, found: Iterable[str]) -> dict[str, Case]:
    """Cases that are not settled, and those of what was found, by subject."""
    cases = Case.objects.select_for_update().filter(kind=kind)
    subjects = pl.DataFrame({"subject": list(found)}, schema={"subject": pl.String})
    known = {each.subject: each for each in cases.filter(state__in=UNSETTLED)}
    for part in subjects.iter_slices(_AT_ONCE):
        known |= {each.subject: each for each in cases.filter(one_of(part))}
    return known


def _newborn_age(kind: Kind) -> timedelta:
    """A visit's birth may lie so long before it, and a list that begins later says nothing of it."""
    return timedelta(days=limits().newborn.depends_for if kind == Kind.NEWBORN else 0)


def _case(kind: Kind, subject: str, found: _Found, as_of: date, now: datetime) -> Case:
    day = found.visit.visit_date
    assert day is not None  # only visits of a day are looked at
    return Case(
        kind=kind,
        subject=subject,
        institution=found.visit.institution,
        visit=found.visit,
        visit_date=day,
        findings=found.findings,
        found_at=now,
        due=_due(kind, day, as_of),
    )


def _due(kind: Kind, visit_date: date, as_of: date) -> date:
    """The last day: of a contradiction counted from the finding, of a missing result from the visit."""
    told = limits()
    if kind == Kind.HLA_B:
        return visit_date + timedelta(days=told.hla_b.answer_within)
    return as_of + timedelta(days=told.newborn.answer_within)


def _set(cases: Iterable[Case], state: State, step: str, now: datetime) -> None:
    rows = list(cases)
    for case in rows:
        case.state = state
    Case.objects.bulk_update(rows, ["state", "due"], batch_size=_AT_ONCE)
    _add_steps(rows, step, now)


def _add_steps(cases: Iterable[Case], name: str, now: datetime) -> None:
    Step.objects.bulk_create([Step(case=case, at=now, actor=JOB, name=name) for case in cases], batch_size=_AT_ONCE)
