"""Visits told in either edition and read back tell the same."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars import col

from nhicard.checks import Context, Findings, check
from nhicard.formats import Batch, build, read, write
from nhicard.formats.batch import empty
from nhicard.formats.tables import fields
from nhicard.institution.visits import Visits, deletion20, read10, read20, write10, write20
from nhicard.institution.visits.columns import carried_by_10, columns, table
from nhicard.synthetic import generate

AS_OF = datetime(2026, 11, 20, 12)
SEEDS = st.integers(0, 10_000)
SOME = 120


def made_up(edition: str, seed: int) -> Batch:
    return generate("2.0" if edition == "2.0" else "1.0", SOME, seed, AS_OF, institutions=6)


def checked(batch: Batch) -> Findings:
    return check(batch, Context(as_of=AS_OF))


def same(one: Batch, other: Batch) -> bool:
    return one.visits.equals(other.visits, null_equal=True) and one.orders.equals(other.orders, null_equal=True)


@settings(max_examples=8)
@given(SEEDS)
def test_20_read_and_written_is_what_it_was(seed: int) -> None:
    batch = made_up("2.0", seed)
    assert same(write20(read20(batch)), batch)


@settings(max_examples=8)
@given(SEEDS)
def test_10_read_and_written_is_what_it_was(seed: int) -> None:
    batch = made_up("1.0", seed)
    told = write10(read10(batch))
    assert same(told.batch, batch)
    assert told.left_out.is_empty()
    assert told.rows.to_list() == list(range(SOME))


@settings(max_examples=8)
@given(st.sampled_from(["1.0", "2.0"]), SEEDS)
def test_by_way_of_10_a_visit_stays_what_10_can_carry(edition: str, seed: int) -> None:
    """visit → 1.0 → 2.0 equals visit → 2.0 in every column that 1.0 carries."""
    batch = made_up(edition, seed)
    told = read10(batch) if edition == "1.0" else read20(batch)
    ten = write10(told)
    direct = read20(write20(told))
    round_about = read20(write20(read10(read(write(ten.batch)))))
    visits = direct.visits[ten.rows]
    for name in carried_by_10("visit"):
        assert round_about.visits[name].equals(as_carried(visits, name), null_equal=True), name
    orders = tellable_orders(direct, ten.left_out)
    assert orders.height == round_about.orders.height
    # not a field of 1.0, but it follows from A72 and the days
    for name in (*carried_by_10("order"), "prescription_kind"):
        assert round_about.orders[name].equals(orders[name], null_equal=True), name


def as_carried(visits: pl.DataFrame, name: str) -> pl.Series:
    """The column as 1.0 tells it: two-way codes, no time of an actual visit, fewer fields of vaccinations."""
    column = columns()[name]
    pairs = [row for row in table("code_pairs").to_dicts() if row["table20"] == column.field20]
    told = visits[name].replace({row["code20"]: row["code10"] for row in pairs if row["direction"] == "to10"})
    of_10 = fields("1.0")[column.field10]
    vaccination = visits["data_type"] == "2"
    day = told.str.head(7) + "000000"
    if name == "actual_visit_time":
        return day
    if name == "visit_time":
        return told.zip_with(~vaccination, day)
    # late_mark and what else 2.0 always has is derived
    sent = of_10.data_type != "1" or name in ("institution", "staff_id", "late_mark")
    return told if sent else told.set(vaccination, None)


def tellable_orders(told: Visits, left_out: pl.DataFrame) -> pl.DataFrame:
    """The orders that 1.0 tells too."""
    place = pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over("visit")
    of_visits = left_out.filter(col.order.is_null())
    of_orders = left_out.filter(col.field.is_in(["D02", "E02", "E03"]))
    kept = told.orders.with_columns(order=place).join(of_visits, on="visit", how="anti", maintain_order="left")
    return kept.join(of_orders, on=["visit", "order"], how="anti", maintain_order="left")


def test_what_20_tells_is_accepted_in_10() -> None:
    told = write10(read20(generate("2.0", 2_000, 1, AS_OF, 6)))
    assert not checked(told.batch).rejected
    assert set(told.left_out.select("field", "value").rows()) == {
        ("H00", "5"), ("D02", "0"), ("D02", "9"), ("E02", "1191"), ("E02", "12196B"), ("E03", "0812")
    }  # fmt: skip


def test_a_virtual_order_needs_the_signature_that_10_asks_for() -> None:
    told = read20(generate("2.0", 2_000, 1, AS_OF, 6))
    unsigned = pl.when(pl.col("order_category") != "G").then("prescription_signature").alias("prescription_signature")
    batch = write10(Visits(told.visits, told.orders.with_columns(unsigned))).batch
    found = checked(batch).frame.join(batch.orders.select("record", "order", "A72"), on=["record", "order"], how="left")
    assert set(found.select("code", "field", "A72").rows()) == {("AA", "A79", "G")}


def test_deletions_need_nothing_more() -> None:
    batch = generate("2.0", 1_000, 1, AS_OF, 6)
    deleting = deletion20(read20(batch))
    assert checked(deleting).frame.is_empty()
    assert set(deleting.visits["H01"]) == {"D"}
    assert deleting.orders.is_empty()
    for field in ("H00", "M03", "M05", "M07", "M11", "M15", "M23"):
        assert deleting.visits[field].equals(batch.visits[field], null_equal=True), field
    refills = batch.visits["M07"].is_in(["AE", "AF"])
    assert deleting.visits.filter(refills)["M33"].equals(batch.visits.filter(refills)["M33"], null_equal=True)
    assert deleting.visits.filter(~refills)["M33"].null_count() == (~refills).sum()


def test_corrections_of_10_say_so() -> None:
    told = read20(generate("2.0", 500, 1, AS_OF, 6))
    first, again = write10(told), write10(told, correction=True)
    assert set(first.batch.visits["A01"]) == {"1", "2"}
    assert again.batch.visits["A01"].equals(first.batch.visits["A01"].replace({"1": "3", "2": "4"}))
    assert again.batch.visits.drop("A01").equals(first.batch.visits.drop("A01"), null_equal=True)


@pytest.mark.parametrize(
    ("visit", "field", "value"),
    [
        ({"H00": "5"}, "H00", "5"),
        ({"H01": "C"}, "H01", "C"),
        ({"H01": "D"}, "H01", "D"),
        ({"H01": "E"}, "H01", "E"),
        ({"M07": "00"}, "M07", "00"),
        ({"M13": "CV19"}, "M13", "CV19"),
    ],
)
def test_a_visit_that_10_does_not_know_is_left_out_with_a_reason(visit: dict[str, str], field: str, value: str) -> None:
    plain = {"H00": "1", "H01": "A", "M07": "01"}
    order = {"D02": "2", "D06": "48001C"}
    told = write10(read20(build("2.0", [(plain, [order]), (plain | visit, [order, order]), (plain, [order])])))
    assert told.rows.to_list() == [0, 2]
    assert told.batch.visits["record"].to_list() == [1, 2]
    assert told.batch.orders["record"].to_list() == [1, 2]
    assert told.left_out.select("visit", "order", "field", "value").rows() == [(1, None, field, value)]


@pytest.mark.parametrize(
    ("order", "field", "orders_told"),
    [
        ({"D02": "0", "D06": "00110C"}, "D02", 0),
        ({"D02": "4", "D06": "XCOVID0001"}, "D02", 0),
        ({"E01": "N", "E02": "1191"}, "E02", 0),
        ({"D02": "2", "D06": "48001C", "D07": "PH"}, "D07", 1),
    ],
)
def test_what_10_does_not_know_of_an_order_is_left_out(order: dict[str, str], field: str, orders_told: int) -> None:
    plain = {"D02": "2", "D06": "48001C"}
    told = write10(read20(build("2.0", [({"H00": "1", "H01": "A", "M07": "01"}, [plain, order])])))
    assert told.left_out.select("visit", "order", "field").rows() == [(0, 2, field)]
    assert told.batch.orders.height == 1 + orders_told
    assert told.batch.orders["A74"].null_count() == told.batch.orders.height


def test_malformed_values_go_through_to_the_checks() -> None:
    wrong = {"H00": "9", "H01": "Z", "M07": "XX", "M11": "十一月", "M20": "三天", "M53": "x"}
    batch = build("2.0", [(wrong, [{"D02": "Ω", "D09": "-", "D03": "一"}])])
    back = write20(read20(batch))
    for field, value in wrong.items():
        assert back.visits[field].item() == value, field
    assert back.orders.select("D02", "D09", "D03").row(0) == ("Ω", "-", "一")
    told = write10(read20(batch)).batch
    assert told.visits.select("A00", "A01", "A23", "A17").row(0) == ("9", "Z", "XX", "十一月")
    assert told.orders["A72"].item() == "Ω"


@pytest.mark.parametrize("edition", ["1.0", "2.0"])
def test_nothing_told_is_nothing_written(edition: str) -> None:
    none = read20(empty("2.0"))
    assert write20(none).visits.is_empty()
    assert write10(none).batch.visits.is_empty()
    other = empty("1.0" if edition == "2.0" else "2.0")
    with pytest.raises(ValueError, match="a batch of edition"):
        (read20 if edition == "2.0" else read10)(other)
