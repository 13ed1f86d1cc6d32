"""A month out of its archive back into the tables, as it would stand there now."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from django.db import IntegrityError, OperationalError, connection, transaction

from nhicard.insurer.audit import chain
from nhicard.insurer.intake.models import VisitState
from nhicard.insurer.partitions import files, rows
from nhicard.insurer.partitions.archiving import ACTOR, MODELS, require_possible
from nhicard.insurer.partitions.ensuring import make
from nhicard.insurer.partitions.files import CannotArchive, Manifest
from nhicard.insurer.partitions.models import ArchivedMonth
from nhicard.insurer.partitions.months import month_of
from nhicard.insurer.partitions.tables import Part

# What a correction or a deletion took out of force while the record was away: the table of keys knows.
_TAKEN: Final = """
UPDATE {visits} v SET state = CASE WHEN EXISTS (SELECT 1 FROM intake_inforce f WHERE f.key = v.key)
                                   THEN '{replaced}' ELSE '{deleted}' END
WHERE v.state = '{accepted}' AND NOT EXISTS (
  SELECT 1 FROM intake_inforce f
  WHERE f.key = v.key AND f.submission_id = v.submission_id AND f.record = v.record
)
"""
_SEQUENCE: Final = """
SELECT setval('{table}_id_seq', greatest((SELECT last_value FROM {table}_id_seq), (SELECT max(id) FROM {part})))
"""


def restore(folder: Path, now: datetime) -> Manifest:
    """Verify an archive and put its rows back, with their ids; those that came late to the month stay beside them.

    Raises BadArchive, CannotArchive, OSError.
    """
    require_possible()
    manifest = files.verify(folder)
    month = manifest.month
    if not ArchivedMonth.objects.filter(month=month, digest=manifest.digest).exists():
        raise CannotArchive(
            f"{month:%Y-%m} 未以此封存檔封存於本資料庫。The month was not archived from this database as this archive."
        )
    try:
        _put_back(folder, month, now)
    except IntegrityError as error:
        raise CannotArchive(f"與資料庫現有資料衝突。It contradicts what the database holds: {error}") from None
    except OperationalError as error:
        raise CannotArchive(f"資料表使用中，請稍後再試。The tables are busy; try again later. {error}") from None
    return manifest


def _put_back(folder: Path, month: date, now: datetime) -> None:
    with connection.cursor() as cursor:
        for table in MODELS:  # each a transaction of its own, which locks the default partition for a moment
            make(cursor, Part(table, month), month_of(now.date()))
    with transaction.atomic(), connection.cursor() as cursor:
        for table, model in MODELS.items():
            for some in files.groups(files.file_of(folder, table), rows.schema(model)):
                rows.insert(model, some)
            cursor.execute(_SEQUENCE.format(table=table, part=Part(table, month).name))
        _settle(cursor, Part("intake_visit", month))
        ArchivedMonth.objects.filter(month=month).delete()
        chain.record(at=now, actor=ACTOR, action="month.restored", subject=f"{month:%Y-%m}")


def _settle(cursor: Any, part: Part) -> None:
    """States as they would be had the records stayed."""
    states = {name: VisitState[name.upper()].value for name in ("accepted", "replaced", "deleted")}
    cursor.execute(_TAKEN.format(visits=part.name, **states))
