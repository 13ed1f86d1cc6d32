"""What lists there are: their names, columns, file names and layouts, from ``lists.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatch
from functools import cache
from importlib.resources import files
from typing import Any, Final

VALIDITY: Final = ("start", "end")
DATA_TYPES: Final = ("1", "2", "5")  # H00 and A00: what the key of a ``…_complete`` list is looked up with


@dataclass(frozen=True, slots=True)
class FixedWidth:
    """A file of bytes in fixed places; ``columns`` gives first and last byte of a line, counted from 1."""

    first_line: int
    columns: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Separated:
    """A file without a header whose fields stand in this order."""

    separator: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListSpec:
    """One list.

    ``headers``: accepted names by column. ``values``: replacements by column. ``completes``: a shipped list
    that knows only part of its codes; the list ``<name>_complete`` says for which visit dates a full one is
    loaded. ``beside``: present and empty whenever that other list is loaded. ``split``: the column whose
    values make lists of their own (``plan_PB``); those of ``expected`` exist even without rows.
    ``editions``: validity by a number in the file's name.
    """

    name: str
    zh: str
    en: str
    from_zh: str
    from_en: str
    files: tuple[str, ...]
    keys: tuple[str, ...]
    attributes: tuple[str, ...]
    headers: Mapping[str, tuple[str, ...]]
    values: Mapping[str, Mapping[str, str]]
    layout: FixedWidth | Separated | None
    optional: frozenset[str]
    roc: frozenset[str]
    plain: frozenset[str]
    shipped: str
    shipped_part: str
    state: str
    completes: bool
    beside: str
    split: str
    expected: tuple[str, ...]
    editions: Mapping[str, Mapping[str, date]]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the list's frame in order."""
        return (*self.keys, *VALIDITY, *self.attributes)

    def claims(self, stem: str, suffix: str) -> bool:
        """Whether a file of this name belongs to the list (``suffix`` with its dot)."""
        readable = suffix.lower() == ".csv" or (self.layout is not None and suffix != "")
        return readable and any(fnmatch(stem.lower(), pattern) for pattern in self.files)


@cache
def catalogue() -> Mapping[str, ListSpec]:
    """All lists by name, in the order of the file."""
    entries = tomllib.loads((files(__package__) / "lists.toml").read_text(encoding="utf-8"))
    common = entries.pop("headers")
    return {name: _spec(name, entry, common) for name, entry in entries.items()}


def claiming(stem: str, suffix: str) -> ListSpec | None:
    """The list that a file of this name belongs to; of several the one with the longest matching pattern."""
    matches = [
        (len(pattern), spec)
        for spec in catalogue().values()
        if spec.claims(stem, suffix)
        for pattern in spec.files
        if fnmatch(stem.lower(), pattern)
    ]
    return max(matches, key=lambda match: match[0])[1] if matches else None


def _spec(name: str, entry: Mapping[str, Any], common: Mapping[str, list[str]]) -> ListSpec:
    keys, attributes = tuple(entry["keys"]), tuple(entry["attributes"])
    own = entry.get("headers", {})
    return ListSpec(
        name=name,
        zh=entry["zh"],
        en=entry["en"],
        from_zh=entry["from_zh"],
        from_en=entry["from_en"],
        files=tuple(entry["files"]),
        keys=keys,
        attributes=attributes,
        headers={
            column: tuple(own.get(column, common.get(column, [column]))) for column in (*keys, *VALIDITY, *attributes)
        },
        values=entry.get("values", {}),
        layout=_layout(entry.get("layout")),
        optional=frozenset(entry.get("optional", ())),
        roc=frozenset(entry.get("roc", ())),
        plain=frozenset(entry.get("plain", ())),
        shipped=entry.get("shipped", ""),
        shipped_part=entry.get("shipped_part", ""),
        state=entry.get("state", ""),
        completes=entry.get("completes", False),
        beside=entry.get("beside", ""),
        split=entry.get("split", ""),
        expected=tuple(entry.get("expected", ())),
        editions=entry.get("editions", {}),
    )


def _layout(entry: Mapping[str, Any] | None) -> FixedWidth | Separated | None:
    if entry is None:
        return None
    if entry["kind"] == "separated":
        return Separated(entry["separator"], tuple(entry["columns"]))
    return FixedWidth(entry["first_line"], {name: (first, last) for name, (first, last) in entry["columns"].items()})
