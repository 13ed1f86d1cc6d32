"""How a HIS's database tells visits: the mapping, once its file is checked (``mapping_file``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from nhicard.institution.visits.columns import Owner

if TYPE_CHECKING:  # loaded when a mapping is
    from sqlalchemy import URL

Where = tuple[str, ...]
"""A key of the mapping file by its path, such as ``("visits", "columns", "patient_id")``."""
SinceForm = Literal["time", "text", "roc"]
SINCE_FORMS: Final[tuple[SinceForm, ...]] = ("time", "text", "roc")


class Problem(NamedTuple):
    """What is wrong in a line (from 1) of the mapping file."""

    line: int
    zh: str
    en: str


class UnusableMapping(ValueError):
    """A mapping file that cannot be used: all ``problems`` by line; ``zh`` and ``en`` have them all."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.path = path
        self.problems = tuple(sorted(problems))
        self.zh = "\n".join(f"{path} 第 {each.line} 行：{each.zh}" for each in self.problems)
        self.en = "\n".join(f"{path}, line {each.line}: {each.en}" for each in self.problems)
        super().__init__(f"{self.zh}\n{self.en}")


class UnreadableDatabase(ConnectionError):
    """The database cannot be reached or does not answer as the mapping says; ``zh`` and ``en`` name the mapping's line
    and show neither password nor ID."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} {en}")
        self.zh = zh
        self.en = en


@dataclass(frozen=True, slots=True)
class Cell:
    """Where the values of a column come from: a source's ``column``, an ``sql`` expression, or a constant ``value``."""

    kind: Literal["column", "sql", "value"]
    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """How visits or orders are asked for. ``cells`` by plain name, with the key and the department; ``of_10``: those
    in the codes of edition 1.0; ``values``: what values of a column become; ``names``: what the file calls each."""

    section: str
    of: Owner
    table: str | None
    query: str | None
    order_by: tuple[str, ...]
    since: str | None
    since_form: SinceForm
    cells: Mapping[str, Cell]
    of_10: frozenset[str]
    values: Mapping[str, Mapping[str, str]]
    names: Mapping[str, Where]


@dataclass(frozen=True, slots=True)
class SqlMapping:
    """A checked mapping. ``url`` hides its password when shown."""

    path: Path
    url: URL
    visits: Part
    orders: Part | None
    lines: Mapping[Where, int] = field(repr=False)

    def line(self, where: Where) -> int:
        """The line of that key, or of what it stands in."""
        return line_of(self.lines, where)


def line_of(lines: Mapping[Where, int], where: Where) -> int:
    """The line of that key, or of what it stands in; 1 if of neither."""
    return next((lines[where[:depth]] for depth in range(len(where), 0, -1) if where[:depth] in lines), 1)
