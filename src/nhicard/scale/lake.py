"""The lake: uploads day by day as Parquet files in folders, and what a day consists of.

    LAKE/days/2023-10-23.json                                                  the day's list of partitions
    LAKE/edition=2.0/sort=precheck/day=2023-10-23/bucket=03/source=…/TABLE.parquet

A partition holds the uploads of the institutions of one bucket and is never changed: other content means another
``source`` and another list. Who reads a day through its list sees it whole, as it was or as it is.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl

from nhicard.formats.batch import order_schema, visit_schema
from nhicard.formats.tables import Edition
from nhicard.identity.private_files import write_private

SCHEMA_VERSION: Final = 1
BUCKETS: Final = 16

Table = Literal["files", "visits", "orders", "faults", "findings"]
TABLES: Final[tuple[Table, ...]] = ("files", "visits", "orders", "faults", "findings")

FILES: Final[Mapping[str, Any]] = {
    "file": pl.UInt32,
    "receipt": pl.String,
    "institution": pl.String,
    "channel": pl.String,
    "received_at": pl.Datetime("us"),
    "codes_known": pl.Boolean,
}
"""A row an upload. ``file`` counts from 0 in the partition; ``institution`` is that of the SAM. ``codes_known`` is
false where the findings had been forgotten before the export: only the verdicts are left."""

FAULTS: Final[Mapping[str, Any]] = {
    "file": pl.UInt32,
    **dict.fromkeys(("record", "order"), pl.UInt32),
    **dict.fromkeys(("code", "field", "value", "zh", "en"), pl.String),
    **dict.fromkeys(("line", "offset"), pl.Int64),
}
"""What reading found; ``record`` is the partition's, null where the fault is the file's."""

FINDINGS: Final[Mapping[str, Any]] = {
    "file": pl.UInt32,
    **dict.fromkeys(("record", "order"), pl.UInt32),
    **dict.fromkeys(("field", "code", "severity"), pl.String),
}
"""What the insurer answered; ``record`` is the partition's, null where the finding is the file's."""


def schema(table: Table, edition: Edition) -> dict[str, Any]:
    """Columns of a table. Records are numbered from 1 through the partition; ``number`` is that in the file."""
    match table:
        case "files":
            return dict(FILES)
        case "visits":
            own = {"file": pl.UInt32, "number": pl.UInt32, "rejected": pl.Boolean}
            return {"record": pl.UInt32, **own, **visit_schema(edition)}
        case "orders":
            return dict(order_schema(edition))
        case "faults":
            return dict(FAULTS)
        case "findings":
            return dict(FINDINGS)


class BadLake(Exception):
    """The lake cannot be used as it is; the message says why and what to do, in both languages."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Which uploads a partition holds: ``day`` is that of receiving, ``bucket`` that of the institution."""

    day: date
    edition: Edition
    is_precheck: bool
    bucket: int

    @property
    def folder(self) -> Path:
        """Within the lake."""
        sort = "precheck" if self.is_precheck else "real"
        return Path(f"edition={self.edition}", f"sort={sort}", f"day={self.day}", f"bucket={self.bucket:02}")


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """``source``: the hash of what it was made from. ``counts``: rows a table, and ``rejected`` records.
    ``sha256``: of each table's file. ``alphabets``: kinds of characters in each field, as in ``Batch``."""

    place: Place
    source: str
    counts: Mapping[str, int] = field(compare=False)
    sha256: Mapping[str, str] = field(compare=False)
    alphabets: Mapping[str, int] = field(compare=False)

    @property
    def folder(self) -> Path:
        """Within the lake."""
        return self.place.folder / f"source={self.source}"

    @property
    def digest(self) -> str:
        """Of all its content: partitions of one digest give one result."""
        return hashlib.sha256(as_json(self.to_dict())).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        place = self.place
        return {
            "day": place.day.isoformat(),
            "edition": place.edition,
            "is_precheck": place.is_precheck,
            "bucket": place.bucket,
            "source": self.source,
            "counts": dict(self.counts),
            "sha256": dict(self.sha256),
            "alphabets": dict(self.alphabets),
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Partition:
        """The inverse of ``to_dict``."""
        day = date.fromisoformat(told["day"])
        place = Place(day, told["edition"], told["is_precheck"], told["bucket"])
        return cls(place, told["source"], told["counts"], told["sha256"], told["alphabets"])


@dataclass(frozen=True, slots=True)
class Day:
    """A whole day. ``set_aside``: uploads that could not be checked and are not in the lake."""

    day: date
    buckets: int
    set_aside: int
    partitions: tuple[Partition, ...]

    def count(self, name: str) -> int:
        """Of all partitions together."""
        return sum(each.counts[name] for each in self.partitions)


def bucket_of(institution: str, buckets: int = BUCKETS) -> int:
    """An institution's uploads lie in the same bucket on every day and every machine."""
    return zlib.crc32(institution.encode()) % buckets


def publish(lake: Path, day: Day) -> None:
    """From now on the day consists of these partitions."""
    told = {
        "schema": SCHEMA_VERSION,
        "day": day.day.isoformat(),
        "buckets": day.buckets,
        "set_aside": day.set_aside,
        "partitions": [each.to_dict() for each in sorted(day.partitions)],
    }
    write_private(_day_file(lake, day.day), as_json(told))


def day_of(lake: Path, day: date) -> Day | None:
    """The day as published, None where it was not. Raises BadLake."""
    try:
        told = json.loads(_day_file(lake, day).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise BadLake(f"{day}: 清單檔損壞，請重新匯出。 The day's list is broken; export the day again.") from error
    if told["schema"] != SCHEMA_VERSION:
        raise BadLake(
            f"{day}: 資料湖版本 {told['schema']} 與程式版本 {SCHEMA_VERSION} 不同，請重新匯出。 "
            f"The lake is of schema {told['schema']}, this program of {SCHEMA_VERSION}; export the day again."
        )
    return Day(day, told["buckets"], told["set_aside"], tuple(map(Partition.from_dict, told["partitions"])))


def partitions(lake: Path, first: date, last: date) -> list[Partition]:
    """Of all days from the first to the last, in order. Raises BadLake naming the days that were not exported."""
    found = {day: day_of(lake, day) for day in _days(first, last)}
    missing = [day for day, known in found.items() if known is None]
    if missing:
        named = "、".join(map(str, missing[:5])) + (" …" if len(missing) > 5 else "")
        raise BadLake(
            f"資料湖缺少 {len(missing)} 天：{named}，請先以 nhicard lake export 匯出。 "
            "These days are not in the lake; export them first."
        )
    return [each for known in found.values() if known for each in sorted(known.partitions)]


def verify(lake: Path, partition: Partition) -> None:
    """Raises BadLake unless every file is there with the content that was written."""
    for table, expected in partition.sha256.items():
        path = lake / partition.folder / f"{table}.parquet"
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            found = ""
        if found != expected:
            raise BadLake(
                f"{partition.folder}: {table}.parquet 遺失或損壞，請刪除該資料夾後重新匯出。 "
                "The file is missing or damaged; delete the folder and export the day again."
            )


def as_json(told: Any) -> bytes:
    """The same bytes for the same values."""
    return json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"


def _day_file(lake: Path, day: date) -> Path:
    return lake / "days" / f"{day}.json"


def _days(first: date, last: date) -> Iterator[date]:
    for ahead in range((last - first).days + 1):
        yield first + timedelta(days=ahead)
