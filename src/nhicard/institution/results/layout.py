"""The layout of result texts, taken apart into columns: blocks, record numbers, shown fields, reasons.

A heading with bracketed values; then, behind lines of ``=``, a block a faulty record: ``第[n]筆``, fields as
``M03=[…]``, ``錯誤原因:`` and items ``FIELD:CODE;``, of an order ``FIELD[n]:CODE;``. Blanks and line ends within the
items mean nothing: public clients take them out as well. All of it works on columns of lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import polars as pl

from nhicard.institution.results.result import Unread

_SEPARATOR: Final = "\x1d"
_RULE: Final = "={10,}"
_NUMBER: Final = r"第[ ]*\[+[ ]*([0-9]{1,9})[ ]*\]+[ ]*筆"
_FIELD: Final = r"([A-Z][0-9]{2})[ ]*[=:][ ]*\[+([^\[\]]*)\]+"
_REASON: Final = r"錯誤原因[ ]*:?"
_ITEM: Final = r"^(?<field>[A-Z][A-Z0-9][0-9]|MSH|\*|)(?:\[+(?<order>[0-9]{1,9})\]+)?:(?<code>[0-9A-Z]{1,8})$"
_WIDE: Final = {
    **dict.fromkeys("［【〔", "["),
    **dict.fromkeys("］】〕", "]"),
    **dict.fromkeys("，、", ","),
    **dict.fromkeys("\u3000\xa0\t", " "),
    "：": ":",
    "；": ";",
    "＝": "=",
}
_NO_TEXT: Final = "\ufeff\r\f\x1a"  # byte order mark, page ends, the end-of-file mark of old systems
_REPLACEMENT: Final = "\ufffd"


class Parts(NamedTuple):
    """A text taken apart.

    ``heading``: text of the heading, which begins on ``heading_line``; empty where there is none. ``items``: a row a
    finding with ``block``, ``record``, ``order`` (UInt32), ``field``, ``code``. ``shown``: ``block`` and a String
    column for each field that some block shows. ``unread``: what is left.
    """

    heading: str
    heading_line: int
    items: pl.DataFrame
    shown: pl.DataFrame
    unread: list[Unread]


def take_apart(text: str) -> Parts:
    """The parts of a text. Never raises, whatever the text."""
    lines = _blocks(_lines(text))
    heading, blocks = _heading(lines)
    items, bad_items = _items(blocks)
    shown, bad_lines = _shown(blocks)
    answered = pl.concat([items["block"], bad_items["block"], bad_lines["block"]]).unique()
    silent = blocks.filter(~pl.col("block").is_in(answered.implode())).unique("block", keep="first")
    undecodable = lines.filter(pl.col("whole").str.contains(_REPLACEMENT, literal=True))
    unread = [
        *_unread("item", bad_items, "item"),
        *_unread("record", bad_lines, "whole"),
        *_unread("no_reason", silent, "whole"),
        *_unread("characters", undecodable, "whole"),
    ]
    return Parts(
        heading="\n".join(heading["whole"]),
        heading_line=int(heading["line"][0]) if heading.height else 0,
        items=items,
        shown=shown,
        unread=sorted(unread, key=lambda each: each.line),
    )


def _lines(text: str) -> pl.DataFrame:
    """Lines that are not blank, with their numbers; rules of ``=`` stand alone, as one separator character."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    whole = pl.col("whole").str.replace_many(list(_WIDE), list(_WIDE.values())).str.strip_chars(_NO_TEXT)
    return (
        pl.DataFrame({"whole": lines}, schema={"whole": pl.String})
        .with_row_index("line", offset=1)
        .with_columns(whole.str.replace_all(_RULE, f"\n{_SEPARATOR}\n").str.split("\n"))
        .explode("whole")
        .with_columns(pl.col("whole").str.strip_chars(" "))
        .filter(pl.col("whole") != "")
    )


def _blocks(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines with ``block`` and its ``record``, the ``text`` that stands before the reason and the ``reason``.

    A block begins behind a rule and where a record's number stands.
    """
    number = pl.col("whole").str.extract(_NUMBER).cast(pl.UInt32, strict=False)
    numbered = (
        lines.with_columns(record=number)
        .with_columns(block=((pl.col("whole") == _SEPARATOR) | pl.col("record").is_not_null()).cum_sum())
        .filter(pl.col("whole") != _SEPARATOR)
        .with_row_index("at")
    )
    word_at = pl.when(pl.col("whole").str.contains(_REASON)).then("at").min().over("block")
    behind, on = (pl.col("at") > pl.col("word_at")).fill_null(False), pl.col("at") == pl.col("word_at")
    parted = pl.col("whole").str.replace(_REASON, _SEPARATOR).str.splitn(_SEPARATOR, 2).struct
    return numbered.with_columns(pl.col("record").first().over("block"), word_at=word_at).with_columns(
        text=pl.when(on).then(parted.field("field_0")).when(~behind).then("whole").otherwise(pl.lit("")),
        reason=pl.when(on).then(parted.field("field_1")).when(behind).then("whole"),
    )


def _heading(lines: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The first block, if it is neither a record's nor gives a reason, and all other blocks."""
    first = lines["block"][0] if lines.height else 0
    block = lines.filter(pl.col("block") == first)
    if block["record"].is_not_null().any() or block["reason"].is_not_null().any():
        return lines.clear(), lines
    return block, lines.filter(pl.col("block") != first)


def _items(blocks: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The items of all reasons, and those that are none."""
    items = (
        blocks.filter(pl.col("reason").is_not_null())
        .group_by("block", maintain_order=True)
        .agg(pl.first("line", "record"), item=pl.col("reason").str.join(""))
        .with_columns(pl.col("item").str.replace_all(r"[ 。]", "").str.replace_all(",", ";").str.split(";"))
        .explode("item")
        .filter(pl.col("item") != "")
        .with_columns(parts=pl.col("item").str.extract_groups(_ITEM))
        .unnest("parts")
    )
    good = pl.col("code").is_not_null()
    found = items.filter(good).select(
        "block",
        "record",
        pl.col("order").cast(pl.UInt32, strict=False),
        pl.when(pl.col("field") != "").then("field").alias("field"),
        "code",
    )
    return found, items.filter(~good).select("block", "line", "item")


def _shown(blocks: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The fields that blocks show, a row a block, and the lines in which there is anything else."""
    rest = pl.col("text").str.replace_all(_NUMBER, "").str.replace_all(_FIELD, "").str.strip_chars(" ,;")
    left = blocks.filter(rest != "").select("block", "line", "whole")
    cells = (
        blocks.select("block", cell=pl.col("text").str.extract_all(_FIELD))
        .explode("cell")
        .drop_nulls("cell")
        .select(
            "block",
            field=pl.col("cell").str.head(3),
            value=pl.col("cell").str.extract(r"\[+([^\[\]]*)\]").str.strip_chars(" "),
        )
    )
    if not cells.height:
        return blocks.select("block").clear(), left
    names = cells["field"].unique().sort().to_list()
    return cells.pivot("field", on_columns=names, index="block", values="value", aggregate_function="first"), left


def _unread(reason: str, lines: pl.DataFrame, column: str) -> Iterator[Unread]:
    for line, words in lines.select("line", column).iter_rows():
        yield Unread(line, reason, words)
