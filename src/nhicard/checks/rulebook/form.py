"""What both editions ask of any field's form: type, length, range. Shared by their ``form`` families."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import as_date, as_int, as_time
from nhicard.formats.batch import Alphabet
from nhicard.formats.tables import Edition, Form, codes, fields, forms

ASCII: Final = Alphabet.DIGIT | Alphabet.UPPER | Alphabet.LOWER | Alphabet.OTHER


def wrong_type(form: Form) -> pl.Expr | None:
    """True where the value has characters that the field's type does not allow."""
    value = col(form.field)
    if form.form in ("date", "time", "number"):
        return _has_other_than_digits(value)
    if form.form == "amount":
        return ~value.str.contains("^-?[0-9]+$")
    if form.form == "quantity":
        return ~value.str.contains(r"^-?[0-9]+(?:\.[0-9]*)?$")
    if form.pattern == "ascii":
        return value.str.len_bytes() != value.str.len_chars()
    if form.pattern:
        return ~value.str.contains(f"^(?:{form.pattern})$")
    return None


_OF_PATTERN: Final = {
    "[0-9]+": Alphabet.DIGIT,
    "[0-9A-Z]+": Alphabet.DIGIT | Alphabet.UPPER,
    "[0-9A-Za-z]+": Alphabet.DIGIT | Alphabet.UPPER | Alphabet.LOWER,
    "[0-9A-Za-z*-]+": Alphabet.DIGIT | Alphabet.UPPER | Alphabet.LOWER,
    "ascii": ASCII,
}


def harmless_type(edition: Edition) -> Callable[[str], int]:
    """For each field the kinds of characters that its type allows whatever their order (0: the order matters)."""

    def kinds(field: str) -> int:
        form = forms(edition)[field]
        if form.form in ("date", "time", "number", "amount"):
            return Alphabet.DIGIT
        return _OF_PATTERN.get(form.pattern, 0)

    return kinds


def _has_other_than_digits(value: pl.Expr) -> pl.Expr:
    return value.str.contains("[^0-9]")


def wrong_length(edition: Edition, form: Form) -> pl.Expr | None:
    """True where the value is longer than the field, or differs from its fixed length."""
    field = fields(edition)[form.field]
    if field.length is None or not form.length_rule:
        return None
    value = col(form.field)
    if form.form == "quantity":
        return (value.str.len_bytes() > field.length) | value.str.contains(rf"\.[0-9]{{{(field.decimals or 0) + 1},}}$")
    if form.form == "amount":
        return value.str.strip_prefix("-").str.len_bytes() > field.length
    length = big5_length(value) if form.form == "text" and not form.pattern else value.str.len_bytes()
    return length != field.length if form.length_rule == "exact" else length > field.length


def big5_length(value: pl.Expr) -> pl.Expr:
    """Length in bytes of Big5: one for ASCII, two for any other character."""
    wide = value.str.len_bytes() - value.str.len_chars()
    return (
        pl.when(wide == 0)
        .then(value.str.len_bytes())
        .otherwise(2 * value.str.len_chars() - value.str.count_matches(r"[\x00-\x7F]"))
    )


def out_of_range(edition: Edition, form: Form, accepted: Mapping[str, tuple[str, ...]]) -> pl.Expr | None:
    """True where a value of the right type and length is no date, no time, or not in the field's code table.

    ``accepted``: further codes by field, on which the tables are silent.
    """
    value = col(form.field)
    if form.form == "date":
        return as_date(form.field).is_null() & (value.str.len_bytes() == 7) & ~_has_other_than_digits(value)
    if form.form == "time":
        return as_time(form.field).is_null() & (value.str.len_bytes() == 13) & ~_has_other_than_digits(value)
    if form.form == "id":
        return (value.str.len_bytes() == 10) & ~value.str.contains("^[A-Za-z][0-9A-Za-z][0-9]{8}$")
    if form.form == "code" and form.values:
        return ~value.is_in([*codes(edition, form.values), *accepted.get(form.field, ())])
    if form.form == "number" and "-" in form.values:
        low, high = (int(bound) for bound in form.values.split("-"))
        return ~as_int(form.field).is_between(low, high)
    return None


def each(edition: Edition) -> list[Form]:
    """The forms of an edition in the order of its fields."""
    return list(forms(edition).values())
