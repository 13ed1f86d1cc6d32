"""The loaded lists as frames with validity dates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import polars as pl


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One list: key columns first (String), then ``start`` and ``end`` (Date, inclusive, null = open), then
    attributes. ``source`` says where it came from and of what date, for the report."""

    name: str
    frame: pl.DataFrame
    source: str

    def among(self, values: pl.Series) -> pl.Series:
        """Of the values (distinct, not null) those that are codes of the list, found without reading all of it."""
        codes, _ = _sorted(self)
        if not len(codes):
            return values.clear()
        places = np.minimum(codes.search_sorted(values).to_numpy(), len(codes) - 1)
        return values.filter(codes[places] == values)

    def rows_of(self, code: str) -> list[tuple[date | None, date | None]]:
        """The validities (start, end) of one code, without reading all of the list."""
        codes, frame = _sorted(self)
        first = codes.search_sorted(code, side="left")
        last = codes.search_sorted(code, side="right")
        return frame[first:last].select("start", "end").rows()


@cache
def _sorted(reference: Reference) -> tuple[pl.Series, pl.DataFrame]:
    """The list by code, and its codes."""
    frame = reference.frame.filter(pl.col(reference.frame.columns[0]).is_not_null()).sort(reference.frame.columns[0])
    return frame.to_series(0), frame


class References(Mapping[str, Reference]):
    """The loaded lists by name. Compared by identity, so a plan made for it stays valid.

    A list may be given as a function that makes it: it is called when the list is first asked for, so that a
    list which no rule needs costs nothing. ``unclaimed``: files of the folder that belong to no list.
    """

    def __init__(
        self,
        lists: Mapping[str, Reference | Callable[[], Reference]] | None = None,
        unclaimed: tuple[str, ...] = (),
    ) -> None:
        self._lists = dict(lists or {})
        self.unclaimed = unclaimed

    def __getitem__(self, name: str) -> Reference:
        found = self._lists[name]
        if not isinstance(found, Reference):
            found = self._lists[name] = found()
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._lists  # without making the list

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __len__(self) -> int:
        return len(self._lists)

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def makers(self) -> dict[str, Reference | Callable[[], Reference]]:
        """The lists as they were given, for a collection that holds these and others."""
        return dict(self._lists)
