"""Files into the register: read as the list's layout says, kept as a version, brought into the tables, told.

One transaction for all that is loaded together; a list of the same content is nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl
from django.db import transaction

from nhicard.checks.reference import folder
from nhicard.checks.reference.catalogue import ListSpec, catalogue, claiming
from nhicard.checks.reference.reading import read
from nhicard.insurer.registry import state, versions
from nhicard.insurer.registry.changes import Changes, Difference, changes, difference
from nhicard.insurer.registry.models import ListVersion
from nhicard.insurer.registry.projections import PROJECTIONS

AUTO: Final = "auto"
# Loading takes the place of the whole list: losing more than this looks like a file that was forgotten.
_MOST_LOST: Final = 0.2
_FEW: Final = 10

# What the tables hold of a column at most, in characters.
_WIDTHS: Final[Mapping[str, Mapping[str, int]]] = {
    "institutions": {"code": 10},
    "suspensions": {"institution": 10},
    "staff": {"id": 10, "institution": 10},
    "insured": {"id": 10, "card": 12},
}

Tell = Callable[[str], None]


class LoadRefused(ValueError):
    """Nothing was loaded; ``zh`` and ``en`` say why and what to do."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} {en}")
        self.zh = zh
        self.en = en


@dataclass(frozen=True, slots=True)
class Loaded:
    """A list after loading: its version in force now, whether that is a new one, and what changed."""

    version: ListVersion
    is_new: bool
    changes: Changes


@dataclass(frozen=True, slots=True)
class Source:
    """A list's rows as a canonical frame, and where they come from."""

    spec: ListSpec
    rows: pl.DataFrame
    name: str


def quietly(step: str) -> None:
    """Tells nobody which step has begun."""


def sources(kind: str, files: Sequence[Path], tell: Tell = quietly) -> list[Source]:
    """The files as lists: all of one kind, or by their names (``auto``).

    Raises LoadRefused for an unknown kind or name of a file, UnreadableList for a file's content.
    """
    by_list: dict[str, list[Path]] = {}
    for path in files:
        by_list.setdefault(_claimed(kind, path).name, []).append(path)
    found = []
    for name, paths in by_list.items():
        spec = catalogue()[name]
        frames = []
        for path in paths:
            tell(path.name)
            frames.append(folder.within_edition(_fitting(read(path, spec), path, spec), path, spec))
        found.append(Source(spec, versions.canonical(frames, spec), "、".join(path.name for path in paths)))
    return found


def load(found: Sequence[Source], now: datetime, *, may_shrink: bool = False, tell: Tell = quietly) -> list[Loaded]:
    """Keep each list as its newest version and bring the tables up to date; all of them or none.

    Raises LoadRefused where a list would lose many of its keys, unless it ``may_shrink``.
    """
    with transaction.atomic():
        state.lock()
        loaded = [_load(source, now, may_shrink=may_shrink, tell=tell) for source in found]
        if any(each.is_new for each in loaded):
            state.bump()
    return loaded


def _load(source: Source, now: datetime, *, may_shrink: bool, tell: Tell) -> Loaded:
    spec, rows = source.spec, source.rows
    tell(spec.name)
    digest = versions.digest(rows)
    last = versions.newest(spec.name)
    if last and last.digest == digest:
        same = Difference(rows.clear(), rows.clear(), rows.clear().to_series())
        return Loaded(last, False, changes(rows, rows, same, spec))
    old = versions.frame(last) if last else rows.clear()
    found = difference(old, rows)
    changed = changes(old, rows, found, spec)
    if not may_shrink and changed.vanished > max(_FEW, _MOST_LOST * changed.before):
        raise LoadRefused(
            f"{source.name}：{spec.name} 原有 {changed.before:,} 項，其中 {changed.vanished:,} 項不在新檔中，未載入。"
            "載入會取代整份清單，請一次給齊所有檔案；若確實減少，請加 --shrink。",
            f"{source.name}: {changed.vanished:,} of the {changed.before:,} entries of {spec.name} are not in it, so "
            "nothing was loaded. Loading takes the place of the whole list: give all its files at once, or add "
            "--shrink if the list did become so much shorter.",
        )
    version = versions.store(spec.name, rows, source.name, digest, now)
    if spec.name in PROJECTIONS:
        PROJECTIONS[spec.name](rows, found, now.date())
    return Loaded(version, True, changed)


def _fitting(rows: pl.DataFrame, path: Path, spec: ListSpec) -> pl.DataFrame:
    """The rows, if all fit the tables."""
    for column, width in _WIDTHS.get(spec.name, {}).items():
        long = rows.filter(pl.col(column).str.len_chars() > width).height
        if long:
            raise LoadRefused(
                f"{path.name}：有 {long:,} 列的 {column} 超過 {width} 個字，未載入；請檢查欄位是否放錯。",
                f"{path.name}: {long:,} rows whose {column} is longer than {width} characters; nothing was loaded. "
                "Check that the columns are the right ones.",
            )
    return rows


def spec_of(name: str) -> ListSpec:
    """The list of this name. Raises LoadRefused."""
    if name not in catalogue():
        names = " ".join(catalogue())
        raise LoadRefused(
            f"沒有「{name}」這種清單；可用：{names}。", f"There is no list {name!r}; use one of: {names}."
        )
    return catalogue()[name]


def _claimed(kind: str, path: Path) -> ListSpec:
    if kind != AUTO:
        return spec_of(kind)
    spec = claiming(path.stem, path.suffix)
    if spec is None:
        names = " ".join(catalogue())
        raise LoadRefused(
            f"{path.name}：由檔名看不出是哪一份清單，全部未載入；請指定種類：{names}。",
            f"{path.name}: its name does not tell which list it is, so nothing was loaded; name the list: {names}.",
        )
    return spec
