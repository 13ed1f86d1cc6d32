"""What a detector is: one function with a name, a severity, parameters from a table, and words for its readers.

    @detector("high")
    def after_death(frames: Frames, days: int) -> pl.LazyFrame:
        '''死亡日後仍有就醫。

        為什麼。

        Visits after death.

        Why.
        '''

The defaults of ``days`` stand in ``data/parameters.toml``.
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

import polars as pl

from nhicard.insurer.detectors.frames import Frames

Severity = Literal["high", "medium", "low"]
Query = Callable[..., pl.LazyFrame]

#: Columns that a detector gives, a row a finding. ``about``: what tells it from others of the institution, the same
#: whenever it is found again; ``measured`` and ``bound``: what was counted and what is allowed; ``visits`` and
#: ``claims``: the numbers of the rows that show it; physician and person are null where they are several.
FINDINGS: Final[Mapping[str, Any]] = {
    "institution": pl.String,
    "about": pl.String,
    "day": pl.Date,
    "physician": pl.String,
    "person": pl.String,
    "measured": pl.Float64,
    "bound": pl.Float64,
    "visits": pl.List(pl.Int64),
    "claims": pl.List(pl.Int64),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number or a list of codes that can be set; ``zh`` and ``en`` say what it is."""

    name: str
    default: Any
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector with its words in both languages."""

    name: str
    severity: Severity
    parameters: tuple[Parameter, ...]
    title_zh: str
    about_zh: str
    title_en: str
    about_en: str
    query: Query

    def findings(self, frames: Frames, settings: Mapping[str, Any] | None = None) -> pl.LazyFrame:
        """What it finds, in the columns of ``FINDINGS``; ``settings`` take the place of defaults."""
        values = {each.name: each.default for each in self.parameters} | dict(settings or {})
        return complete(self.query(frames, **values))


_PARAGRAPHS: Final = 4  # title and reason in Chinese, then in English
_DETECTORS: Final[dict[str, Detector]] = {}


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files(__package__) / "data" / "parameters.toml").read_text(encoding="utf-8"))


def detector(severity: Severity) -> Callable[[Query], Query]:
    """The function is a detector. Raises TypeError where its words, or its parameters in the table, are not right."""

    def register(query: Query) -> Query:
        name = query.__name__
        words = [" ".join(each.split()) for each in (inspect.getdoc(query) or "").split("\n\n")]
        parameters = tuple(Parameter(key, **row) for key, row in _table().get(name, {}).items())
        asked = list(inspect.signature(query).parameters)[1:]
        if len(words) != _PARAGRAPHS or asked != [each.name for each in parameters]:
            raise TypeError(f"{name}: four paragraphs and the parameters of the table are needed")
        if name in _DETECTORS:
            raise TypeError(f"{name} is there twice")
        title_zh, about_zh, title_en, about_en = words
        _DETECTORS[name] = Detector(name, severity, parameters, title_zh, about_zh, title_en, about_en, query)
        return query

    return register


def detectors() -> Mapping[str, Detector]:
    """All, by name, in the order of the catalogue."""
    from nhicard.insurer.detectors import catalogue

    assert catalogue.__doc__
    return _DETECTORS


def complete(found: pl.LazyFrame) -> pl.LazyFrame:
    """All columns of ``FINDINGS``, null (or an empty list) where the query gives none."""
    there = found.collect_schema().names()
    return found.select(
        pl.col(name).cast(dtype)
        if name in there
        else pl.lit([] if name in ("visits", "claims") else None, dtype=dtype).alias(name)
        for name, dtype in FINDINGS.items()
    )


#: Aggregations that most detectors need.
VISITS_SHOWN: Final = pl.col("visit").drop_nulls().sort().alias("visits")
CLAIMS_SHOWN: Final = pl.col("claim").drop_nulls().sort().alias("claims")


def sole(column: str) -> pl.Expr:
    """The one value of the group, null where there are several."""
    return pl.when(pl.col(column).n_unique() == 1).then(pl.col(column).first()).alias(column)


class BadSettings(ValueError):
    """The settings name what is not there, or have the wrong type; the text says which."""


def settings_of(content: str) -> dict[str, dict[str, Any]]:
    """Settings from TOML: a table a detector, with its parameters and, to leave it out, ``enabled = false``.

    Raises BadSettings.
    """
    try:
        told = tomllib.loads(content)
    except tomllib.TOMLDecodeError as trouble:
        raise BadSettings(str(trouble)) from None
    for name, values in told.items():
        if name not in detectors() or not isinstance(values, dict):
            raise BadSettings(f"{name}: 沒有這個偵測規則。There is no such detector.")
        known = {each.name: type(each.default) for each in detectors()[name].parameters} | {"enabled": bool}
        for key, value in values.items():
            fits = key in known and (type(value) is known[key] or (known[key] is float and type(value) is int))
            if not fits:
                raise BadSettings(
                    f"{name}.{key}: 沒有這個參數，或型別不符。There is no such parameter, or its type is wrong."
                )
    return told
