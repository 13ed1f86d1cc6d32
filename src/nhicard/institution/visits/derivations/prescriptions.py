"""Each order: its time and number, the kind of prescription, how it is dispensed."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.institution.visits.table import Visits

DRUGS: Final = ("1", "M")
DISPENSING: Final = ("AE", "AF")  # the visit dispenses what an earlier one prescribed
_EXECUTED: Final = ("2", "3")
_LONGEST_GENERAL: Final = 7  # days


def as_int(column: str) -> pl.Expr:
    """The column as a number, null where it is none."""
    return col(column).cast(pl.Int64, strict=False)


def is_order() -> pl.Expr:
    """An entry that orders something; allergies and vaccines alone do not."""
    return col.order_category.is_not_null() | col.order_code.is_not_null()


def is_drug() -> pl.Expr:
    """A drug, dispensed in-house or released."""
    return col.order_category.is_in(DRUGS)


def dispenses() -> pl.Expr:
    """Whether the visit dispenses what an earlier one prescribed."""
    return col.visit_category.is_in(DISPENSING).fill_null(False)


def order_time(told: Visits) -> dict[str, pl.Series]:
    """醫令就診時間與就診時間相同（BE）。

    The order's visit time is the visit's (BE).
    """
    return told.derive_orders(order_time=pl.when(is_order()).then("visit_time"))


def order_number(told: Visits) -> dict[str, pl.Series]:
    """醫令序號在一筆就醫內由 001 起編；已給的保留，其餘接在最大號之後（D028；用戶端作法）。

    Orders are numbered from 001 in their visit; given numbers stay and the others follow the highest (D028; as clients
    do).
    """
    lacking = is_order() & col.order_number.is_null()
    highest = as_int("order_number").max().over("visit").fill_null(0)
    number = highest + lacking.cast(pl.Int64).cum_sum().over("visit")
    return told.derive_orders(order_number=pl.when(lacking).then(number.cast(pl.String).str.zfill(3)))


def prescription_kind(told: Visits) -> dict[str, pl.Series]:
    """藥品的處方種類：7 日以下為 A，超過 7 日為 B；就醫有慢連箋資料（總天數、可調劑次數或調劑聯次）時，超過 7 日為 C；
    管制藥品依序為 D、E、F（代碼表 D04；D064；電子處方箋處方種類）。

    A drug's prescription kind: A up to 7 days, B beyond; C beyond 7 days where the visit tells of a continuous
    prescription (total days, allowed or performed dispensings); D, E, F for controlled drugs (code table D04; D064;
    prescription kinds of the electronic prescription).
    """

    def continuous(*columns: str) -> pl.Expr:
        return pl.any_horizontal((as_int(column) > 0).fill_null(False) for column in columns)

    days = as_int("days")
    controlled = col.controlled.eq_missing("Y")
    general = (
        pl.when(days <= _LONGEST_GENERAL)
        .then(pl.lit("A"))
        .when(continuous("continuous_total_days", "continuous_refills", "continuous_refill"))
        .then(pl.lit("C"))
        .when(days > _LONGEST_GENERAL)
        .then(pl.lit("B"))
    )
    restricted = (
        pl.when(days <= _LONGEST_GENERAL)
        .then(pl.lit("D"))
        .when(continuous("controlled_total_days", "controlled_refills", "controlled_refill"))
        .then(pl.lit("F"))
        .when(days > _LONGEST_GENERAL)
        .then(pl.lit("E"))
    )
    kind = pl.when(controlled).then(restricted).otherwise(general)
    return told.derive_orders(prescription_kind=pl.when(is_drug()).then(kind))


def dispensing(told: Visits) -> dict[str, pl.Series]:
    """醫令調劑方式：交付的藥品（D02=M）為 1；領藥與藥局調劑的藥品為 A；其他藥品、診療、特材為 0；虛擬醫令、費用不填
    （D047、AD53、AD54、AF；assumptions：d02_d05_pairs、d05_absent_for）。

    How an order is carried out: 1 for a released drug (D02=M), A for drugs at refills and pharmacies, 0 for other
    drugs, procedures and materials; none for virtual orders and fees (D047, AD53, AD54, AF; assumptions d02_d05_pairs,
    d05_absent_for).
    """
    category = col.order_category
    mode = (
        pl.when(category == "M")
        .then(pl.lit("1"))
        .when((category == "1") & dispenses())
        .then(pl.lit("A"))
        .when(category.is_in(["1", *_EXECUTED]))
        .then(pl.lit("0"))
    )
    return told.derive_orders(dispensing=mode)
