"""What years of history cost a worker on PostgreSQL: ``python -m nhicard.bench.months`` (docs/scale-online.md).

Needs an empty database of its own (``tools/with_postgresql.py`` gives one). Lets a worker check visits, fills months
before them by SQL with rows like theirs, lets it check others, and asks for moments that are not on record in three
ways: of every partition, of one, of the traces.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from nhicard.bench.backlog import worked
from nhicard.formats.writer import write
from nhicard.synthetic import generate

if TYPE_CHECKING:
    from django.db.models import QuerySet

_NOW: Final = datetime(2023, 10, 23, 12)
_PATTERN: Final = 2_000  # visits whose rows are multiplied
#: What must differ in a copied visit: nothing of it is found by what a new visit is looked for by.
_VISIT: Final[Mapping[str, str]] = {
    "record": "record + {offset}",
    "visit_month": "DATE '{month}'",
    "visit_date": "DATE '{month}'",
    "key": "key || ' {offset}'",
    "patient_id": "'X' || lpad((record * 997 + {offset})::text, 9, '0')",
    "identifier": "CAST(md5((record + {offset})::text) AS varchar(20))",
    "visit_time": "'{roc}01' || lpad(record::text, 6, '0')",
}
_ORDER: Final[Mapping[str, str]] = {name: _VISIT[name] for name in ("record", "visit_month")}
_TRACES: Final = """
INSERT INTO intake_trace (value, visit_month)
SELECT patient_id || ' ' || visit_time, visit_month FROM intake_visit WHERE visit_month = %s
UNION ALL SELECT identifier, visit_month FROM intake_visit WHERE visit_month = %s
"""


def run(visits: int, months: int, rows: int, home: Path) -> dict[str, float]:
    """Seconds, milliseconds and their ratios; the home is made for it. ``rows``: visits a month of history."""
    os.environ["NHICARD_INSURER_HOME"] = str(home)
    os.environ.setdefault("NHICARD_LOG_LEVEL", "ERROR")
    from nhicard.insurer import serving

    serving.set_up_django()
    serving.set_up()
    from django.db import connection

    if connection.vendor != "postgresql":
        raise SystemExit("partitions need PostgreSQL: set DATABASE_URL")
    worked([write(generate("2.0", _PATTERN, 5, _NOW))], _PATTERN)
    without = worked([write(generate("2.0", visits, 6, _NOW))], visits)
    with connection.cursor() as cursor:
        history = [_month_before(_NOW.date(), back) for back in range(1, months + 1)]
        for place, month in enumerate(history):
            _fill(cursor, place, month, rows)
        cursor.execute("ANALYZE")
        after = worked([write(generate("2.0", visits, 7, _NOW))], visits)
        figures = {
            "months of history": months,
            "visits a month": rows,
            "worker without history, s": without,
            "worker with history, s": after,
            "with / without": after / without,
        }
        return figures | dict(_lookups(history[0]))


def _month_before(day: date, back: int) -> date:
    months = day.year * 12 + day.month - 1 - back
    return date(months // 12, months % 12 + 1, 1)


def _fill(cursor: Any, place: int, month: date, rows: int) -> None:
    from nhicard.insurer.intake.models import Order, Visit
    from nhicard.insurer.partitions import ensuring
    from nhicard.insurer.partitions.tables import TABLES, Part

    for table in TABLES:
        ensuring.make(cursor, Part(table, month), _NOW.date().replace(day=1))
    for copy in range(rows // _PATTERN):
        facts = {
            "offset": 10_000_000 + (place * 100 + copy) * 10_000,
            "month": month,
            "roc": f"{month.year - 1911}{month:%m}",
        }
        for model, different in ((Visit, _VISIT), (Order, _ORDER)):
            cursor.execute(_copying(model, {name: value.format(**facts) for name, value in different.items()}))
    cursor.execute(_TRACES, [month, month])


def _copying(model: Any, different: Mapping[str, str]) -> str:
    """Rows of the first file again, but for these columns."""
    columns = [field.column for field in model._meta.concrete_fields if field.column != "id"]
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(different.get(name, f'"{name}"') for name in columns)
    first = "submission_id = (SELECT min(id) FROM intake_submission) AND record <= 1000000"
    return f"INSERT INTO {model._meta.db_table} ({names}) SELECT {values} FROM {model._meta.db_table} WHERE {first}"  # noqa: S608  # our own words


def _lookups(month: date) -> Iterator[tuple[str, float]]:
    from nhicard.insurer.intake.models import Trace, Visit
    from nhicard.insurer.intake.tracing import MOMENT
    from nhicard.insurer.many import one_of

    # Persons of every month, as a batch has them, at a moment at which nobody was seen.
    on_record = Visit.objects.order_by("identifier").values_list("patient_id", flat=True)
    persons = list(dict.fromkeys(on_record[:40_000]))[:20_000]
    moments = pl.DataFrame({"patient_id": persons, "visit_time": f"{month.year - 1911}{month:%m}31235959"})
    visits = Visit.objects.filter(one_of(moments)).values_list("patient_id", "visit_time", "state")
    traces = Trace.objects.filter(one_of(moments.select(value=MOMENT))).values_list("value", "visit_month")
    asked: Sequence[tuple[str, QuerySet[Any, Any]]] = (
        ("every partition", visits),
        ("one partition", visits.filter(visit_month=month)),
        ("the traces", traces),
    )
    for name, found in asked:
        yield f"20,000 moments not on record, {name}, ms", min(_explained(found) for _ in range(3))


def _explained(found: QuerySet[Any, Any]) -> float:
    """Milliseconds of execution, as PostgreSQL has them."""
    (told,) = json.loads(found.explain(format="json", analyze=True, timing=False))
    return float(told["Execution Time"])


def main() -> None:
    """Command line of the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--rows", type=int, default=20_000, help="visits a month of history, in thousands of 2")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nhicard-months-") as folder:
        for name, value in run(chosen.visits, chosen.months, chosen.rows, Path(folder) / "insurer").items():
            print(f"{name:50} {value:10.1f}")  # noqa: T201  # what the command is for


if __name__ == "__main__":
    main()
