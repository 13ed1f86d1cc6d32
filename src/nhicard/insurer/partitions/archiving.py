"""A month out of the tables into files: written, read back and compared, and only then dropped, in one transaction."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow.parquet as pq
from django.db import OperationalError, connection, models, transaction
from django.db.models import Model

from nhicard.insurer.absences import models as absences
from nhicard.insurer.audit import chain
from nhicard.insurer.detectors import models as detectors
from nhicard.insurer.followup import models as followup
from nhicard.insurer.intake.models import Order, State, Submission, Visit
from nhicard.insurer.partitions import files, rows
from nhicard.insurer.partitions.ensuring import is_past
from nhicard.insurer.partitions.files import CannotArchive, Manifest
from nhicard.insurer.partitions.models import ArchivedMonth
from nhicard.insurer.partitions.months import shifted
from nhicard.insurer.partitions.tables import Part, parts

ACTOR: Final = "command line"
MODELS: Final[Mapping[str, type[Model]]] = {model._meta.db_table: model for model in (Visit, Order)}
#: Nobody waits for longer behind the locks that taking a partition away asks for.
_PATIENCE: Final = "5s"
#: What the insurer's people still work on, by what it is called.
_OPEN_CASES: Final[Mapping[str, Callable[[date], models.QuerySet[Any]]]] = {
    "出國期間申報 absences": lambda month: absences.Evidence.objects.filter(
        visit__visit_month=month, case__state__in=absences.UNSETTLED
    ),
    "違規分析 detectors": lambda month: detectors.Evidence.objects.filter(
        visit__visit_month=month, finding__state__in=detectors.UNSETTLED
    ),
    "追蹤案件 followup": lambda month: followup.Case.objects.filter(
        visit__visit_month=month, state__in=followup.UNSETTLED
    ),
}


def archive(month: date, root: Path, now: datetime) -> Manifest:
    """Write a month that is over into a folder below the root, and drop it from the tables.

    Writers to this very month wait meanwhile, everybody else goes on. Raises CannotArchive, OSError.
    """
    require_possible()
    folder = files.folder_of(root, month)
    if not is_past(month, now):
        raise CannotArchive(f"{month:%Y-%m} 尚未結束。The month is not over.")
    if folder.exists():
        raise CannotArchive(f"{folder} 已存在，請換資料夾。It is there already; choose another folder.")
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = Path(tempfile.mkdtemp(dir=root, prefix=f".unfinished-{month:%Y-%m}-"))  # mode 0700
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            manifest = _archived(cursor, month, unfinished, now)
            unfinished.rename(folder)  # before the transaction ends: never dropped without the files in their place
            files.sync_folder(root)
    except BaseException as error:
        shutil.rmtree(unfinished if unfinished.exists() else folder, ignore_errors=True)
        if isinstance(error, OperationalError):
            raise CannotArchive(f"資料表使用中，請稍後再試。The tables are busy; try again later. {error}") from None
        raise
    return manifest


def require_possible() -> None:
    """Raises CannotArchive where the database has no partitions."""
    if connection.vendor != "postgresql":
        raise CannotArchive("SQLite 不分區，無法封存；請使用 PostgreSQL。SQLite has no partitions; use PostgreSQL.")


def _archived(cursor: Any, month: date, folder: Path, now: datetime) -> Manifest:
    """Files and manifest in the folder; the partitions gone when the transaction ends."""
    mine = [Part(table, month) for table in MODELS]
    for part in mine:
        if part not in parts(cursor, part.table):
            raise CannotArchive(f"沒有 {part.name} 分區。There is no such partition.")
    cursor.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
    for part in mine:
        cursor.execute(f"LOCK TABLE {part.name} IN SHARE ROW EXCLUSIVE MODE")
    _require_settled(month)
    counts = {part.table: _write(cursor, part, files.file_of(folder, part.table)) for part in mine}
    for part in mine:
        _compare(cursor, part, files.file_of(folder, part.table))
    digests = {part.table: files.digest_of(files.file_of(folder, part.table)) for part in mine}
    manifest = Manifest(month, counts, digests)
    with files.private(folder / files.MANIFEST) as file:
        file.write(manifest.as_bytes())
        files.synced(file)
    files.sync_folder(folder)
    if files.verify(folder) != manifest:
        raise files.BadArchive(f"{folder}: 清單讀回不符。The manifest reads differently.")
    visits, orders = (counts[model._meta.db_table] for model in (Visit, Order))
    ArchivedMonth.objects.create(
        month=month, visits=visits, orders=orders, digest=manifest.digest, archived_at=now.replace(microsecond=0)
    )
    facts = {"visits": visits, "orders": orders, "digest": manifest.digest}
    chain.record(at=now, actor=ACTOR, action="month.archived", subject=f"{month:%Y-%m}", facts=facts)
    for part in mine:
        cursor.execute(f"ALTER TABLE {part.table} DETACH PARTITION {part.name}")
        cursor.execute(f"DROP TABLE {part.name}")
    return manifest


def _require_settled(month: date) -> None:
    begins, ends = (datetime.combine(day, datetime.min.time()) for day in (month, shifted(month, 1)))
    waiting = Submission.objects.filter(state=State.PENDING, received_at__gte=begins, received_at__lt=ends).count()
    if waiting:
        raise CannotArchive(
            f"{month:%Y-%m} 還有 {waiting} 個上傳檔未檢核。 {waiting} uploads of the month are still to be checked."
        )
    for name, of_month in _OPEN_CASES.items():
        if number := of_month(month).count():
            raise CannotArchive(f"{name}: {month:%Y-%m} 還有 {number} 件未結。 {number} are not settled yet.")


def _write(cursor: Any, part: Part, path: Path) -> int:
    """The partition's rows as a Parquet file, a row group a slice; how many."""
    model, written = MODELS[part.table], 0
    empty = files.arrow(pl.DataFrame(schema=rows.schema(model)))
    with files.private(path) as file:
        with pq.ParquetWriter(file, empty.schema, compression="zstd") as writer:
            for some in rows.slices(cursor, model, part.name):
                writer.write_table(files.arrow(some), row_group_size=some.height)
                written += some.height
        files.synced(file)
    return written


def _compare(cursor: Any, part: Part, path: Path) -> None:
    """Each slice of the table against what the file gives back. Raises BadArchive."""
    model = MODELS[part.table]
    kept = files.groups(path, rows.schema(model))
    for some in rows.slices(cursor, model, part.name):
        if not some.equals(next(kept, pl.DataFrame())):
            raise files.BadArchive(f"{path} 讀回內容不符。It reads back differently.")
    if next(kept, None) is not None:
        raise files.BadArchive(f"{path} 讀回筆數不符。It has rows too many.")
