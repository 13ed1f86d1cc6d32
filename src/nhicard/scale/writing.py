"""Writing a partition: part after part into a folder of its own, which gets its name when it is whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

import polars as pl
import pyarrow.parquet as pq

from nhicard.formats.batch import Batch
from nhicard.formats.together import Together
from nhicard.scale.lake import FAULTS, TABLES, Partition, Place, Table, as_json, schema

_UNFINISHED: Final = ".unfinished-"
_MANIFEST: Final = "partition.json"
_GROUP: Final = 100_000  # rows


@dataclass(frozen=True, slots=True)
class Part:
    """Uploads read together, and what became of them.

    ``files``: ``FILES`` without ``file``, a row an upload in the order of reading. ``rejected``: Boolean, a value a
    visit. ``findings``: ``file`` (place in the part), ``number`` (of the record in its file, null for the file's own),
    ``order field code severity``.
    """

    read: Together
    files: pl.DataFrame
    rejected: pl.Series
    findings: pl.DataFrame


class PartitionWriter:
    """A context; what was not finished leaves no trace."""

    def __init__(self, lake: Path, place: Place, source: str) -> None:
        self._lake, self._place, self._source = lake, place, source
        self._counts: Counter[str] = Counter(dict.fromkeys([*TABLES, "rejected"], 0))
        self._alphabets: dict[str, int] | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        parent = self._lake / self._place.folder
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in parent.glob(f"{_UNFINISHED}*"):  # by a process that was killed
            shutil.rmtree(left)
        self._folder = Path(tempfile.mkdtemp(dir=parent, prefix=_UNFINISHED))  # mode 0700
        self._files = {table: self._open.enter_context(_private(self._folder / _name(table))) for table in TABLES}
        self._tables = {
            table: self._open.enter_context(
                pq.ParquetWriter(self._files[table], _arrow(self._empty(table)).schema, compression="zstd")
            )
            for table in TABLES
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, part: Part) -> None:
        """Write a part behind those before it."""
        batch = part.read.batch
        visits_before, files_before = self._counts["visits"], self._counts["files"]
        by = pl.lit(visits_before, pl.UInt32)
        place = pl.col("file") + pl.lit(files_before, pl.UInt32)
        visits = batch.visits.hstack(part.read.files.select(place, "number")).with_columns(part.rejected)
        number = visits.select("record", "file", "number")
        records = number.with_columns(pl.col("record") + by)
        findings = part.findings.with_columns(place).join(
            records, on=["file", "number"], how="left", maintain_order="left"
        )
        files = part.files.with_columns(
            file=pl.int_range(files_before, files_before + part.files.height, dtype=pl.UInt32, eager=True)
        )
        self._write("files", files)
        self._write("visits", visits.with_columns(pl.col("record") + by))
        self._write("orders", batch.orders.with_columns(pl.col("record", "visit") + by))
        self._write("faults", _faults(part.read, number, files_before).with_columns(pl.col("record") + by))
        self._write("findings", findings)
        self._counts["rejected"] += int(part.rejected.sum())
        if batch.visits.height:
            self._know(batch)

    def finish(self) -> Partition:
        """On disk, under its name; one of the same source that is there already is replaced."""
        for table in TABLES:
            self._tables[table].close()
            self._files[table].flush()
            os.fsync(self._files[table].fileno())
        digests: dict[str, str] = {}
        for table in TABLES:
            with (self._folder / _name(table)).open("rb") as file:
                digests[table] = hashlib.file_digest(file, "sha256").hexdigest()
        made = Partition(self._place, self._source, dict(self._counts), digests, self._alphabets or {})
        with _private(self._folder / _MANIFEST) as file:
            file.write(as_json(made.to_dict()))
            file.flush()
            os.fsync(file.fileno())
        whole = self._lake / made.folder
        shutil.rmtree(whole, ignore_errors=True)
        self._folder.rename(whole)
        return made

    def _empty(self, table: Table) -> pl.DataFrame:
        return pl.DataFrame(schema=schema(table, self._place.edition))

    def _write(self, table: Table, rows: pl.DataFrame) -> None:
        self._counts[table] += rows.height
        if rows.height:
            wanted = schema(table, self._place.edition)
            self._tables[table].write_table(
                _arrow(rows.select(pl.col(name).cast(dtype) for name, dtype in wanted.items())), row_group_size=_GROUP
            )

    def _know(self, batch: Batch) -> None:
        """Kinds of characters of all parts; a field of which one part does not know them is unknown."""
        known = batch.alphabets if self._alphabets is None else self._alphabets
        self._alphabets = {
            name: int(kinds | batch.alphabets[name]) for name, kinds in known.items() if name in batch.alphabets
        }


def finished(lake: Path, place: Place, source: str) -> Partition | None:
    """The partition of this source, if it was written before."""
    path = lake / place.folder / f"source={source}" / _MANIFEST
    return Partition.from_dict(json.loads(path.read_bytes())) if path.exists() else None


def sweep(lake: Path, kept: Partition) -> None:
    """Delete what lies in the partition's place and is not of it any more; for after the day was published."""
    for folder in (lake / kept.place.folder).iterdir():
        if folder.name != kept.folder.name:
            shutil.rmtree(folder)


def _faults(read: Together, number: pl.DataFrame, files_before: int) -> pl.DataFrame:
    """Faults of records and of files, which are rare: one by one."""
    file_of = dict(zip(number["record"], number["file"], strict=True)) if read.batch.faults else {}
    rows = [(file_of[fault.record or 0], fault) for fault in read.batch.faults]
    rows += [
        (place + files_before, fault) for place, own in enumerate(read.alone) for fault in getattr(own, "faults", ())
    ]
    told: list[dict[str, Any]] = [
        {"file": file, **{name: getattr(fault, name) for name in FAULTS if name != "file"}} for file, fault in rows
    ]
    return pl.DataFrame(told, schema=dict(FAULTS))


def _name(table: Table) -> str:
    return f"{table}.parquet"


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _arrow(rows: pl.DataFrame) -> Any:
    return rows.to_arrow(compat_level=pl.CompatLevel.oldest())
