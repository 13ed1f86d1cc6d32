"""The loaded lists as frames with validity dates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
        codes = _sorted(self).to_series(0)
        if not len(codes):
            return values.clear()
        places = np.minimum(codes.search_sorted(values).to_numpy(), len(codes) - 1)
        return values.filter(codes[places] == values)

    def validities(self, values: pl.Series) -> pl.DataFrame:
        """``code``, ``start``, ``end`` of these codes (distinct, not null), a row each validity."""
        table = _sorted(self)
        codes = table.to_series(0)
        first = codes.search_sorted(values, side="left").to_numpy()
        last = codes.search_sorted(values, side="right").to_numpy()
        many = last - first
        ahead = np.cumsum(many) - many
        places = np.arange(many.sum()) - np.repeat(ahead, many) + np.repeat(first, many)
        rows: pl.DataFrame = table[places.astype(np.int64)]
        return rows.select(code=rows.columns[0], start="start", end="end")


@cache
def _sorted(reference: Reference) -> pl.DataFrame:
    """The list in order of its codes."""
    key = reference.frame.columns[0]
    return reference.frame.filter(pl.col(key).is_not_null()).sort(key)


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

    def used(self) -> dict[str, str]:
        """The lists that were asked for so far, each with where it came from."""
        return {name: found.source for name, found in self._lists.items() if isinstance(found, Reference)}

    def makers(self) -> dict[str, Reference | Callable[[], Reference]]:
        """The lists as they were given, for a collection that holds these and others."""
        return dict(self._lists)
