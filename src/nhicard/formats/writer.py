"""Writing a batch as an upload file: Big5, fields in official order, what was not sent left out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

import polars as pl

from nhicard.formats import encoding as codec
from nhicard.formats.batch import Batch
from nhicard.formats.tables import fields, order_fields

PROLOG: Final = '<?xml version="1.0" encoding="Big5"?>\n<RECS>\n'
EPILOG: Final = "</RECS>\n"
_SLICE_VISITS: Final = 20_000
_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


class UnwritableValue(ValueError):
    """A value that an upload file cannot hold.

    Attributes: ``record`` and ``order`` (from 1; order None for a visit's field), ``field``, ``character``,
    ``character_name`` (its Unicode name) and the sentences ``zh`` and ``en``.
    """

    def __init__(self, record: int, order: int | None, field: str, character: str, character_name: str) -> None:
        self.record = record
        self.order = order
        self.field = field
        self.character = character
        self.character_name = character_name
        place_zh = f"第 {record} 筆" + (f"第 {order} 筆醫令" if order else "")
        place_en = f"record {record}" + (f", order {order}" if order else "")
        code = f"U+{ord(character):04X}"
        self.zh = f"{place_zh}的 {field} 含有上傳檔無法容納的字元（{code} {character_name}）；請改用其他字。"
        self.en = f"{field} of {place_en} holds {code} {character_name}, which an upload file cannot hold; use another."
        super().__init__(self.en)


def write(batch: Batch) -> bytes:
    """The batch as one upload file in Big5; ``read`` gives the same batch back.

    Raises UnwritableValue for a character that Big5 or XML cannot hold: nothing is ever substituted.
    """
    return b"".join(write_slices(batch))


def write_slices(batch: Batch) -> Iterator[bytes]:
    """The file in pieces of bounded size; errors as ``write``."""
    yield PROLOG.encode("ascii")
    for start in range(0, batch.visits.height, _SLICE_VISITS):
        visits = batch.visits.slice(start, _SLICE_VISITS)
        orders = batch.orders.filter(pl.col("visit").is_between(start, start + _SLICE_VISITS - 1))
        text = _records(batch, visits, orders, start)
        if illegal := _NOT_IN_XML.search(text):
            raise _unwritable(visits, orders, illegal[0])
        try:
            yield codec.encode(text)
        except codec.UnencodableCharacter as error:
            raise _unwritable(visits, orders, error.character) from error
    yield EPILOG.encode("ascii")


def _element(field_id: str) -> pl.Expr:
    """``<A12>value</A12>``, nothing where the field was not sent; markup characters become entities."""
    value = pl.col(field_id).str.replace_many(["&", "<", ">", "\r"], ["&amp;", "&lt;", "&gt;", "&#13;"])
    return pl.concat_str(pl.lit(f"<{field_id}>"), value, pl.lit(f"</{field_id}>\n")).fill_null("")


def _records(batch: Batch, visits: pl.DataFrame, orders: pl.DataFrame, first_row: int) -> str:
    known = fields(batch.edition).values()
    head = [_element(f.id) for f in known if f.segment == "MSH"]
    body = [_element(f.id) for f in known if f.segment == "MB1"]
    each_order = [_element(field_id) for field_id in order_fields(batch.edition)]
    order_texts = (
        orders.select("visit", text=pl.concat_str(pl.lit("<MB2>\n"), *each_order, pl.lit("</MB2>\n")))
        .group_by("visit", maintain_order=True)
        .agg(pl.col("text").str.join(""))
    )
    texts = (
        visits.with_columns(visit=pl.int_range(first_row, first_row + pl.len(), dtype=pl.UInt32))
        .join(order_texts, on="visit", how="left", maintain_order="left")
        .select(
            pl.concat_str(
                pl.lit("<REC>\n<MSH>\n"),
                *head,
                pl.lit("</MSH>\n<MB>\n<MB1>\n"),
                *body,
                pl.lit("</MB1>\n"),
                pl.col("text").fill_null(""),
                pl.lit("</MB>\n</REC>\n"),
            ).str.join("")
        )
    )
    return str(texts.item() or "")


def _unwritable(visits: pl.DataFrame, orders: pl.DataFrame, character: str) -> UnwritableValue:
    """The error that names the first value with the character."""
    name = unicodedata.name(character, "control character" if ord(character) < 32 else "unnamed character")
    for frame in (visits, orders):
        for field_id in frame.columns:
            if frame.schema[field_id] != pl.String:
                continue
            rows = frame.filter(pl.col(field_id).str.contains(character, literal=True))
            if rows.height:
                order = int(rows["order"][0]) if "order" in rows.columns else None
                return UnwritableValue(int(rows["record"][0]), order, field_id, character, name)
    raise AssertionError("the character came from one of the values")
