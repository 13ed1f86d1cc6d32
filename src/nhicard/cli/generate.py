"""``nhicard generate``: a made-up upload file, and beside it what was planted in it and whose identifiers it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nhicard.cli.settings import load_keys
from nhicard.formats import rocdate
from nhicard.formats.batch import Batch
from nhicard.formats.tables import Edition
from nhicard.formats.writer import EPILOG, PROLOG, write_slices
from nhicard.synthetic import plant, slices

_PROGRESS_FROM_VISITS = 50_000
_INSTITUTIONS = ("A14", "M05", "M17")


def run(
    edition: Edition,
    output: Path,
    visits: int,
    seed: int,
    error_rate: float,
    as_of: datetime | None,
    institutions: int,
    keys: Path | None = None,
) -> int:
    """Write the file, slice by slice; returns the exit code."""
    errors = Console(stderr=True, highlight=False)
    moment = _naive(as_of or rocdate.now())
    beside = planted_path(output)
    records = orders = planted = 0
    codes: set[str] = set()
    try:
        ring = load_keys(keys) if keys else None
        parts = slices(edition, visits, seed, moment, institutions, keys=ring)
        noting = beside.open("wb") if error_rate else nullcontext()
        with output.open("wb") as stream, noting as notes, _progress(errors, visits) as bar:
            stream.write(PROLOG.encode("ascii"))
            for part in parts:
                written = part
                if notes is not None:
                    written, found = plant(part, error_rate, seed, keyed=ring is not None)
                    found.write_csv(notes, include_header=planted == 0 and records == 0)
                    planted += found.height
                _write_records(written, stream)
                codes.update(*(part.visits[field].drop_nulls() for field in _INSTITUTIONS if field in part.visits))
                records += part.visits.height
                orders += part.orders.height
                bar(part.visits.height)
            stream.write(EPILOG.encode("ascii"))
        if ring:
            pl.DataFrame({"code": sorted(codes)}).write_csv(institutions_path(output))
    except OSError as error:
        name = error.filename or output
        errors.print(f"{name}: 無法寫入。 Cannot be written: {error.strerror or error}.", markup=False, soft_wrap=True)
        return 2
    except ValueError as error:
        errors.print(f"nhicard: {error}", markup=False, soft_wrap=True)
        return 2
    _tell(output, moment, records, orders)
    if error_rate:
        _tell_planted(beside, planted)
    if ring:
        _tell_institutions(institutions_path(output), len(codes))
    return 0


def _naive(moment: datetime) -> datetime:
    """The same moment as Taipei's clocks show it."""
    return moment.astimezone(rocdate.TAIPEI).replace(tzinfo=None) if moment.tzinfo else moment


def planted_path(output: Path) -> Path:
    """Where it is written what was planted: the file's own name with ``.planted.csv`` behind it."""
    return output.with_name(f"{output.name}.planted.csv")


def institutions_path(output: Path) -> Path:
    """Where the codes of the file's institutions are written, as a list for ``nhicard check --reference``."""
    return output.with_name(f"institutions-{output.stem}.csv")


def _write_records(batch: Batch, stream: BinaryIO) -> None:
    """The batch's records without the prolog and epilog that a file has once."""
    _, *pieces, _ = write_slices(batch)
    stream.writelines(pieces)


def _tell(output: Path, moment: datetime, records: int, orders: int) -> None:
    day = moment.date().isoformat()
    Console(highlight=False).print(
        f"{output}：已寫入 {records:,} 筆就醫、{orders:,} 筆 MB2（{day} 上傳）。 "
        f"Wrote {records:,} visits and {orders:,} MB2, for an upload on {day}.",
        markup=False,
        soft_wrap=True,
    )


def _tell_planted(beside: Path, planted: int) -> None:
    Console(highlight=False).print(
        f"{beside}：埋入 {planted:,} 個錯誤。 Planted {planted:,} errors.", markup=False, soft_wrap=True
    )


def _tell_institutions(path: Path, count: int) -> None:
    Console(highlight=False).print(
        f"{path}：{count:,} 家虛構院所的清單。 The list of the {count:,} made-up institutions.",
        markup=False,
        soft_wrap=True,
    )


@contextmanager
def _progress(errors: Console, visits: int) -> Iterator[Callable[[int], None]]:
    """A function that is told how many visits were written; shows a bar for large files to a person."""
    if visits < _PROGRESS_FROM_VISITS or not errors.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("visits", total=visits)
        yield lambda written: bar.advance(task, written)
