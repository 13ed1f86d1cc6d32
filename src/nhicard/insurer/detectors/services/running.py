"""The job: all detectors over a month, findings brought up to date, those of which nothing is left cleared.

Running it again for the same month changes nothing unless the uploads did.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import polars as pl
from django.db import transaction

from nhicard.insurer.audit import chain
from nhicard.insurer.detectors.detecting import detect
from nhicard.insurer.detectors.detector import detectors
from nhicard.insurer.detectors.models import UNSETTLED, Evidence, Finding, Run, State, Step
from nhicard.insurer.detectors.services import gathering
from nhicard.insurer.intake.models import Visit
from nhicard.insurer.many import one_of
from nhicard.insurer.replica import reports

ACTOR: Final = "detectors run"
#: Refills are compared with those of so many days before.
LOOK_BACK: Final = timedelta(days=100)
_AT_ONCE: Final = 1000
#: What becomes of a finding for which there is more evidence than was known.
_WITH_MORE: Final = {
    State.DISMISSED: State.NEW,
    State.ACCEPTED: State.NEW,
    State.CLEARED: State.NEW,
    State.MARKED: State.NEW,
    State.ANSWERED: State.SENT,
}


class CannotRun(ValueError):
    """Nothing was done; the text says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Counts of a run."""

    found: int
    more: int
    cleared: int


def bounds(month: date) -> tuple[date, date]:
    """The first and the last day of the month."""
    first = month.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


@transaction.atomic
def run(month: date, now: datetime, settings: Mapping[str, Mapping[str, Any]] | None = None) -> Outcome:
    """Run over a month that is over. Raises CannotRun."""
    since, until = bounds(month)
    if until >= now.date():
        raise CannotRun("這個月還沒結束。The month is not over yet.")
    with reports(up_to_date=True):
        frames, claims = gathering.gather(since - LOOK_BACK, until)
    found = detect(frames, since, until, settings)
    references = {row["claim"]: row for row in claims.iter_rows(named=True)}
    counted: Counter[str] = Counter()
    for name, rows in found.items():
        _bring_up(name, rows, references, since, until, now, counted)
    outcome = Outcome(counted["found"], counted["more"], counted["cleared"])
    Run.objects.create(
        month=since,
        at=now,
        settings={name: dict(values) for name, values in (settings or {}).items()},
        counts=asdict(outcome) | {"by_detector": {name: rows.height for name, rows in found.items()}},
    )
    chain.record(at=now, actor=ACTOR, action="detectors.run", subject=f"month {since:%Y-%m}", facts=asdict(outcome))
    return outcome


def _bring_up(
    name: str,
    rows: pl.DataFrame,
    claims: Mapping[int, Mapping[str, Any]],
    since: date,
    until: date,
    now: datetime,
    counted: Counter[str],
) -> None:
    known = {
        each.subject: each
        for each in Finding.objects.select_for_update().filter(detector=name, day__gte=since, day__lte=until)
    }
    visits = _visits(rows["visits"])
    seen = set()
    for row in rows.iter_rows(named=True):
        subject = _digest(name, row["institution"], row["about"])
        seen.add(subject)
        evidence = [_of_visit(visits[number]) for number in row["visits"] if number in visits]
        evidence += [_of_claim(claims[number]) for number in row["claims"]]
        case = known.get(subject) or Finding.objects.filter(detector=name, subject=subject).first()
        if case is None:
            _make(name, subject, row, evidence, now)
            counted["found"] += 1
        elif _renew(case, row, evidence, now):
            counted["more"] += 1
    for subject, case in known.items():
        if subject not in seen and case.state in UNSETTLED:
            case.evidence.update(is_current=False)
            _set(case, State.CLEARED, "cleared", now)
            counted["cleared"] += 1


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _visits(numbers: pl.Series) -> dict[int, Visit]:
    wanted = numbers.explode().drop_nulls().unique().sort().to_frame("id")
    found: dict[int, Visit] = {}
    for part in wanted.iter_slices(_AT_ONCE):
        found |= Visit.objects.filter(one_of(part)).defer("fields").in_bulk()
    return found


def _of_visit(visit: Visit) -> dict[str, Any]:
    return {
        "subject": _digest(visit.key),
        "visit_id": visit.pk,
        "claim": "",
        "institution": visit.institution,
        "person": visit.patient_id,
        "physician": visit.staff_id,
        "day": visit.visit_date,
    }


def _of_claim(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "subject": _digest(row["institution"], row["reference"]),
        "visit_id": None,
        "claim": row["reference"],
        "institution": row["institution"],
        "person": row["person"],
        "physician": row["physician"],
        "day": row["first_day"],
    }


def _facts(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "day": row["day"],
        "physician": row["physician"] or "",
        "person": row["person"] or "",
        "measured": row["measured"],
        "bound": row["bound"],
    }


def _make(name: str, subject: str, row: Mapping[str, Any], evidence: list[dict[str, Any]], now: datetime) -> None:
    made = Finding.objects.create(
        detector=name,
        subject=subject,
        institution=row["institution"],
        severity=detectors()[name].severity,
        found_at=now,
        **_facts(row),
    )
    _add(made, evidence)
    Step.objects.create(finding=made, at=now, actor=ACTOR, name="found")


def _renew(finding: Finding, row: Mapping[str, Any], evidence: list[dict[str, Any]], now: datetime) -> bool:
    """Bring the finding up to date; whether it comes back, or grew. Evidence that was known brings nothing back."""
    known = {each.subject: each for each in finding.evidence.all()}
    told = {each["subject"]: each for each in evidence}
    for subject, each in known.items():
        each.is_current = subject in told
        if each.is_current:
            each.visit_id = told[subject]["visit_id"]
    Evidence.objects.bulk_update(known.values(), ["is_current", "visit"], batch_size=_AT_ONCE)
    new = [each for subject, each in told.items() if subject not in known]
    _add(finding, new)
    facts = _facts(row)
    for name, value in facts.items():
        setattr(finding, name, value)
    finding.save(update_fields=list(facts))
    is_back = finding.state == State.CLEARED
    if not new and not is_back:
        return False
    after = _WITH_MORE.get(State(finding.state), State(finding.state))
    _set(finding, after, "reopened" if after == State.NEW != finding.state else "more", now)
    return True


def _add(finding: Finding, evidence: list[dict[str, Any]]) -> None:
    rows = [Evidence(finding=finding, **each) for each in evidence]
    Evidence.objects.bulk_create(rows, batch_size=_AT_ONCE)


def _set(finding: Finding, state: State, step: str, now: datetime) -> None:
    finding.state = state
    finding.save(update_fields=["state"])
    Step.objects.create(finding=finding, at=now, actor=ACTOR, name=step)
