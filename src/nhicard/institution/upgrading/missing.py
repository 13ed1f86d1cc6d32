"""What edition 2.0 asks for and an upgraded record does not have, and how it would be got (``data/queries.csv``)."""

from __future__ import annotations

from typing import Any, Final

import polars as pl
from polars import col

from nhicard.checks import Context, check
from nhicard.checks.wording import sentences_of
from nhicard.formats.batch import Batch
from nhicard.formats.tables import fields
from nhicard.institution.visits.columns import by_field, table
from nhicard.institution.visits.derivations.prescriptions import DISPENSING

MISSING: Final[dict[str, Any]] = {
    "record": pl.UInt32,
    "order": pl.UInt32,
    "field": pl.String,
    "column": pl.String,
    "code": pl.String,
    "text_zh": pl.String,
    "text_en": pl.String,
    "query": pl.String,
    "how_zh": pl.String,
    "how_en": pl.String,
}
"""Columns of ``Upgrade.missing``. ``record``: its number in the file; ``order``: the place of the MB2 in it, null for
the visit's fields; ``field`` of 2.0 (``MB2`` for orders as such) and its ``column``; ``code`` and the texts: the rule
that asks for it, null where 1.0 tells the day without the time; ``query``: the path of the data centre that tells it,
or ``HIS``."""

_FOUND: Final = ("record", "order", "field", "code", "text_zh", "text_en")
_ORDERS: Final = "MB2"
_ABOUT_ORDERS: Final = ("Y012", "Y013")
# Kind of continuous prescription, what its issuer must tell, and the rule that asks for it. Without both the rules
# blame the kind, which is right.
_CONTINUOUS: Final = (("C", "M21", "D008"), ("C", "M26", "D014"), ("F", "M22", "D008"), ("F", "M29", "D017"))
_DAY_ONLY: Final = (
    "1.0 只有日期，時分秒以 000000 代替。",
    "1.0 has the day only; 000000 stands for the time of day.",
)
_MIDNIGHT: Final = "000000"


def missing(batch: Batch, context: Context) -> pl.DataFrame:
    """A row a field that the upgraded batch lacks (``MISSING``), in the order of the file."""
    found = pl.concat([_required(batch, context), _continuous(batch), _times_of_day(batch)])
    # where several rules find the same lack, the one that says "required"
    found = found.sort(col.code.str.starts_with("AA"), descending=True, maintain_order=True)
    each = found.unique(["record", "order", "field"], keep="first", maintain_order=True)
    columns = {**by_field("2.0", "visit"), **by_field("2.0", "order")}
    return (
        each.join(batch.visits.select("record", kind="H01"), on="record", how="left", maintain_order="left")
        .with_columns(
            column=col.field.replace_strict(columns, default=None, return_dtype=pl.String),
            **{name: _of_query(name) for name in ("query", "how_zh", "how_en")},
        )
        .sort("record", "order", "field", nulls_last=False)
        .select(col(name).cast(kind) for name, kind in MISSING.items())
    )


def _required(batch: Batch, context: Context) -> pl.DataFrame:
    """Blank fields that a rule blames, and orders that are not where they belong."""
    blank = col.value.is_null() & col.field.is_in(list(fields("2.0")))
    orders = (col.field == _ORDERS) & col.code.is_in(_ABOUT_ORDERS)
    return check(batch, context).frame.filter((blank | orders) & col.record.is_not_null()).select(_FOUND)


def _continuous(batch: Batch) -> pl.DataFrame:
    """Total days and allowed dispensings of continuous prescriptions that a visit issues."""
    kinds = batch.orders.group_by("visit").agg(kinds=col.D04.unique())
    issued = batch.visits.with_row_index("visit").join(kinds, on="visit", maintain_order="left")
    issued = issued.filter(~col.M07.is_in(DISPENSING))
    rows = [
        _told(issued.filter(col.kinds.list.contains(kind) & col(field).is_null()), field, code, _sentences(code, field))
        for kind, field, code in _CONTINUOUS
    ]
    return pl.concat(rows)


def _times_of_day(batch: Batch) -> pl.DataFrame:
    """Times of which 1.0 tells the day: of an actual visit, and of a vaccination."""
    late = batch.visits.filter(col.M49.str.ends_with(_MIDNIGHT))
    vaccination = batch.visits.filter((col.H00 == "2") & col.M11.str.ends_with(_MIDNIGHT))
    return pl.concat([_told(late, "M49", None, _DAY_ONLY), _told(vaccination, "M11", None, _DAY_ONLY)])


def _told(visits: pl.DataFrame, field: str, code: str | None, sentences: tuple[str, str]) -> pl.DataFrame:
    return visits.select(
        "record",
        order=pl.lit(None, dtype=pl.UInt32),
        field=pl.lit(field),
        code=pl.lit(code, dtype=pl.String),
        text_zh=pl.lit(sentences[0]),
        text_en=pl.lit(sentences[1]),
    )


def _sentences(code: str, field: str) -> tuple[str, str]:
    return sentences_of("2.0", code, field)


def _of_query(name: str) -> pl.Expr:
    """What ``queries.csv`` says of the field, for the upload kind where that matters."""
    rows = {(row["field"], row["upload_kind"]): row[name] for row in table("queries").to_dicts()}
    of_kind = {f"{field}|{kind}": told for (field, kind), told in rows.items() if kind}
    of_field = {field: told for (field, kind), told in rows.items() if not kind}
    return pl.coalesce(
        pl.concat_str("field", pl.lit("|"), "kind").replace_strict(of_kind, default=None, return_dtype=pl.String),
        col.field.replace_strict(of_field, default=of_field["*"], return_dtype=pl.String),
    )
