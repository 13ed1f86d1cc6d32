"""Repairs that look at more than one value of a record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from nhicard.checks.requirement import KEYS, demanded, ever_demanded, mask_columns
from nhicard.formats.batch import Batch
from nhicard.formats.rocdate import as_datetime
from nhicard.formats.tables import order_fields, visit_fields
from nhicard.institution.mending.repair import Proposal, Scope, of_records

#: Time of the visit and of the order, by edition.
TIMES: Final = {"1.0": ("A17", "A71"), "2.0": ("M11", "D01")}
_DAY: Final = 7  # digits
_MOST_ORDERS: Final = 999


def _scoped(batch: Batch) -> Iterator[tuple[Scope, pl.DataFrame, tuple[str, ...]]]:
    """Visits and orders with what the matrix demands of their record, and the ids of their fields."""
    keys = batch.visits.select(pl.col(name).str.strip_chars() for name in KEYS[batch.edition])
    masks = pl.DataFrame(mask_columns(batch.edition, keys))
    yield "visit", batch.visits.hstack(masks), visit_fields(batch.edition)
    yield "order", batch.orders.hstack(masks[batch.orders["visit"]]), order_fields(batch.edition)


@of_records(codes="AF AF01")
def absent(batch: Batch) -> Iterator[Proposal]:
    """依必填矩陣不應填寫的欄位若送了空的標籤，整個標籤不送：裡面本來就沒有內容。

    A field that the requirement matrix forbids and that was sent empty is left out: there was nothing in it.
    """
    for scope, frame, names in _scoped(batch):
        for field in ever_demanded(batch.edition, "forbidden"):
            if field not in names or frame[field].null_count() == frame.height:
                continue
            empty = (pl.col(field).str.strip_chars() == "") & demanded(batch.edition, "forbidden", field)
            rows = frame.select(empty.fill_null(False)).to_series()
            if rows.any():
                yield Proposal(scope, field, rows, pl.Series([None], dtype=pl.String).new_from_index(0, frame.height))


@of_records(codes="AA AA03 BE AB AC")
def visit_time(batch: Batch) -> Iterator[Proposal]:
    """醫令的就診日期時間（A71、D01）依規定等於就診時間（A17、M11）：空白必填、或與就診同一天而時間不同者，填入就診時間。
    不同天的不改。

    The time of an order (A71, D01) is by definition that of the visit (A17, M11): it is filled in where it is required
    and blank, or of the same day and another time. What is of another day stays.
    """
    of_visit, of_order = TIMES[batch.edition]
    *_, (scope, orders, _) = _scoped(batch)
    time = batch.visits[of_visit][orders["visit"]]
    whole = orders.with_columns(time=time).with_columns(known=as_datetime(pl.col("time")).is_not_null())
    value = pl.col(of_order)
    blank = value.is_null() | (value.str.strip_chars() == "")
    same_day = (value != pl.col("time")) & (value.str.head(_DAY) == pl.col("time").str.head(_DAY))
    missing = blank & demanded(batch.edition, "required", of_order) & _carries_order(batch)
    rows = whole.select(((missing | same_day.fill_null(False)) & pl.col("known")).fill_null(False)).to_series()
    if rows.any():
        yield Proposal(scope, of_order, rows, time)


@of_records(codes="AA03 AB AC D028")
def numbered(batch: Batch) -> Iterator[Proposal]:
    """醫令序號 D03 空白、重複或不是數字時，這一筆的醫令依順序重編 001、002…：序號只用來分辨同一筆裡的醫令。

    Where order numbers D03 are blank, repeated or no numbers, the orders of the record are numbered anew in their
    order, 001, 002 …: the number only tells the orders of one record apart.
    """
    if batch.edition != "2.0" or not batch.orders.height:
        return
    *_, (scope, orders, _) = _scoped(batch)
    number = pl.col("D03").str.strip_chars().fill_null("")
    carries = _carries_order(batch)
    missing = (number == "") & carries & demanded(batch.edition, "required", "D03")
    malformed = (number != "") & ~number.str.contains("^[0-9]{1,3}$")
    count = number.cast(pl.Int64, strict=False)
    repeated = count.is_not_null() & pl.struct("visit", count).is_duplicated()
    place = carries.cast(pl.Int64).cum_sum().over("visit")
    told = orders.select(
        rows=carries
        & (missing | malformed | repeated).any().over("visit")
        & (carries.sum().over("visit") <= _MOST_ORDERS),
        values=place.cast(pl.String).str.zfill(3),
    )
    if told["rows"].any():
        yield Proposal(scope, "D03", told["rows"], told["values"])


def _carries_order(batch: Batch) -> pl.Expr:
    """Whether an MB2 is an order: an allergy or vaccine entry alone is none."""
    last = "A79" if batch.edition == "1.0" else "D99"
    first = "A71" if batch.edition == "1.0" else "D00"
    own = [name for name in order_fields(batch.edition) if first <= name <= last]
    return pl.any_horizontal((pl.col(name).str.strip_chars() != "").fill_null(False) for name in own)
