"""The columns that rules ask for by name, each made once a file: blanks as null, typed views, sums over orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from nhicard.checks.claims.reported import Reported
from nhicard.checks.claims.rule import question
from nhicard.checks.verification import Verifier, verified
from nhicard.formats import rocdate
from nhicard.formats.batch import Alphabet
from nhicard.formats.claims import Claims
from nhicard.formats.claims.tables import Level
from nhicard.identity import national_id

_BELOW: Final[Mapping[Level, Level]] = {"t": "d", "d": "p"}
_VIEWS: Final[Mapping[str, Callable[[pl.Expr], pl.Expr]]] = {
    "int": lambda value: value.cast(pl.Int64, strict=False),
    "float": lambda value: value.cast(pl.Float64, strict=False),
    "date": rocdate.as_date,
    "month": rocdate.as_month,
    "minute": lambda value: rocdate.as_datetime(value + pl.lit("00")),
}


_SMALL: Final = 1 << 20


class Columns:
    """Makes and keeps the columns of one claim file; ``get`` never raises on any content."""

    def __init__(
        self, claims: Claims, uploader: str | None, today: date, verifier: Verifier | None, reported: Reported | None
    ) -> None:
        self.claims = claims
        self.constants = {"uploader": pl.Series([uploader], dtype=pl.String), "today": pl.Series([today])}
        self.verifier = verifier
        self.reported = reported
        self.frames: Mapping[Level, pl.DataFrame] = {"t": claims.totals, "d": claims.cases, "p": claims.orders}
        self._made: dict[tuple[Level, str], pl.Series] = {}

    def frame(self, level: Level, names: set[str]) -> pl.DataFrame:
        """The columns of these names, side by side."""
        return pl.DataFrame([self.get(level, name).alias(name) for name in sorted(names)])

    def get(self, level: Level, name: str) -> pl.Series:
        """One column of a level's frame."""
        key = (level, name)
        if key not in self._made:
            self._made[key] = self._make(level, name)
        return self._made[key]

    def _make(self, level: Level, name: str) -> pl.Series:
        kind, _, rest = name.partition(":")
        height = self.frames[level].height
        match kind:
            case "raw":
                return self.frames[level][rest]
            case "claim":
                return self.get("t", rest).new_from_index(0, height)
            case "case":
                return self.get("d", rest).gather(self.claims.orders["row"])
            case "sum":
                return self._sum(level, rest)
            case "repeated":
                return self._repeated(level, rest.split(","))
            case "alike":
                return self.frame(level, {rest}).select(pl.len().over(rest)).to_series()
            case "person":
                return self._valid_person(self.get(level, rest))
            case "opened":
                field = rest.partition(":")[0]
                assert self.verifier is not None
                return verified(self.frame(level, {field}), self.verifier, [name])[0]
            case "reported":
                assert self.reported is not None
                return self.reported.column(self, level, rest)
            case "uploader" | "today":
                return self.constants[kind].new_from_index(0, height)
            case _ if rest:
                values = self.get(level, rest)
                return values.to_frame("value").select(_VIEWS[kind](pl.col("value"))).to_series()
            case _:
                return self._blank_as_null(level, name)

    def _blank_as_null(self, level: Level, name: str) -> pl.Series:
        values = self.frames[level][name]
        never = name in self.claims.alphabets and not self.claims.alphabets[name] & Alphabet.BLANK
        if values.dtype != pl.String or never or values.null_count() == len(values):
            return values
        return values.to_frame("v").select(pl.when(pl.col("v").str.strip_chars() != "").then(pl.col("v"))).to_series()

    def _sum(self, level: Level, key: str) -> pl.Series:
        value, where = question(key)
        below = _BELOW[level]
        asked = self.frame(below, {*value.meta.root_names(), *where.meta.root_names()})
        if not self.frames[below].height:
            return pl.Series(np.zeros(self.frames[level].height, dtype=np.int64))
        weighed = asked.select(
            pl.when(where).then(value).otherwise(0).fill_null(0).cast(pl.Int64, strict=False)
            + pl.repeat(0, self.frames[below].height, dtype=pl.Int64)
        ).to_series()
        if level == "t":
            return pl.Series([weighed.sum()], dtype=pl.Int64)
        rows = self.claims.orders["row"].to_numpy()
        sums = np.bincount(rows, weights=weighed.fill_null(0).to_numpy(), minlength=self.frames[level].height)
        return pl.Series(np.rint(np.clip(sums, -(2.0**62), 2.0**62)).astype(np.int64))

    def _valid_person(self, values: pl.Series) -> pl.Series:
        distinct = values.drop_nulls().unique().alias("id").to_frame()
        valid = distinct.filter(national_id.is_valid(pl.col("id")))["id"]
        return values.is_in(valid.implode())

    def _repeated(self, level: Level, names: list[str]) -> pl.Series:
        if names[0] == "row" and self._unique_numbers(level, names[1]):
            return pl.Series([False]).new_from_index(0, self.frames[level].height)
        asked = pl.DataFrame([self.get(level, name).alias(name) for name in names])
        known = ~pl.any_horizontal(pl.all().is_null())
        if not asked.select(pl.struct(pl.all()).is_duplicated().any()).item():
            return asked.select(pl.when(known).then(pl.lit(False))).to_series()
        return asked.select(pl.when(known).then(~pl.struct(pl.all()).is_first_distinct())).to_series()

    def _unique_numbers(self, level: Level, name: str) -> bool:
        """Whether all values are small numbers, different within their case: then the texts are different too."""
        number = self.get(level, f"int:{name}")
        if number.has_nulls() or not number.is_between(0, _SMALL - 1).all():
            return False
        return bool((self.get(level, "row").cast(pl.Int64) * _SMALL + number).is_unique().all())
