"""The monitoring counters: recounted for every institution and day that a batch touched, in its transaction.

A worker does not see what another one has not yet committed, and where nothing is in force there is no row that would
make the second wait. So each takes the locks of its cells before it counts: the later one counts what both wrote.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Final

import polars as pl
from django.db import connection
from django.db.backends.utils import CursorWrapper

from nhicard.insurer.intake.models import DayCount, Trace, Visit
from nhicard.insurer.intake.tracing import MOMENT, places
from nhicard.insurer.partitions.models import archived_months
from nhicard.insurer.partitions.months import month_of

Cell = tuple[str, date]

#: More locks than this would not fit into PostgreSQL's table of locks where several workers write at once.
_LOCKS: Final = 1024
_LOCK_SPACE: Final = 0x4E4849  # "NHI": the other half of the lock's number, so that it is no lock of another program
_AT_ONCE: Final = 2000
_LOCK = "SELECT pg_advisory_xact_lock(%s, number) FROM unnest(CAST(%s AS int[])) AS number"
_CLEAR = "DELETE FROM {counts} WHERE (institution, visit_date) IN (VALUES {cells})"
# The report is by visit category, which vaccinations (A00=2) have none of.
# The institution is no column there, so that SQLite finds the pre-check by patient and not by institution.
# (A) 1.0 records in force; (B) those whose 2.0 pre-check of the same patient and second is in force, by how it came.
_RECOUNT = """
WITH cells (institution, visit_date) AS (VALUES {cells})
INSERT INTO {counts} (institution, visit_date, category, accepted10, matched_by_vpn, matched_by_web)
SELECT institution, visit_date, category, count(*),
       sum(CASE WHEN arrived_by = 'vpn' THEN 1 ELSE 0 END), sum(CASE WHEN arrived_by = 'web' THEN 1 ELSE 0 END)
FROM (
  SELECT a.institution, a.visit_date, a.category, (
    SELECT max(b.channel) FROM {traces} t JOIN {visits} b ON b.visit_month = t.visit_month
    WHERE t.value = a.patient_id || ' ' || a.visit_time
      AND b.patient_id = a.patient_id AND b.visit_time = a.visit_time AND b.institution || '' = a.institution
      AND b.edition = '2.0' AND b.is_precheck = %s AND b.state = 'accepted'
  ) AS arrived_by
  FROM cells JOIN {visits} a ON a.institution = cells.institution AND a.visit_date = cells.visit_date
  WHERE a.edition = '1.0' AND a.is_precheck = %s AND a.state = 'accepted' AND a.data_type = '1'
) AS counted
GROUP BY institution, visit_date, category
"""


def recount(visits: pl.DataFrame) -> None:
    """Count anew the cells of the institutions and days of these visits, and of the 1.0 records that they replace or
    are compared with: these may be counted under another day (A54, M49)."""
    away = set(archived_months())  # what was counted of them stands: their records are not here to be counted
    cells = sorted(cell for cell in {*_cells(visits), *_compared(visits)} if month_of(cell[1]) not in away)
    _lock(cells)
    for start in range(0, len(cells), _AT_ONCE):
        _count(cells[start : start + _AT_ONCE])


def _cells(visits: pl.DataFrame) -> list[Cell]:
    return visits.select("institution", "visit_date").drop_nulls().unique().rows()


def _compared(visits: pl.DataFrame) -> Iterator[Cell]:
    moments = visits.select("patient_id", "visit_time").unique()
    for place in places(moments, MOMENT):
        records = Visit.objects.filter(place, edition="1.0", is_precheck=False, visit_date__isnull=False)
        for institution, day in records.values_list("institution", "visit_date").distinct():
            if day:
                yield institution, day


def _count(cells: Sequence[Cell]) -> None:
    parts = {
        "counts": DayCount._meta.db_table,
        "visits": Visit._meta.db_table,
        "traces": Trace._meta.db_table,
        "cells": ", ".join(["(%s, %s)"] * len(cells)),
    }
    values = [value for cell in cells for value in cell]
    with connection.cursor() as cursor, _by_indexes(cursor):
        cursor.execute(_CLEAR.format(**parts), values)
        cursor.execute(_RECOUNT.format(**parts), [*values, True, False])


@contextmanager
def _by_indexes(cursor: CursorWrapper) -> Iterator[None]:
    """Tables are not read whole meanwhile. Where PostgreSQL's statistics are older than an institution's large upload,
    it would do so once for every record."""
    if connection.vendor == "postgresql":
        cursor.execute("SET LOCAL enable_seqscan = off")
    yield
    if connection.vendor == "postgresql":
        cursor.execute("SET LOCAL enable_seqscan TO DEFAULT")


def _lock(cells: Sequence[Cell]) -> None:
    """Until the transaction ends, in one order for everybody; on SQLite only one writes at a time anyway."""
    if connection.vendor == "postgresql":
        numbers = sorted({_number(cell) for cell in cells})
        with connection.cursor() as cursor:
            cursor.execute(_LOCK, [_LOCK_SPACE, numbers])


def _number(cell: Cell) -> int:
    institution, day = cell
    return int.from_bytes(hashlib.sha256(f"{institution} {day}".encode()).digest()[:4]) % _LOCKS
