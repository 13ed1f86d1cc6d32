"""The lists that come with the package, made when a rule first asks for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files

import polars as pl

from nhicard.checks.reference import icd10
from nhicard.checks.reference.catalogue import DATA_TYPES, VALIDITY, ListSpec, catalogue
from nhicard.checks.reference.reading import parse
from nhicard.checks.reference.references import Reference, References
from nhicard.formats.tables import Code, codes


@cache
def shipped() -> References:
    """The shipped lists of the catalogue.

    The Chinese-medicine drugs alone are no drug master and wait for one to be loaded.
    """
    lists: dict[str, Reference | Callable[[], Reference]] = {}
    for spec in catalogue().values():
        if spec.shipped:
            lists[spec.name] = partial(_make, spec)
        if spec.completes:
            lists[complete_name(spec)] = partial(nothing_complete, spec)
    return References(lists)


def complete_name(spec: ListSpec) -> str:
    """The list that says for which visits a full list of this kind is loaded."""
    return f"{spec.name}_complete"


def nothing_complete(spec: ListSpec) -> Reference:
    """The answer while only the shipped part is there: for no visit."""
    frame = pl.DataFrame(schema={"data_type": pl.String, **dict.fromkeys(VALIDITY, pl.Date)})
    return Reference(complete_name(spec), frame, source(spec))


def complete_within(spec: ListSpec, periods: pl.DataFrame, where: str) -> Reference:
    """For visits within these periods (``start``, ``end``) a full list is loaded."""
    frame = pl.DataFrame({"data_type": DATA_TYPES}).join(periods.select(VALIDITY), how="cross")
    return Reference(complete_name(spec), frame, where)


def source(spec: ListSpec) -> str:
    """What the report says of a shipped list."""
    return icd10.source() if spec.name == "icd10cm" else f"shipped, state of {spec.state}"


def shipped_rows(spec: ListSpec, name: str) -> pl.DataFrame:
    """Rows of a packaged CSV, in the list's columns."""
    return parse((files(__package__) / "data" / name).read_bytes(), name, spec)


def _make(spec: ListSpec) -> Reference:
    frames = {"icd10cm": _diagnoses, "virtual_orders": _virtual_orders, "payment_items": _payment_items}
    make = frames.get(spec.name)
    return Reference(spec.name, make() if make else shipped_rows(spec, spec.shipped), source(spec))


def _diagnoses() -> pl.DataFrame:
    return icd10.codes().to_frame("code").with_columns(pl.lit(None, dtype=pl.Date).alias(day) for day in VALIDITY)


def _payment_items() -> pl.DataFrame:
    """The published list and the items that only the error texts name (P8801C …), which are newer or elsewhere."""
    spec = catalogue()["payment_items"]
    items = shipped_rows(spec, spec.shipped)
    named = pl.DataFrame({"code": [e.code for e in codes("2.0", "D06-named").values() if _is_procedure(e)]})
    return pl.concat([items, named.filter(~pl.col("code").is_in(items["code"].implode()))], how="diagonal")


def _is_procedure(entry: Code) -> bool:
    return not (_is_virtual(entry) or entry.attr.startswith("group=") or "range" in entry.attr)


def _is_virtual(entry: Code) -> bool:
    """Virtual and result codes, and the project codes of AD72."""
    return entry.attr.startswith(("group=virtual", "group=result")) or "AD72" in entry.attr


def _virtual_orders() -> pl.DataFrame:
    """Codes that the tables name as virtual, result or project codes, with the validity that is known."""
    named = [entry for entry in codes("2.0", "D06-named").values() if _is_virtual(entry)]
    spec = catalogue()["virtual_orders"]
    known = pl.DataFrame({"code": [e.code for e in named], "name": [e.name_zh or e.name_en for e in named]})
    validity = shipped_rows(spec, "virtual_order_validity.csv").drop("name")
    return known.join(validity, on="code", how="left", maintain_order="left").select(spec.columns)
