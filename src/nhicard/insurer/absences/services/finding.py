"""The job: finds what names an absent physician, opens cases, clears those of which nothing is left, reminds.

Running it again for the same day changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import transaction

from nhicard.insurer.absences.models import UNSETTLED, AbsenceList, Case, Evidence, Run, State, Step
from nhicard.insurer.absences.rules import naming_absent, rules
from nhicard.insurer.absences.services import gathering, telling
from nhicard.insurer.audit import chain

ACTOR: Final = "absences find"
_AT_ONCE: Final = 1000
Key = tuple[str, str, date]  # institution, physician, day of exit


class CannotRun(ValueError):
    """Nothing was done; the text says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Counts of a run. ``lists``: whether a list of exits and entries is loaded; reports are looked at in any case."""

    lists: bool
    found: int
    reopened: int
    cleared: int
    overdue: int
    reminded: int


@transaction.atomic
def find(as_of: date, now: datetime) -> Outcome:
    """Look at everything as it stands at the end of the day. Raises CannotRun for a day that is not over in order."""
    if as_of > now.date():
        raise CannotRun("--as-of 不能是未來的日子。--as-of must not lie in the future.")
    last = Run.objects.order_by("-as_of").first()
    if last and as_of < last.as_of:
        raise CannotRun(f"已執行到 {last.as_of}。It has been run as of {last.as_of} already.")
    counted: Counter[str] = Counter()
    found = _found(as_of)
    known = {_key(each): each for each in Case.objects.select_for_update()}
    changed = [_bring_up(key, known.get(key), told, as_of, now, counted) for key, told in found.items()]
    for key, case in known.items():
        if key not in found and case.state in UNSETTLED:
            _clear(case, now, counted)
    late = list(Case.objects.select_for_update().filter(state=State.OPEN, due__lt=as_of))
    for case in late:
        _set(case, State.OVERDUE, "overdue", now)
    reminded = telling.remind([case for case in changed if case], late, as_of, now)
    has_list = AbsenceList.objects.exists()
    outcome = Outcome(has_list, counted["found"], counted["reopened"], counted["cleared"], len(late), reminded)
    Run.objects.create(as_of=as_of, at=now, counts=asdict(outcome))
    chain.record(at=now, actor=ACTOR, action="absences.run", subject=f"as of {as_of}", facts=asdict(outcome))
    return outcome


@dataclass(frozen=True, slots=True)
class _Told:
    """What was found of one absence at one institution; ``evidence`` by subject."""

    entry_on: date | None
    is_reported: bool
    replacement: str
    evidence: Mapping[str, Mapping[str, Any]]


def _found(as_of: date) -> dict[Key, _Told]:
    told = rules()
    exits = set(Case.objects.filter(state__in=UNSETTLED).values_list("exit_on", flat=True))
    journeys = gathering.absences(as_of - timedelta(days=told.look_back), as_of, exits)
    rows = gathering.named(journeys, as_of)
    hits = naming_absent(rows.lazy(), journeys.drop("replacement").lazy(), as_of, told)
    facts = journeys.select("absence", "exit_on", "entry_on", absent="physician")
    wide = hits.join(facts.lazy(), on="absence").join(rows.lazy(), on=["institution", "subject"]).collect()
    stand_ins = gathering.replacements(as_of)
    found: dict[Key, _Told] = {}
    for part in wide.partition_by("absence", "institution", maintain_order=True):
        first = part.row(0, named=True)
        key = (first["institution"], first["absent"], first["exit_on"])
        until = first["entry_on"] or as_of
        names = [who for begin, end, who in stand_ins.get(key[:2], []) if begin <= until and key[2] <= end]
        evidence = {row["subject"]: row for row in part.iter_rows(named=True)}
        found[key] = _Told(first["entry_on"], first["absence"] > 0, names[0] if names else "", evidence)
    return found


def _key(case: Case) -> Key:
    return (case.institution, case.physician, case.exit_on)


def _bring_up(
    key: Key, case: Case | None, told: _Told, as_of: date, now: datetime, counted: Counter[str]
) -> Case | None:
    """The case as it is now; it is given back when the institution has something new to do."""
    institution, physician, exit_on = key
    facts = {"entry_on": told.entry_on, "is_reported": told.is_reported, "replacement": told.replacement}
    due = as_of + timedelta(days=rules().answer_within)
    if case is None:
        made = Case.objects.create(
            institution=institution, physician=physician, exit_on=exit_on, found_at=now, due=due, **facts
        )
        _add_evidence(made, told.evidence.values(), now)
        Step.objects.create(case=made, at=now, actor=ACTOR, name="found")
        counted["found"] += 1
        return made
    new = _renew(case, told.evidence, now)
    for name, value in facts.items():
        setattr(case, name, value)
    case.save(update_fields=list(facts))
    if case.state == State.CLEARED or (new and case.state not in UNSETTLED):
        case.due = due
        _set(case, State.OPEN, "reopened", now)
        counted["reopened"] += 1
        return case
    if not new:
        return None
    if case.state == State.EXPLAINED:  # the explanation did not speak of these rows
        case.due = max(case.due, due)
        _set(case, State.OPEN, "more", now)
    else:
        Step.objects.create(case=case, at=now, actor=ACTOR, name="more")
    return case


def _renew(case: Case, evidence: Mapping[str, Mapping[str, Any]], now: datetime) -> int:
    """Bring the rows up to date; how many name the physician that did not when last looked at."""
    known = {each.subject: each for each in case.evidence.all()}
    gone = [each for subject, each in known.items() if subject not in evidence and each.gone_at is None]
    back = [each for subject, each in known.items() if subject in evidence and each.gone_at is not None]
    for each in gone:
        each.gone_at = now
    for each in back:
        each.gone_at = None
    for subject, each in known.items():
        if subject in evidence:
            row = evidence[subject]
            each.visit_id, each.is_travel_day = row["visit"], row["is_travel_day"]
            each.first_day, each.last_day = row["first_day"], row["last_day"]
    kept = ["gone_at", "visit", "is_travel_day", "first_day", "last_day"]
    Evidence.objects.bulk_update(known.values(), kept, batch_size=_AT_ONCE)
    fresh = [row for subject, row in evidence.items() if subject not in known]
    _add_evidence(case, fresh, now)
    return len(fresh) + len(back)


def _add_evidence(case: Case, rows: Iterable[Mapping[str, Any]], now: datetime) -> None:
    names = ("subject", "claim", "person", "first_day", "last_day", "is_travel_day")
    made = [
        Evidence(case=case, visit_id=row["visit"], found_at=now, **{name: row[name] for name in names}) for row in rows
    ]
    Evidence.objects.bulk_create(made, batch_size=_AT_ONCE)


def _clear(case: Case, now: datetime, counted: Counter[str]) -> None:
    case.evidence.filter(gone_at__isnull=True).update(gone_at=now)
    _set(case, State.CLEARED, "cleared", now)
    counted["cleared"] += 1


def _set(case: Case, state: State, step: str, now: datetime) -> None:
    case.state = state
    case.save(update_fields=["state", "due"])
    Step.objects.create(case=case, at=now, actor=ACTOR, name=step)
