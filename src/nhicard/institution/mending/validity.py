"""Whether values are valid by the tables: form, length, range, code table, check digit of an ID."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

import polars as pl

from nhicard.checks.columns import Maker, column_maker
from nhicard.checks.reference import References
from nhicard.checks.rulebook import form as forms_of_rules
from nhicard.formats.tables import Edition, code_tables, codes, forms
from nhicard.identity import national_id
from nhicard.institution.mending.content import is_free_text

_ONLY_VALUE: Final = {("1.0", "A02"): "1.0"}
_VIEWS: Final = {"date": "date", "time": "time", "number": "int"}


@cache
def _maker(edition: Edition) -> Maker:
    return column_maker(edition, References())


@cache
def _invalid(edition: Edition, field: str) -> pl.Expr | None:
    """True where the value is wrong by itself, null where blank; None for a field that may hold anything."""
    form = forms(edition)[field]
    value = pl.col(field)
    if only := _ONLY_VALUE.get((edition, field)):
        return value != only
    if is_free_text(form):
        return None
    wrong = [
        forms_of_rules.wrong_type(form),
        forms_of_rules.wrong_length(edition, form),
        forms_of_rules.out_of_range(edition, form, {}),
        value.str.contains(r"^\s|\s$") if form.form == "text" else None,
        ~national_id.is_valid(value) if form.form == "id" or field in ("M03", "M06") else None,
        value.str.contains("[1-9]") & ~value.str.contains(".", literal=True) if form.length_rule == "decimal" else None,
        ~value.is_in(list(codes(edition, field))) if _has_own_table(edition, field) else None,
    ]
    said = [each.fill_null(False) for each in wrong if each is not None]
    return pl.when(value.is_not_null()).then(pl.any_horizontal(said)) if said else None


def _has_own_table(edition: Edition, field: str) -> bool:
    """Whether the table that bears the field's name says all that it may hold."""
    form = forms(edition)[field]
    return form.form == "code" and not form.values and field in code_tables(edition)


def invalid(edition: Edition, frame: pl.DataFrame) -> pl.DataFrame:
    """For each field of the frame that has rules for its values: whether they are broken, false where blank."""
    named = [field for field in frame.columns if field in forms(edition)]
    wrong = {field: _invalid(edition, field) for field in named}
    asked = {field: each for field, each in wrong.items() if each is not None}
    made = _maker(edition)(frame, list(_columns(edition, list(asked))))
    return made.select(each.fill_null(False).alias(field) for field, each in asked.items())


def _columns(edition: Edition, fields: list[str]) -> Iterator[str]:
    for field in fields:
        yield field
        if view := _VIEWS.get(forms(edition)[field].form):
            yield f"{view}:{field}"
