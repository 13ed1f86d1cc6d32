"""How codes of one edition are told in the other (``data/code_pairs.csv``, ``data/order_kinds.csv``).

A code that a table does not name is the same in both editions; so is a malformed one, which the checks will find.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

import polars as pl
from polars import col

from nhicard.formats.tables import Edition
from nhicard.institution.visits.columns import table

_CONTINUOUS_KINDS: Final = ("C", "F")
Scope = Literal["visit", "order", "value"]


class LeftOut(NamedTuple):
    """A 2.0 code that 1.0 cannot tell: what is left out for it and why."""

    field: str
    code: str
    scope: Scope
    zh: str
    en: str


def _field(code_table: str) -> str:
    """``M13`` of ``M13-abnormal``."""
    return code_table.partition("-")[0]


def left_out() -> list[LeftOut]:
    """All codes that 1.0 cannot tell."""
    pairs = [
        LeftOut(_field(row["table20"]), row["code20"], row["left_out"], row["reason_zh"], row["reason_en"])
        for row in table("code_pairs").to_dicts()
        if row["left_out"]
    ]
    orders = table("order_kinds").filter(col.direction == "left out").to_dicts()
    return pairs + [LeftOut("D02", row["D02"], "order", row["note_zh"], row["note_en"]) for row in orders]


def told_as(edition: Edition, field: str) -> Mapping[str, str]:
    """The codes of that field in the edition, by the other edition's code; those that differ."""
    to, of, direction = ("code10", "code20", "to10") if edition == "1.0" else ("code20", "code10", "to20")
    own = "table20" if edition == "1.0" else "table10"
    return {
        row[of]: row[to]
        for row in table("code_pairs").to_dicts()
        if _field(row[own]) == field and row["direction"] in ("both", direction) and not row["left_out"]
    }


def order_fields10(category: pl.Expr, kind: pl.Expr, dispensing: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """A72 and A78 of an order of that D02, D04 and D05; A72 is D02 itself where no pair is known."""
    continuous = pl.when(kind.is_in(_CONTINUOUS_KINDS)).then(pl.lit("yes")).otherwise(pl.lit("no"))
    head = pl.concat_str(category, continuous, separator="|")
    whole = pl.concat_str(head, dispensing.fill_null(""), separator="|")
    rows = [row for row in table("order_kinds").to_dicts() if row["direction"] in ("both", "to10")]
    categories = {f"{row['D02']}|{row['continuous']}": row["A72"] for row in rows}
    marks = {f"{row['D02']}|{row['continuous']}|{row['D05']}": row["A78"] or None for row in rows}
    return pl.coalesce(_looked_up(head, categories), category), _looked_up(whole, marks)


def order_columns20(category: pl.Expr, mark: pl.Expr) -> dict[str, pl.Expr]:
    """Order category, prescription kind and dispensing of an order of that A72 and A78.

    The category is A72 itself where no pair is known, and null for a drug without A78, which may have been dispensed
    or released. The kind is told of continuous prescriptions alone; the dispensing of a drug follows from the visit.
    """
    pair = pl.concat_str(category, mark.fill_null(""), separator="|")
    rows = [row for row in table("order_kinds").to_dicts() if row["direction"] in ("both", "to20")]
    found: dict[str, dict[str, Any]] = {f"{row['A72']}|{row['A78']}": row for row in rows}
    only = {row["A72"]: row["D02"] for row in rows}
    ambiguous = [code for code in only if len({row["D02"] for row in rows if row["A72"] == code}) > 1]
    alone = pl.when(~category.is_in(ambiguous)).then(pl.coalesce(_looked_up(category, only), category))
    is_drug = {key: row["D02"] in ("1", "M") for key, row in found.items()}
    return {
        "order_category": pl.coalesce(_looked_up(pair, {key: row["D02"] for key, row in found.items()}), alone),
        "prescription_kind": _looked_up(
            pair, {key: "C" if row["continuous"] == "yes" else None for key, row in found.items()}
        ),
        "dispensing": _looked_up(
            pair, {key: None if is_drug[key] else row["D05"] or None for key, row in found.items()}
        ),
    }


def _looked_up(key: pl.Expr, known: Mapping[str, str | None]) -> pl.Expr:
    return key.replace_strict(dict(known), default=None, return_dtype=pl.String)
