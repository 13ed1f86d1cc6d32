"""Loading the user's lists from a folder, on top of the shipped ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import polars as pl

from nhicard.checks.reference.catalogue import VALIDITY, ListSpec, catalogue, claiming
from nhicard.checks.reference.reading import UnreadableList, read
from nhicard.checks.reference.references import Reference, References
from nhicard.checks.reference.shipped import complete_within, shipped, shipped_rows
from nhicard.formats.tables import codes


def load(folder: Path) -> References:
    """The shipped lists and those of the folder; a loaded list takes the place of a shipped one.

    Several files of one list are joined. ``References.unclaimed`` names the files that belong to no list.
    Raises UnreadableList for a folder or a file that cannot be understood.
    """
    if not folder.is_dir():
        raise UnreadableList(f"找不到清單資料夾 {folder.name}。", f"There is no folder {folder.name} of lists.")
    lists: dict[str, Reference | Callable[[], Reference]] = shipped().makers()
    files: dict[str, list[Path]] = {}
    unclaimed = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() or path.name.startswith("."):
            continue
        spec = claiming(path.stem, path.suffix)
        if spec is None:
            unclaimed.append(path.name)
        else:
            files.setdefault(spec.name, []).append(path)
    for name, paths in files.items():
        lists.update({made.name: made for made in _made(catalogue()[name], paths)})
    for spec in catalogue().values():
        if spec.beside in files and spec.name not in lists:
            lists[spec.name] = Reference(spec.name, _empty(spec), f"none beside {spec.beside}")
    return References(lists, tuple(unclaimed))


def _made(spec: ListSpec, paths: list[Path]) -> Iterator[Reference]:
    """The list of these files, and the lists that follow from it."""
    frames = [within_edition(read(path, spec), path, spec) for path in paths]
    where = "、".join(f"{path.name} ({_day_of(path)})" for path in paths)
    if spec.completes:
        yield complete_within(spec, pl.concat([period(frame) for frame in frames]), where)
    if spec.shipped_part:
        frames += [shipped_rows(spec, spec.shipped_part), named_drugs(spec)]
    frame = pl.concat(frames)
    if not spec.split:
        yield Reference(spec.name, frame, where)
        return
    for value in {*spec.expected, *frame[spec.split].unique()}:
        chosen = frame.filter(pl.col(spec.split) == value).drop(spec.split)
        yield Reference(f"{spec.name.removesuffix('s')}_{value}", chosen, where)


def _day_of(path: Path) -> str:
    return date.fromtimestamp(path.stat().st_mtime).isoformat()


def within_edition(frame: pl.DataFrame, path: Path, spec: ListSpec) -> pl.DataFrame:
    """Rows without dates of their own take those of the edition that the file's name speaks of."""
    for edition, days in spec.editions.items():
        if edition in path.stem:
            return frame.with_columns(pl.col(column).fill_null(day) for column, day in days.items())
    return frame


def period(frame: pl.DataFrame) -> pl.DataFrame:
    """First and last day on which rows of the frame hold; null where some row is open."""
    return frame.select(
        pl.when(pl.col("start").null_count() == 0).then(pl.col("start").min()).alias("start"),
        pl.when(pl.col("end").null_count() == 0).then(pl.col("end").max()).alias("end"),
    )


def named_drugs(spec: ListSpec) -> pl.DataFrame:
    """Antivirals that the error texts name as drugs, which a drug file need not hold."""
    named = [entry.code for entry in codes("2.0", "D06-named").values() if "group=antiviral" in entry.attr]
    return pl.concat([_empty(spec), pl.DataFrame({"code": named})], how="diagonal")


def _empty(spec: ListSpec) -> pl.DataFrame:
    return pl.DataFrame(schema={column: pl.Date if column in VALIDITY else pl.String for column in spec.columns})
