"""The requirement matrix as bit masks: which fields a record must have and must not have.

A record's data type, upload kind and visit category give four 64-bit masks: required and forbidden fields of
the visit and of its orders, bit n for the n-th field of ``visit_fields`` or ``order_fields``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final, Literal, NamedTuple

import polars as pl

from nhicard.formats.tables import Edition, codes, fields, order_fields, rows, visit_fields

Demand = Literal["required", "forbidden"]
KEYS: Final[dict[Edition, tuple[str, str, str]]] = {
    "1.0": ("A00", "A01", "A23"),
    "2.0": ("H00", "H01", "M07"),
}
MASKS: Final = ("required:visit", "required:order", "forbidden:visit", "forbidden:order")


class Cell(NamedTuple):
    """One cell of the matrix; ``requirement`` is ``V`` required, ``~`` must be absent or ``*`` optional."""

    field: str
    data_type: str
    upload_kind: str
    visit_category: str  # "*" for any
    requirement: str
    basis: str


def cells(edition: Edition) -> Iterator[Cell]:
    """The whole matrix of an edition, from its tables."""
    yield from _cells10() if edition == "1.0" else _cells20()


def _cells10() -> Iterator[Cell]:
    for row in rows("requirement10.csv"):
        for kind, column in (("1", "normal"), ("3", "normal"), ("2", "abnormal"), ("4", "abnormal")):
            yield Cell(row["field"], "1", kind, row["visit_category"], row[column], "official")
    for row in rows("requirement10_vaccination.csv"):
        for kind, column in (("1", "normal"), ("3", "normal"), ("2", "abnormal"), ("4", "abnormal")):
            yield Cell(row["field"], "2", kind, "*", row[column], row["basis"])


def _cells20() -> Iterator[Cell]:
    for row in rows("requirement20.csv"):
        for kind in ("A", "B"):
            yield Cell(row["field"], row["data_type"], kind, row["visit_category"], row[kind], row["basis"])
    for row in rows("requirement20_kinds.csv"):
        for data_type in ("1", "2", "5"):
            yield Cell(row["field"], data_type, row["upload_kind"], "*", row["requirement"], row["basis"])


@cache
def masks(edition: Edition) -> pl.DataFrame:
    """The masks by key ``data type|upload kind|category`` (UInt64 columns named as in ``MASKS``)."""
    bits: dict[tuple[str, str], dict[str, int]] = {}
    place = {name: ("visit", n) for n, name in enumerate(visit_fields(edition))}
    place |= {name: ("order", n) for n, name in enumerate(order_fields(edition))}
    categories = ("", *codes(edition, KEYS[edition][2]))
    for cell in cells(edition):
        if cell.requirement == "*":
            continue
        scope, bit = place[cell.field]
        name = f"{'required' if cell.requirement == 'V' else 'forbidden'}:{scope}"
        for category in categories if cell.visit_category == "*" else (cell.visit_category,):
            entry = bits.setdefault((f"{cell.data_type}|{cell.upload_kind}", category), dict.fromkeys(MASKS, 0))
            entry[name] |= 1 << bit
    return pl.DataFrame(
        [{"key": f"{head}|{category}", **entry} for (head, category), entry in bits.items()],
        schema={"key": pl.String, **dict.fromkeys(MASKS, pl.UInt64)},
    )


def mask_columns(edition: Edition, frame: pl.DataFrame) -> list[pl.Series]:
    """The four mask columns for visits with the key fields; 0 where the key is not in the matrix."""
    key = pl.concat_str([pl.col(name).fill_null("") for name in KEYS[edition]], separator="|")
    found = frame.select(key=key).join(masks(edition), on="key", how="left", maintain_order="left")
    return found.select(pl.col(name).fill_null(0) for name in MASKS).get_columns()


@cache
def ever_demanded(edition: Edition, demand: Demand) -> tuple[str, ...]:
    """Fields of which the matrix demands this for some record, in official order."""
    mark = "V" if demand == "required" else "~"
    found = {cell.field for cell in cells(edition) if cell.requirement == mark}
    return tuple(name for name in fields(edition) if name in found)


def demanded(edition: Edition, demand: Demand, field: str) -> pl.Expr:
    """Whether the matrix demands this of the field for the record at hand."""
    of_visit = visit_fields(edition)
    scope, bit = (
        ("visit", of_visit.index(field)) if field in of_visit else ("order", order_fields(edition).index(field))
    )
    return (pl.col(f"{demand}:{scope}") & pl.lit(1 << bit, dtype=pl.UInt64)) != 0
