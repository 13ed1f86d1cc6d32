"""The loaded lists as frames with validity dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import polars as pl


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One list: key columns first (String), then ``start`` and ``end`` (Date, inclusive, null = open), then
    attributes. ``source`` says where it came from and of what date, for the report."""

    name: str
    frame: pl.DataFrame
    source: str


class References(Mapping[str, Reference]):
    """The loaded lists by name. Compared by identity, so a plan made for it stays valid."""

    def __init__(self, lists: Mapping[str, Reference] | None = None) -> None:
        self._lists = dict(lists or {})

    def __getitem__(self, name: str) -> Reference:
        return self._lists[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __len__(self) -> int:
        return len(self._lists)

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


@cache
def shipped() -> References:
    """The lists that come with the package."""
    return References()
