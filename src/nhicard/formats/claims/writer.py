"""Writing claims as a file: Big5, elements in the table's order, what was not sent left out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from nhicard.formats import encoding as codec
from nhicard.formats.claims.claims import Claims
from nhicard.formats.writer import UnwritableValue

_SLICE_CASES: Final = 20_000
_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def write(claims: Claims) -> bytes:
    """The claims as one file in Big5; ``read`` gives the same frames back.

    Raises UnwritableValue for a character that Big5 or XML cannot hold: nothing is ever substituted.
    """
    return b"".join(write_slices(claims))


def write_slices(claims: Claims) -> Iterator[bytes]:
    """The file in pieces of bounded size; errors as ``write``."""
    kind = claims.kind
    head = claims.totals.select(pl.concat_str(*map(_element, claims.totals.columns))).item()
    yield _encoded(f'<?xml version="1.0" encoding="Big5"?>\n<{kind}>\n<tdata>\n{head}</tdata>\n', (claims.totals,))
    for start in range(0, claims.cases.height, _SLICE_CASES):
        cases = claims.cases.slice(start, _SLICE_CASES)
        orders = claims.orders.filter(pl.col("row").is_between(start, start + _SLICE_CASES - 1))
        yield _encoded(_cases(claims, cases, orders, start), (cases, orders))
    yield f"</{kind}>\n".encode("ascii")


def _element(name: str) -> pl.Expr:
    value = pl.col(name).str.replace_many(["&", "<", ">", "\r"], ["&amp;", "&lt;", "&gt;", "&#13;"])
    return pl.concat_str(pl.lit(f"<{name}>"), value, pl.lit(f"</{name}>\n")).fill_null("")


def _cases(claims: Claims, cases: pl.DataFrame, orders: pl.DataFrame, first_row: int) -> str:
    segments = claims.table.grammar.segments
    head, body = ([_element(name) for name, place in segments.items() if place == part] for part in ("dhead", "dbody"))
    order = [_element(name) for name in claims.table.ids("p")]
    texts = (
        orders.select("row", text=pl.concat_str(pl.lit("<pdata>\n"), *order, pl.lit("</pdata>\n")))
        .group_by("row", maintain_order=True)
        .agg(pl.col("text").str.join(""))
    )
    written = (
        cases.with_columns(row=pl.int_range(first_row, first_row + pl.len(), dtype=pl.UInt32))
        .join(texts, on="row", how="left", maintain_order="left")
        .select(
            pl.concat_str(
                pl.lit("<ddata>\n<dhead>\n"),
                *head,
                pl.lit("</dhead>\n<dbody>\n"),
                *body,
                pl.col("text").fill_null(""),
                pl.lit("</dbody>\n</ddata>\n"),
            ).str.join("")
        )
    )
    return str(written.item() or "")


def _encoded(text: str, frames: Sequence[pl.DataFrame]) -> bytes:
    if illegal := _NOT_IN_XML.search(text):
        raise _unwritable(frames, illegal[0])
    try:
        return codec.encode(text)
    except codec.UnencodableCharacter as error:
        raise _unwritable(frames, error.character) from error


def _unwritable(frames: Sequence[pl.DataFrame], character: str) -> UnwritableValue:
    """The error that names the first value with the character."""
    name = unicodedata.name(character, "control character" if ord(character) < 32 else "unnamed character")
    for frame in frames:
        for element in frame.columns:
            if frame.schema[element] != pl.String:
                continue
            rows = frame.filter(pl.col(element).str.contains(character, literal=True))
            if rows.height:
                case = int(rows["case"][0]) if "case" in rows.columns else 0
                order = int(rows["order"][0]) if "order" in rows.columns else None
                return UnwritableValue(case, order, element, character, name)
    raise AssertionError("the character came from one of the values")
