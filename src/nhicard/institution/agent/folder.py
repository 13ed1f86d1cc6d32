"""Visits from a folder: files that the HIS writes, taken once they are whole, then put aside."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from nhicard.formats import UnusableInput, read
from nhicard.institution.visits import Visits, read10, read20

TAKEN: Final = "taken"
FAILED: Final = "failed"
#: A file that was written to a moment ago may not be whole yet.
_SETTLED_AFTER: Final = 2.0
_ORDERS: Final = ".orders"
_log = logging.getLogger("nhicard.agent")


class UnusableFile(ValueError):
    """The file cannot be taken; the message says why, in Chinese and English."""


def take_files(
    folder: Path, keep: Callable[[Visits, pl.Series | None], Any], clock: Callable[[], float] = time.time
) -> int:
    """Hand every whole file's visits to ``keep``, which must have them on disk when it returns; how many files.

    A file goes to ``taken`` then, or to ``failed`` with its reason beside it. One of whose visits are kept and which is
    then found again, after a power cut, is handed over again: the outbox knows its visits.
    """
    done = 0
    for path in _waiting(folder, clock()):
        try:
            visits, department = visits_of(path)
        except (UnusableFile, UnusableInput, OSError) as error:
            told = f"{error.zh}\n{error.en}" if isinstance(error, UnusableInput) else str(error)
            _log.warning("%s cannot be taken", path.name)
            _put_aside(path, FAILED, told)
            continue
        keep(visits, department)
        _put_aside(path, TAKEN)
        done += 1
    return done


def visits_of(path: Path) -> tuple[Visits, pl.Series | None]:
    """The visits in a file, and their departments where it tells them. Raises UnusableFile, UnusableInput, OSError."""
    return _READERS[path.suffix.lower()](path)


def from_objects(told: Any) -> tuple[Visits, pl.Series | None]:
    """Visits told as JSON: a list of objects of visit columns, orders under ``orders``, and ``department``.

    Raises UnusableFile naming the object and the column.
    """
    if not isinstance(told, list) or not all(isinstance(each, dict) for each in told):
        raise UnusableFile("應為就醫物件的清單；a list of visits is needed")
    visits: list[Mapping[str, Any]] = []
    orders: list[Mapping[str, Any]] = []
    departments: list[str | None] = []
    for number, each in enumerate(told):
        own = {"data_type": None} | each
        departments.append(own.pop("department", None))
        of_visit = own.pop("orders", [])
        if not isinstance(of_visit, list) or not all(isinstance(order, dict) for order in of_visit):
            raise UnusableFile(
                f"第 {number + 1} 筆的醫令不是物件清單；orders of visit {number + 1} are no list of objects"
            )
        orders += [order | {"visit": number} for order in of_visit]
        visits.append(own)
    try:
        frame = pl.DataFrame(visits, infer_schema_length=None) if visits else pl.DataFrame({"data_type": []})
        rows = pl.DataFrame(orders, infer_schema_length=None) if orders else None
        return Visits.of_frames(frame, rows), pl.Series("department", departments, dtype=pl.String)
    except (ValueError, TypeError, pl.exceptions.PolarsError) as error:
        raise UnusableFile(f"欄位不符；the columns do not fit: {error}") from None


def _waiting(folder: Path, now: float) -> Iterator[Path]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        is_orders = path.stem.lower().endswith(_ORDERS)
        if path.is_file() and path.suffix.lower() in _READERS and not is_orders:
            parts = [path, *_orders_of(path)]
            if all(now - part.stat().st_mtime >= _SETTLED_AFTER for part in parts):
                yield path


def _orders_of(path: Path) -> list[Path]:
    beside = path.with_name(f"{path.stem}{_ORDERS}{path.suffix}")
    return [beside] if beside.is_file() else []


def _put_aside(path: Path, where: str, reason: str = "") -> None:
    target = path.parent / where
    target.mkdir(exist_ok=True)
    stem = time.strftime("%Y%m%d%H%M%S")
    for part in (path, *_orders_of(path)):
        shutil.move(part, target / f"{stem}-{part.name}")
    if reason:
        (target / f"{stem}-{path.name}.txt").write_text(reason + "\n", encoding="utf-8")


def _from_xml(path: Path) -> tuple[Visits, None]:
    batch = read(path)
    broken = [fault for fault in batch.faults if fault.code not in ("Y014",)]
    if broken:
        raise UnusableFile(f"{broken[0].zh} {broken[0].en}")
    return (read10(batch) if batch.edition == "1.0" else read20(batch)), None


def _from_json(path: Path) -> tuple[Visits, pl.Series | None]:
    try:
        return from_objects(json.loads(path.read_text(encoding="utf-8-sig")))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableFile(f"不是正確的 JSON；it is no JSON: {error}") from None


def _from_tables(path: Path) -> tuple[Visits, pl.Series | None]:
    from nhicard.institution.sources import UnusableTable, read_tables  # spreadsheets are read seldom

    try:
        told = read_tables(path, next(iter(_orders_of(path)), None))
    except UnusableTable as error:
        raise UnusableFile(str(error)) from None
    return told.visits, told.department


_READERS: Final[dict[str, Callable[[Path], tuple[Visits, pl.Series | None]]]] = {
    ".xml": _from_xml,
    ".json": _from_json,
    ".csv": _from_tables,
    ".xlsx": _from_tables,
}
