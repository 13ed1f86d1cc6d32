"""The loaded lists as frames with validity dates."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import polars as pl


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Reference:
    """One list: key columns first (String), then ``start`` and ``end`` (Date, inclusive, null = open), then
    attributes. ``source`` says where it came from and of what date, for the report."""

    name: str
    frame: pl.DataFrame
    source: str

    def among(self, values: pl.Series) -> pl.Series:
        """Of the values (distinct, not null) those that are codes of the list, found without reading all of it."""
        codes = self.in_order().to_series(0)
        if not len(codes):
            return values.clear()
        places = np.minimum(codes.search_sorted(values).to_numpy(), len(codes) - 1)
        return values.filter(codes[places] == values)

    def validities(self, values: pl.Series) -> pl.DataFrame:
        """``code``, ``start``, ``end`` of these codes (distinct, not null), a row each validity."""
        table = self.in_order()
        codes = table.to_series(0)
        first = codes.search_sorted(values, side="left").to_numpy()
        last = codes.search_sorted(values, side="right").to_numpy()
        many = last - first
        ahead = np.cumsum(many) - many
        places = np.arange(many.sum()) - np.repeat(ahead, many) + np.repeat(first, many)
        rows: pl.DataFrame = table[places.astype(np.int64)]
        return rows.select(code=rows.columns[0], start="start", end="end")

    def in_order(self) -> pl.DataFrame:
        """The list in order of its codes, sorted when first asked for."""
        found = _sorted.get(self)
        if found is None:
            found = _sorted[self] = _by_code(self.frame)
        return found


# Beside the references, not in them, and gone when they are: a service that loads new lists keeps no old ones.
_sorted: WeakKeyDictionary[Reference, pl.DataFrame] = WeakKeyDictionary()


def _by_code(frame: pl.DataFrame) -> pl.DataFrame:
    key = frame.columns[0]
    return frame.filter(pl.col(key).is_not_null()).sort(key)


class LookedUp(Reference):
    """A list too large to hold: ``prepare`` fetches the rows of the codes that a batch asks for.

    What was prepared counts for the thread that prepared it. Asking without it, or for other codes, raises
    LookupError: a list that silently lacks rows would reject what is right.
    """

    _fetch: Callable[[pl.Series], pl.DataFrame]
    _prepared: threading.local

    def __init__(self, name: str, source: str, fetch: Callable[[pl.Series], pl.DataFrame]) -> None:
        facts = {"name": name, "source": source, "_fetch": fetch, "_prepared": threading.local()}
        for attribute, value in facts.items():
            object.__setattr__(self, attribute, value)  # a frozen class allows no other way

    def prepare(self, codes: pl.Series) -> None:
        """Fetch the rows of these codes (distinct, not null) with the columns of the list."""
        self._prepared.frame = _by_code(self._fetch(codes))
        self._prepared.codes = codes

    @property
    def frame(self) -> pl.DataFrame:
        """The rows of the codes that were prepared."""
        return self.in_order()

    def among(self, values: pl.Series) -> pl.Series:
        self._require(values)
        return super().among(values)

    def validities(self, values: pl.Series) -> pl.DataFrame:
        self._require(values)
        return super().validities(values)

    def in_order(self) -> pl.DataFrame:
        found: pl.DataFrame | None = getattr(self._prepared, "frame", None)
        if found is None:
            raise LookupError(f"the list {self.name} was asked before it was prepared for the batch")
        return found

    def _require(self, values: pl.Series) -> None:
        if not values.is_in(getattr(self._prepared, "codes", values.clear()).implode()).all():
            raise LookupError(f"the list {self.name} was asked for codes that it was not prepared for")


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
