"""Which tables are partitioned, what their partitions are called, and the SQL that makes them.

Names are our own and months are dates: nothing of a user's goes into these statements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from nhicard.insurer.partitions.months import month_of, months_between, shifted
from nhicard.insurer.partitions.storage import age_of

TABLES: Final = ("intake_visit", "intake_order")
#: Months further back, or further ahead than ``AHEAD``, are mistakes rather than visits: they stay in the default.
OLDEST: Final = 60
AHEAD: Final = 3
_PARTS: Final = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass(%s) AND NOT i.inhdetachpending ORDER BY c.relname
"""
_MONTH: Final = re.compile(r"_(\d{4})(\d{2})$")


@dataclass(frozen=True, slots=True)
class Part:
    """One partition of one table; ``month`` is None for the default one."""

    table: str
    month: date | None

    @property
    def name(self) -> str:
        return f"{self.table}_{self.month:%Y%m}" if self.month else f"{self.table}_other"


def parts(cursor: Any, table: str) -> list[Part]:
    """The attached partitions in the order of their months, the default one last."""
    cursor.execute(_PARTS, [table])
    found = [Part(table, _month(name)) for (name,) in cursor.fetchall()]
    return sorted(found, key=lambda part: part.month or date.max)


def is_partitioned(cursor: Any, table: str) -> bool:
    """Whether it is already; it is not before its migration has run."""
    cursor.execute("SELECT 1 FROM pg_class WHERE oid = to_regclass(%s) AND relkind = 'p'", [table])
    return cursor.fetchone() is not None


def is_usual(month: date, present: date) -> bool:
    """Whether the month gets a partition of its own where it has rows."""
    return -AHEAD <= months_between(month, present) <= OLDEST


def create(part: Part, present: date) -> Iterator[str]:
    """Statements that make the table of a partition, with its storage parameters, not yet attached."""
    yield f"CREATE TABLE {part.name} (LIKE {part.table} INCLUDING CONSTRAINTS INCLUDING STORAGE)"
    if part.month:
        yield stored(part, present)


def attach(part: Part) -> str:
    """Attaching makes the indexes and constraints of the parent, and locks the parent against changes of its shape
    only: readers and writers go on."""
    if part.month is None:
        return f"ALTER TABLE {part.table} ATTACH PARTITION {part.name} DEFAULT"
    ends = shifted(part.month, 1)
    return f"ALTER TABLE {part.table} ATTACH PARTITION {part.name} FOR VALUES FROM ('{part.month}') TO ('{ends}')"


def stored(part: Part, present: date) -> str:
    """The storage parameters of the month's age; what is stored already stays as it is."""
    assert part.month
    settings = age_of(part.month, month_of(present)).settings
    return f"ALTER TABLE {part.name} SET ({', '.join(f'{name} = {value}' for name, value in settings.items())})"


def _month(name: str) -> date | None:
    found = _MONTH.search(name)
    return date(int(found[1]), int(found[2]), 1) if found else None
