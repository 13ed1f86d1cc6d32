"""What the remark D15 holds: phone and collection time of a test result, the person a newborn depends on.

The layout of the remark is not public. A user who knows it gives it as the assumption ``remark_layout``, a regular
expression with the named groups ``phone``, ``collected`` and ``person``; without a group its rules are off.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, as_time, rule
from nhicard.checks.rulebook.edition20.orders import one_of
from nhicard.formats import rocdate
from nhicard.formats.assumptions import Assumptions

_UNINSURED_DELIVERY: Final = "ICND"


def _part(assume: Assumptions, group: str) -> pl.Expr | None:
    """That part of the remark, null where the remark does not have it; None where the layout does not."""
    layout = assume["remark_layout"]
    place = re.compile(layout).groupindex.get(group)
    return None if place is None else col.D15.str.extract(layout, place)


@rule("2.0", of_value=True, off_without=("remark_layout",))
def AD45(assume: Assumptions) -> Breaks:
    """檢驗結果通報（H00=5）備註 D15 中的電話只能用半形數字與 #；請改正。

    The phone number in the remark D15 of a test-result report (H00=5) may hold plain digits and # only; correct
    it.
    """
    phone = _part(assume, "phone")
    if phone is None:
        return {}
    return {"D15": (col.H00 == "5") & (phone != "") & phone.str.contains("[^0-9#]")}


@rule("2.0", off_without=("remark_layout",), assumptions=("nucleic_acid_results",))
def AD46(assume: Assumptions) -> Breaks:
    """核酸檢驗結果的備註 D15 須有採檢日期時間（13 位民國日期時間），且不晚於報告時間 M11；請補上或改正。

    The remark D15 of a nucleic-acid result must hold the time of collection (13 digits, ROC), not later than the
    report M11; fill it in or correct it.
    """
    collected = _part(assume, "collected")
    if collected is None:
        return {}
    time = rocdate.as_datetime(collected)
    nucleic = (col.H00 == "5") & one_of(col.D06, assume["nucleic_acid_results"])
    return {"D15": nucleic & (time.is_null() | (time > as_time("M11")))}


@rule("2.0", of_value=True, off_without=("remark_layout",))
def BB05(assume: Assumptions) -> Breaks:
    """不是未具健保身分生產（M13 不是 ICND）時，備註 D15 不可填被依附者證號；請刪除。

    Unless it is the delivery of an uninsured woman (M13=ICND), the remark D15 must not hold the identity number of
    a person depended on; remove it.
    """
    person = _part(assume, "person")
    if person is None:
        return {}
    return {"D15": col.M13.ne_missing(_UNINSURED_DELIVERY) & (person != "")}
