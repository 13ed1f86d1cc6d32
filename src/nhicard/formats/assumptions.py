"""Choices that the official sources leave open: one name, one value, one reason each.

The choices are data (``data/assumptions.toml``); a user overrides them under ``[assumptions]`` in
``nhicard.toml``. Rules read them by name and say that they rest on them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

_REASONS = "settled_by"  # the one table of the file that is no assumption: what would settle a question


@dataclass(frozen=True, slots=True)
class Assumption:
    """One open question and the choice made.

    ``value`` is a bool, int, string, tuple of strings, or read-only mapping of strings or such tuples; an
    empty tuple or string means "unknown", and what rests on it is off. ``built_in``: the choice is how the tables
    and the reader are made, and no setting changes it. ``allowed`` holds the legal strings
    and ``pattern`` a regular expression for the whole string; both are empty where anything will do.
    ``codes`` are the error codes and field ids it touches (``*`` for all).
    """

    name: str
    value: Any
    built_in: bool
    allowed: tuple[str, ...]
    pattern: str
    edition: Literal["1.0", "2.0", "both", "claims"]
    codes: tuple[str, ...]
    question_zh: str
    question_en: str
    choice_zh: str
    choice_en: str
    settled_by_zh: str
    settled_by_en: str


class Assumptions(Mapping[str, Any]):
    """The value of every assumption by name; read-only, equal and hashable by value. Made by ``load``."""

    __slots__ = ("_hash", "_values")

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)
        # ``load`` keeps the order of the file, so equal choices print alike
        self._hash = hash(repr(self._values))

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise KeyError(_unknown(name)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Assumptions({self._values!r})"


def names() -> tuple[str, ...]:
    """Names of all assumptions, in the order of the file."""
    return tuple(_described())


def describe(name: str) -> Assumption:
    """The assumption of that name as packaged; KeyError with the nearest known name if there is none."""
    try:
        return _described()[name]
    except KeyError:
        raise KeyError(_unknown(name)) from None


def touching(code: str) -> tuple[Assumption, ...]:
    """The assumptions that name this error code or field id."""
    return tuple(a for a in _described().values() if code in a.codes)


def load(overrides: Mapping[str, Any] | None = None) -> Assumptions:
    """All values, with ``overrides`` (TOML values by name) in place of the packaged ones.

    A table is merged key by key, everything else is replaced. ValueError for an unknown name or key (with the
    nearest known one), for another value of one that is built in, and for a value of another type or outside the
    allowed ones.
    """
    values = {name: assumption.value for name, assumption in _described().items()}
    for name, given in (overrides or {}).items():
        if name not in values:
            raise ValueError(_unknown(name))
        chosen = _overridden(_described()[name], given)
        if _described()[name].built_in and chosen != values[name]:
            raise ValueError(f"assumption {name} is built in: it says how the sources were read and cannot be set")
        values[name] = chosen
    return Assumptions(values)


def _overridden(assumption: Assumption, given: Any) -> Any:
    name, default = assumption.name, assumption.value
    if not isinstance(default, Mapping):
        return _checked(name, default, given, assumption)
    if not isinstance(given, Mapping):
        raise ValueError(f"assumption {name}: expected a table, got {given!r}")
    for key in given:
        if key not in default:
            raise ValueError(f"assumption {name}: unknown key {key!r}{_nearest(key, default)}")
    merged = {
        key: _checked(f"{name}.{key}", value, given[key], assumption) if key in given else value
        for key, value in default.items()
    }
    return MappingProxyType(merged)


def _checked(name: str, default: Any, given: Any, assumption: Assumption) -> Any:
    value = _frozen(given)
    if isinstance(default, tuple) and not (isinstance(value, tuple) and all(isinstance(item, str) for item in value)):
        raise ValueError(f"assumption {name}: expected a list of strings, got {given!r}")
    if type(value) is not type(default):  # a bool is no int here
        raise ValueError(f"assumption {name}: expected {type(default).__name__}, got {given!r}")
    if assumption.allowed and value not in assumption.allowed:
        raise ValueError(f"assumption {name}: expected one of {', '.join(assumption.allowed)}, got {given!r}")
    if assumption.pattern and not re.fullmatch(assumption.pattern, value):
        raise ValueError(f"assumption {name}: {given!r} does not match {assumption.pattern}")
    return value


def _unknown(name: str) -> str:
    return f"unknown assumption {name!r}{_nearest(name, _described())}"


def _nearest(name: str, known: Iterable[str]) -> str:
    candidates = list(known)
    near = get_close_matches(str(name), candidates, n=1, cutoff=0.0) or candidates[:1]
    return f"; nearest known: {near[0]}"


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value


@cache
def _described() -> Mapping[str, Assumption]:
    text = (files(__package__) / "data" / "assumptions.toml").read_text(encoding="utf-8")
    entries = tomllib.loads(text)
    reasons = entries.pop(_REASONS)
    return MappingProxyType(
        {
            name: Assumption(
                name=name,
                value=_frozen(entry["value"]),
                built_in=entry.get("built_in", False),
                allowed=tuple(entry.get("allowed", ())),
                pattern=entry.get("pattern", ""),
                edition=entry["edition"],
                codes=tuple(entry["codes"]),
                question_zh=entry["question_zh"],
                question_en=entry["question_en"],
                choice_zh=entry["choice_zh"],
                choice_en=entry["choice_en"],
                settled_by_zh=reasons[entry["settled_by"]]["zh"],
                settled_by_en=reasons[entry["settled_by"]]["en"],
            )
            for name, entry in entries.items()
        }
    )
