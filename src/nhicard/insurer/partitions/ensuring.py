"""A partition for every month that will be written to, in good time; what lies in the default one gets its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db import connection, transaction

from nhicard.insurer.partitions.months import month_of, months_between, shifted
from nhicard.insurer.partitions.storage import age_of
from nhicard.insurer.partitions.tables import (
    AHEAD,
    TABLES,
    Part,
    attach,
    create,
    is_partitioned,
    is_usual,
    parts,
    stored,
)

#: Attaching waits for transactions that read the default partition; nobody shall wait behind it for longer.
_PATIENCE: Final = "3s"
_LISTED: Final = """
SELECT c.relname, greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid), coalesce(c.reloptions, '{}')
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass(%s)
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """A partition as it lies there. ``rows``: estimated. ``size``: bytes with indexes. ``settings``: as PostgreSQL has
    them (``name=value``)."""

    part: Part
    rows: int
    size: int
    settings: tuple[str, ...]


def is_possible() -> bool:
    """Whether this database has partitions at all."""
    return connection.vendor == "postgresql"


def ensure(now: datetime, ahead: int = AHEAD) -> list[Part]:
    """Make what is missing, up to so many months ahead; what was made. Nothing on SQLite.

    Storage parameters follow the months' ages. Again does no harm, nor do several at once. Raises OperationalError
    (lock_timeout) where transactions went on for too long: the next run does it.
    """
    if not is_possible():
        return []
    present = month_of(now.date())
    made = []
    with connection.cursor() as cursor:
        for table in TABLES:
            if is_partitioned(cursor, table):
                for part in _missing(cursor, table, present, ahead):
                    if make(cursor, part, present):
                        made.append(part)
                _age(cursor, table, present)
    return made


def listed() -> list[Stored]:
    """Every partition, by table and month."""
    found = []
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(_LISTED, [table])
            facts = {name: (rows, size, tuple(settings)) for name, rows, size, settings in cursor.fetchall()}
            found += [Stored(part, *facts[part.name]) for part in parts(cursor, table)]
    return found


def analyze() -> None:
    """Statistics of the tables as wholes: autovacuum keeps those of the partitions only."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ANALYZE {table}")


def _missing(cursor: Any, table: str, present: date, ahead: int) -> Iterator[Part]:
    known = {part.month for part in parts(cursor, table)}
    wanted = {shifted(present, by) for by in range(ahead + 1)}
    cursor.execute(f"SELECT DISTINCT visit_month FROM {Part(table, None).name}")  # noqa: S608  # names of our own
    wanted |= {month for (month,) in cursor.fetchall() if is_usual(month, present)}
    yield from (Part(table, month) for month in sorted(wanted - known))


def make(cursor: Any, part: Part, present: date) -> bool:
    """Make, fill from the default partition and attach a partition in one transaction; False where it is there.

    Raises OperationalError (lock_timeout) where transactions went on for too long.
    """
    other = Part(part.table, None)
    with transaction.atomic():
        cursor.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
        # what comes to the default partition from here on waits; and so does a second one that wants to make this
        cursor.execute(f"LOCK TABLE {other.name} IN ACCESS EXCLUSIVE MODE")
        if part in parts(cursor, part.table):
            return False
        for statement in create(part, present):
            cursor.execute(statement)
        cursor.execute(
            f"WITH moved AS (DELETE FROM {other.name} WHERE visit_month = %s RETURNING *) "  # noqa: S608  # names of our own
            f"INSERT INTO {part.name} SELECT * FROM moved",
            [part.month],
        )
        cursor.execute(attach(part))
    return True


def _age(cursor: Any, table: str, present: date) -> None:
    """Storage parameters of the months that have come into another age."""
    cursor.execute(_LISTED, [table])
    settings = {name: set(options) for name, _, _, options in cursor.fetchall()}
    for part in parts(cursor, table):
        if part.month and settings[part.name] != _options(part.month, present):
            with transaction.atomic():
                cursor.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
                cursor.execute(stored(part, present))


def _options(month: date, present: date) -> set[str]:
    return {f"{name}={value}" for name, value in age_of(month, present).settings.items()}


def age_name(part: Part, now: datetime) -> str:
    """What the partition's month is called as of a moment; empty for the default partition."""
    return age_of(part.month, month_of(now.date())).name if part.month else ""


def is_past(month: date, now: datetime) -> bool:
    """Whether the month is over."""
    return months_between(month, month_of(now.date())) > 0
