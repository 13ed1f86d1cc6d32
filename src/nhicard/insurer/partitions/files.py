"""The archive of a month: a folder of Parquet files and a manifest, readable by its owner only."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, Final

import polars as pl
import pyarrow.parquet as pq

from nhicard.insurer.partitions.tables import TABLES

VERSION: Final = 1
MANIFEST: Final = "manifest.json"


class BadArchive(Exception):
    """The files are not what the manifest says; the message tells which, in both languages."""


class CannotArchive(Exception):
    """The month stays where it is; the message says why, in both languages."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """``rows`` and ``digests`` (SHA-256 of the file) by table."""

    month: date
    rows: Mapping[str, int]
    digests: Mapping[str, str]
    version: int = VERSION

    def as_bytes(self) -> bytes:
        """JSON with sorted keys: the same archive has the same bytes."""
        return json.dumps(asdict(self), default=str, indent=2, sort_keys=True).encode()

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.as_bytes()).hexdigest()


def folder_of(root: Path, month: date) -> Path:
    """Where a month lies."""
    return root / f"{month:%Y-%m}"


def file_of(folder: Path, table: str) -> Path:
    return folder / f"{table}.parquet"


def private(path: Path) -> BinaryIO:
    """A new file of mode 0600."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def synced(file: BinaryIO) -> None:
    """On disk before this returns."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """The folder's entries, too."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def digest_of(path: Path) -> str:
    """SHA-256 of the file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def arrow(rows: pl.DataFrame) -> Any:
    """As pyarrow writes it."""
    return rows.to_arrow(compat_level=pl.CompatLevel.oldest())


def groups(path: Path, types: Mapping[str, Any]) -> Iterator[pl.DataFrame]:
    """The row groups of a file in their order; none is larger than a slice."""
    with pq.ParquetFile(path) as file:
        for place in range(file.num_row_groups):
            frame = pl.from_arrow(file.read_row_group(place))
            assert isinstance(frame, pl.DataFrame)
            yield frame.select(pl.col(name).cast(dtype) for name, dtype in types.items())


def verify(folder: Path) -> Manifest:
    """The manifest of an archive whose files are as it says. Raises BadArchive, OSError."""
    try:
        told = json.loads((folder / MANIFEST).read_bytes())
        manifest = Manifest(date.fromisoformat(told["month"]), told["rows"], told["digests"], told["version"])
        if manifest.version != VERSION or {*manifest.rows} != {*TABLES} or {*manifest.digests} != {*TABLES}:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise BadArchive(f"{folder / MANIFEST} 不是封存清單。It is no manifest of an archive.") from None
    for table in TABLES:
        path = file_of(folder, table)
        if not path.is_file() or digest_of(path) != manifest.digests[table]:
            raise BadArchive(f"{path} 遺失或已毀損。It is missing or damaged.")
        if pq.read_metadata(path).num_rows != manifest.rows[table]:
            raise BadArchive(f"{path} 筆數不符。It has another number of rows than its manifest.")
    return manifest
