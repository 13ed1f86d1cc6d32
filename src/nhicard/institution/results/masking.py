"""Hiding whom a finding is about, wherever findings leave the program."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import polars as pl

from nhicard.identity import national_id
from nhicard.institution.results.result import Result

#: Fields that say who someone is, both editions: card numbers and IDs, dates of birth.
IDS: Final = frozenset({"A11", "A12", "A15", "M02", "M03", "M06"})
BIRTHS: Final = frozenset({"A13", "A20", "M04", "M08"})
_ID: Final = re.compile(r"(?<![0-9A-Za-z])([A-Za-z])[0-9A-Za-z]{6}([0-9]{3})(?![0-9A-Za-z])")


def masked(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with IDs, card numbers and dates of birth hidden: in columns that bear a field's name, and in
    ``value``, ``before`` and ``after`` where ``field`` is one of these."""
    shown = [name for name in frame.columns if name in IDS | BIRTHS]
    values = [name for name in ("value", "before", "after") if name in frame.columns and "field" in frame.columns]
    whose = pl.col("field")
    return frame.with_columns(
        *(_mask(pl.col(name), born=name in BIRTHS) for name in shown),
        *(
            pl.when(whose.is_in(list(IDS)))
            .then(_mask(pl.col(name), born=False))
            .when(whose.is_in(list(BIRTHS)))
            .then(_mask(pl.col(name), born=True))
            .otherwise(pl.col(name))
            .alias(name)
            for name in values
        ),
    )


def masked_result(result: Result) -> Result:
    """The result with everybody hidden, in its findings and in what was not understood."""
    unread = tuple(replace(each, text=masked_text(each.text)) for each in result.unread)
    return replace(result, findings=masked(result.findings), unread=unread)


def masked_text(text: str) -> str:
    """The text with whatever looks like an ID hidden."""
    return _ID.sub(r"\1******\2", text)


def _mask(value: pl.Expr, *, born: bool) -> pl.Expr:
    """Of a date of birth the first three characters stay, of an ID what ``national_id.mask`` leaves."""
    hidden = value.str.head(3) + pl.lit("****")
    return pl.when(value.str.len_chars() > 3).then(hidden).otherwise(value) if born else national_id.mask(value)
