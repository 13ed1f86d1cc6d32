"""Visits of several months, uploaded and checked."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime
from typing import Any, Final

from django.db import connection
from tests.insurer.faults.uploads import patient

from nhicard.checks.cases.cases import Record, base_record, changed
from nhicard.checks.context import Context
from nhicard.checks.reference import References
from nhicard.formats import rocdate
from nhicard.formats.batch import build
from nhicard.formats.writer import write
from nhicard.insurer.intake.kinds import Channel
from nhicard.insurer.intake.models import Finding, InForce, Submission, Visit, VisitState
from nhicard.insurer.intake.services import receiving
from nhicard.insurer.intake.services.receiving import Upload
from nhicard.insurer.intake.worker import Worker

NOON: Final = datetime(2023, 10, 20, 12)
CLINIC: Final = "3501200000"
AUGUST, SEPTEMBER, OCTOBER = date(2023, 8, 1), date(2023, 9, 1), date(2023, 10, 1)


def visit(number: int, day: date, *changes: str) -> Record:
    """A 2.0 visit of a day, another number another patient."""
    at = f"{rocdate.format_date(day)}0800{number % 60:02}"
    own = (f"M03={patient(number)}", f"M11={at}", f"M15=2B2B3C4D5E6F7G8H{number:04}", f"D01[*]={at}")
    return changed("2.0", base_record("2.0", "bases", "outpatient"), (*own, *changes))


def deliver(*records: Record, kind: str = "A1", now: datetime = NOON) -> Submission:
    """Receive an upload; it waits in the queue."""
    content = write(build("2.0", list(records)))
    return receiving.receive(Upload(CLINIC, "SAM000000001", Channel.WEB_API, kind, content), now)


def worker() -> Worker:
    return Worker(lambda: Context(as_of=NOON, references=References()))


def upload(*records: Record, kind: str = "A1") -> dict[int | None, set[str]]:
    """Receive and check an upload; codes that reject, by record."""
    submission = deliver(*records, kind=kind)
    while worker().once():
        pass
    found: dict[int | None, set[str]] = {}
    for finding in Finding.objects.filter(submission=submission).exclude(severity="warn"):
        found.setdefault(finding.record, set()).add(finding.code)
    return found


def require_each_in_force_once() -> None:
    """The table of keys and the states say the same."""
    standing = Visit.objects.filter(state=VisitState.ACCEPTED)
    places = list(standing.order_by("key").values_list("key", "submission_id", "record", "visit_month"))
    assert places == list(InForce.objects.order_by("key").values_list("key", "submission_id", "record", "visit_month"))


def everything(*models: Any) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of tables, in the order of their ids."""
    return {model.__name__: list(model.objects.order_by("id").values_list()) for model in models}


def rows_of(table: str) -> dict[str, int]:
    """How many rows lie in each partition that has any."""
    return _counted(f"SELECT tableoid::regclass::text, count(*) FROM {table} GROUP BY 1")


def _counted(statement: str) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return dict(cursor.fetchall())


def read_by(statement: str, parameters: Iterable[Any] = ()) -> set[str]:
    """The partitions that the planner means to read."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", list(parameters))
        ((plan,),) = cursor.fetchall()
    found: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            with suppress(KeyError):
                found.add(node["Relation Name"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(plan)
    return found
