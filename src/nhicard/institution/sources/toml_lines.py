"""In which line of a TOML text each key and table stands, which ``tomllib`` does not tell."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

Path = tuple[str, ...]


def lines(text: str) -> dict[Path, int]:
    """The line (from 1) of each table and key by its full path; of several the first. The text must be sound TOML."""
    found: dict[Path, int] = {}
    table: Path = ()
    for number, statement in _statements(text):
        told = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = list(_paths(told))[-1]
            for depth in range(1, len(table) + 1):
                found.setdefault(table[:depth], number)
        else:
            for path in _paths(told):
                found.setdefault(table + path, number)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each header and each key with its value: the fewest lines that are TOML by themselves."""
    waiting: list[str] = []
    # TOML's lines end with LF or CR LF; str.splitlines knows more, which may stand in a string
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        waiting.append(line)
        statement = "\n".join(waiting)
        try:
            told = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        if told:
            yield number - len(waiting) + 1, statement
        waiting = []


def _paths(told: Any) -> Iterator[Path]:
    """All paths in what a statement told, outer ones first."""
    if isinstance(told, list):  # of tables
        told = told[0] if told else None
    if isinstance(told, dict):
        for name, value in told.items():
            yield (name,)
            yield from ((name, *path) for path in _paths(value))
