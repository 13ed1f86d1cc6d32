"""What differs between two versions of a list, told by its keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import polars as pl

from nhicard.checks.reference.catalogue import ListSpec

SHOWN: Final = 10
_PERSONS: Final = frozenset({"id", "person"})
_KINDS: Final = ("added", "ended", "changed")


@dataclass(frozen=True, slots=True)
class Changes:
    """Numbers of keys. ``ended``: no longer listed, or closed where they were open; ``examples``: up to ten keys a
    kind, none where keys name persons. ``vanished``: those of the ended that are no longer listed at all."""

    added: int
    ended: int
    changed: int
    unchanged: int
    vanished: int
    before: int
    examples: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows that only one of two versions has; ``touched``: distinct first keys of both (the codes)."""

    gone: pl.DataFrame
    new: pl.DataFrame
    touched: pl.Series


def is_personal(spec: ListSpec) -> bool:
    """Whether the list's keys name persons."""
    return not _PERSONS.isdisjoint(spec.keys)


def difference(old: pl.DataFrame, new: pl.DataFrame) -> Difference:
    """Compare two canonical frames row by row."""
    gone, added = _without(old, new, old.columns), _without(new, old, new.columns)
    code = old.columns[0]
    return Difference(gone, added, pl.concat([gone[code], added[code]]).unique().alias(code))


def changes(old: pl.DataFrame, new: pl.DataFrame, found: Difference, spec: ListSpec) -> Changes:
    """What the difference says of the list's keys."""
    keys = list(spec.keys)
    touched = pl.concat([found.gone.select(keys), found.new.select(keys)]).unique()
    before, after = old.select(keys).unique(), new.select(keys).unique()
    added, vanished = _without(touched, before, keys), _without(touched, after, keys)
    staying = _without(_without(touched, added, keys), vanished, keys)
    closed = _without(_with(staying, _open(old, keys), keys), _open(new, keys), keys)
    by_kind = {
        "added": added,
        "ended": pl.concat([vanished, closed]),
        "changed": _without(staying, closed, keys),
    }
    return Changes(
        **{kind: rows.height for kind, rows in by_kind.items()},
        unchanged=after.height - added.height - staying.height,
        vanished=vanished.height,
        before=before.height,
        examples={} if is_personal(spec) else {kind: _examples(by_kind[kind]) for kind in _KINDS},
    )


def _open(rows: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Keys that hold without an end."""
    return rows.filter(pl.col("end").is_null()).select(keys).unique()


def _with(rows: pl.DataFrame, others: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    return rows.join(others, on=on, how="semi", nulls_equal=True)


def _without(rows: pl.DataFrame, others: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    return rows.join(others, on=on, how="anti", nulls_equal=True)


def _examples(keys: pl.DataFrame) -> list[str]:
    first = keys.sort(pl.all()).head(SHOWN)
    return first.select(pl.concat_str(pl.all(), separator=" ", ignore_nulls=True)).to_series().to_list()
