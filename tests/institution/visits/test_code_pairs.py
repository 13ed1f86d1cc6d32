"""The pairs of codes are of the official tables, and every code of 2.0 either has a counterpart or a reason."""

from __future__ import annotations

import polars as pl
import pytest
from polars import col

from nhicard.formats.tables import codes
from nhicard.institution.visits.code_pairs import left_out, order_columns20, order_fields10, told_as
from nhicard.institution.visits.columns import columns, table

PAIRS = table("code_pairs").to_dicts()
KINDS = table("order_kinds").to_dicts()


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair['table20']}={pair['code20']}")
def test_both_codes_are_official(pair: dict[str, str]) -> None:
    assert pair["code20"] in codes("2.0", pair["table20"])
    assert (pair["code10"] in codes("1.0", pair["table10"])) == (not pair["left_out"])
    assert pair["direction"] in ("both", "to10", "to20")
    assert bool(pair["left_out"]) == bool(pair["reason_zh"]) == bool(pair["reason_en"])


@pytest.mark.parametrize(
    ("table20", "table10"),
    [
        (pair["table20"], pair["table10"])
        for pair in PAIRS
        if pair == next(p for p in PAIRS if p["table20"] == pair["table20"])
    ],
)
def test_a_code_without_a_counterpart_is_named(table20: str, table10: str) -> None:
    named = {pair["code20"] for pair in PAIRS if pair["table20"] == table20}
    assert set(codes("2.0", table20)) - set(codes("1.0", table10)) <= named
    named10 = {pair["code10"] for pair in PAIRS if pair["table10"] == table10}
    patterns = {
        code
        for code, entry in codes("1.0", table10).items()
        if "state=normal" in entry.attr or "state=special" in entry.attr
    }
    assert set(codes("1.0", table10)) - set(codes("2.0", table20)) - patterns <= named10


def test_two_way_pairs_are_one_to_one() -> None:
    both = [pair for pair in PAIRS if pair["direction"] == "both"]
    for code in ("code10", "code20"):
        assert len({(pair["table20"], pair[code]) for pair in both}) == len(both)
    assert told_as("1.0", "M12") == {"2": "2", "3": "2", "4": "2"}
    assert told_as("2.0", "A01") == {"1": "A", "2": "B", "3": "A", "4": "B"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(kind[name] for name in ("D02", "D05", "A72", "A78")))
def test_order_kinds_are_official(kind: dict[str, str]) -> None:
    assert kind["D02"] in codes("2.0", "D02")
    assert kind["D05"] in {"", *codes("2.0", "D05")}
    if kind["direction"] == "left out":
        assert not kind["A72"]
    else:
        assert kind["A72"] in codes("1.0", "A72")
        assert kind["A78"] in {"", *codes("1.0", "A78")}


def test_every_order_category_is_told_or_left_out() -> None:
    assert {kind["D02"] for kind in KINDS} == set(codes("2.0", "D02"))


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind["direction"] == "both"], ids=lambda kind: kind["note_en"]
)
def test_two_way_order_kinds_come_back(kind: dict[str, str]) -> None:
    """Dispensing of drugs is not told back, it follows from the visit."""
    continuous = "C" if kind["continuous"] == "yes" else None
    order = pl.DataFrame(
        {"D02": [kind["D02"]], "D04": [continuous], "D05": [kind["D05"] or None]},
        schema=dict.fromkeys(["D02", "D04", "D05"], pl.String),
    )
    category, mark = order_fields10(col.D02, col.D04, col.D05)
    told = order.select(A72=category, A78=mark)
    assert told.row(0) == (kind["A72"], kind["A78"] or None)
    back = told.select(**order_columns20(col.A72, col.A78))
    drug = kind["D02"] in ("1", "M")
    assert back.row(0) == (kind["D02"], continuous, None if drug else kind["D05"] or None)


@pytest.mark.parametrize(
    ("a72", "a78", "category"),
    [("1", None, None), ("2", None, None), ("3", None, "2"), ("A", None, "A"), ("9", "01", "9"), (None, None, None)],
)
def test_what_is_not_told_is_not_guessed(a72: str | None, a78: str | None, category: str | None) -> None:
    """A drug without A78 may be in-house or released; what nobody knows goes through to the checks."""
    told = pl.DataFrame({"A72": [a72], "A78": [a78]}, schema={"A72": pl.String, "A78": pl.String})
    assert told.select(**order_columns20(col.A72, col.A78))["order_category"].item() == category


def test_reasons_are_given_for_fields_with_a_column() -> None:
    known = {column.field20 for column in columns().values()}
    assert {each.field for each in left_out()} <= known
    assert all(each.zh and each.en for each in left_out())
