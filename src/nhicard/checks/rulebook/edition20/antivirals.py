"""Oral antivirals for COVID-19: where they may be prescribed, and how their orders are filled in."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, any_order, as_int, count_orders, rule
from nhicard.checks.rulebook.edition20.orders import NORMAL_AND_ABNORMAL, named, one_of
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import codes

_ANTIVIRALS: Final = named("antiviral")
_RELEASABLE: Final = "XCOVID0001"  # the only one that may be handed out to a pharmacy
_OUTPATIENT: Final = ("01", "04", "06", "07", "08", "09", "AI", "BD")
_DISPENSING: Final = ("AE", "AF")
_IN_STAY: Final = "BC"
_BARRED_NUMBERS: Final = ("Z000", "G000", "IC98", "F00B", "CV19", "FORE", "TM01", "J000")
_OF_STAY_NUMBERS: Final = ("J000", "IC09")
_PUBLIC_SUPPLY: Final = "G"  # M23
_PUBLIC_ORDERS: Final = ("4", "9", "0")  # the drug, the dispensing fee, the consultation fee


def _antiviral() -> pl.Expr:
    return one_of(col.D06, _ANTIVIRALS)


def _other_antiviral() -> pl.Expr:
    return one_of(col.D06, [each for each in _ANTIVIRALS if each != _RELEASABLE])


def _outpatient() -> pl.Expr:
    return one_of(col.M07, _OUTPATIENT)


def _dispensing() -> pl.Expr:
    return one_of(col.M07, _DISPENSING)


def _pair(category: str, mode: str) -> pl.Expr:
    return col.D02.eq_missing(pl.lit(category)) & col.D05.eq_missing(pl.lit(mode))


def _priced(assume: Assumptions) -> pl.Expr:
    """Not public supply (M23=G), whose unpriced orders follow D083 alone."""
    return col.M23 != _PUBLIC_SUPPLY if assume["ad62_exempts_m23_g"] else pl.lit(True)


@rule("2.0", "M13", of_value=True)
def AD49() -> Breaks:
    """領藥或藥局調劑（AE、AF）XCOVID0001 時，不可用這個異常就醫序號；請改用實際發生的異常原因代碼。

    XCOVID0001 at AE or AF cannot go with this abnormal number (M13); use the code of what really happened.

    不可用：Z000、G000、IC98、F00B、CV19、FORE、TM01、J000。Barred: Z000, G000, IC98, F00B, CV19, FORE,
    TM01, J000.
    """
    return _dispensing() & one_of(col.M13, _BARRED_NUMBERS) & any_order(col.D06 == _RELEASABLE)


@rule("2.0", "M13", of_value=True)
def AD50() -> Breaks:
    """住院中（BC）執行口服抗病毒藥而異常上傳時，就醫序號（M13）只能是 J000 或 IC09；
    請改 M13。

    An abnormal upload of an oral antiviral given during a stay (BC) takes M13 J000 or IC09 only;
    mend M13.
    """
    stay = (col.H01 == "B") & (col.M07 == _IN_STAY)
    return stay & ~one_of(col.M13, _OF_STAY_NUMBERS) & any_order(_antiviral())


@rule("2.0", "D02", of_value=True, assumptions=("ad62_exempts_m23_g",))
def AD51(assume: Assumptions) -> Breaks:
    """口服抗病毒藥的 D02 不符：門急診 XCOVID0001 填 1 或 M，其他抗病毒藥填 1；領藥或藥局調劑（AE、AF）填 1。

    Wrong D02 for an oral antiviral: in outpatient and emergency visits 1 or M for XCOVID0001 and 1 for the
    others; at AE and AF 1.
    """
    outpatient = ((col.D06 == _RELEASABLE) & ~one_of(col.D02, ("1", "M"))) | (_other_antiviral() & (col.D02 != "1"))
    dispensing = _antiviral() & (col.D02 != "1")
    return _priced(assume) & ((_outpatient() & outpatient) | (_dispensing() & dispensing))


@rule("2.0", "D02", of_value=True, assumptions=("ad62_exempts_m23_g",))
def AD52(assume: Assumptions) -> Breaks:
    """住院中（BC）開立的口服抗病毒藥，醫令類別（D02）須為 1；請改 D02。

    An oral antiviral given during a stay (BC) must be D02=1; mend D02.
    """
    return _priced(assume) & (col.M07 == _IN_STAY) & _antiviral() & (col.D02 != "1")


@rule("2.0", "D05", assumptions=("ad62_exempts_m23_g",))
def AD53(assume: Assumptions) -> Breaks:
    """門急診的 XCOVID0001：自行調劑填 D02=1、D05=0，交付調劑填 D02=M、D05=1。

    XCOVID0001 in outpatient and emergency visits: D02=1 with D05=0 in-house, D02=M with D05=1 when released.
    """
    fits = _pair("1", "0") | _pair("M", "1")
    return _priced(assume) & _outpatient() & (col.D06 == _RELEASABLE) & ~fits


@rule("2.0", "D05", assumptions=("ad62_exempts_m23_g",))
def AD54(assume: Assumptions) -> Breaks:
    """領藥或藥局調劑（AE、AF）的口服抗病毒藥，須填 D02=1、D05=A；請改正。

    An oral antiviral dispensed at AE or AF needs D02=1 with D05=A; mend them.
    """
    return _priced(assume) & _dispensing() & _antiviral() & ~_pair("1", "A")


@rule("2.0", "D05", assumptions=("ad62_exempts_m23_g",))
def AD55(assume: Assumptions) -> Breaks:
    """門急診的 XCOVID0001 以外口服抗病毒藥，以及住院中（BC）的各種口服抗病毒藥，須填 D02=1、D05=0。

    Oral antivirals other than XCOVID0001 in outpatient and emergency visits, and all of them during a stay
    (BC), need D02=1 with D05=0.
    """
    covered = (_outpatient() & _other_antiviral()) | ((col.M07 == _IN_STAY) & _antiviral())
    return _priced(assume) & covered & ~_pair("1", "0")


@rule("2.0", "D08")
def AD56() -> Breaks:
    """口服抗病毒藥的用法（D08）必填，只能是 BID、QD、Q12H、ASORDER；請改正。

    An oral antiviral needs its usage (D08): BID, QD, Q12H or ASORDER; mend it.
    """
    return _antiviral() & ~one_of(col.D08, list(codes("2.0", "D08-antiviral"))).fill_null(False)


@rule("2.0", "D09", of_value=True, assumptions=("ad62_exempts_m23_g",))
def AD57(assume: Assumptions) -> Breaks:
    """口服抗病毒藥的天數（D09）須為 5（住院中執行 BC 除外）；請改正。

    The days (D09) of an oral antiviral must be 5, except during a stay (BC); mend it.
    """
    return _priced(assume) & (col.M07 != _IN_STAY) & _antiviral() & (as_int("D09") != 5)


@rule("2.0", "D09", of_value=True, assumptions=("ad62_exempts_m23_g",))
def AD58(assume: Assumptions) -> Breaks:
    """住院中（BC）口服抗病毒藥的天數（D09）須為 1 到 5；請改正。

    The days (D09) of an oral antiviral given during a stay (BC) must be 1 to 5; mend it.
    """
    return _priced(assume) & (col.M07 == _IN_STAY) & _antiviral() & ~as_int("D09").is_between(1, 5)


@rule("2.0", "M07", of_value=True, assumptions=("ai_carries_no_orders",))
def AD61() -> Breaks:
    """口服抗病毒藥只能用在就醫類別 01、04、06、07、08、09、BD、AF、AE、BC；請確認 M07。

    Oral antivirals belong to visit categories 01, 04, 06, 07, 08, 09, BD, AF, AE and BC only; check M07.
    """
    allowed = (*_OUTPATIENT, *_DISPENSING, _IN_STAY)
    return ~col.M07.is_in(allowed) & any_order(_antiviral())


@rule("2.0", "D02", of_value=True, assumptions=("ad62_exempts_m23_g",))
def AD62(assume: Assumptions) -> Breaks:
    """口服抗病毒藥的醫令類別（D02）須為 1 或 M；請改 D02。

    An oral antiviral must be D02 1 or M; mend D02.
    """
    return _priced(assume) & _antiviral() & ~one_of(col.D02, ("1", "M"))


@rule("2.0", "D06", of_value=True)
def AD63() -> Breaks:
    """領藥或藥局調劑（AE、AF）的口服抗病毒藥只能是 XCOVID0001；請核對 D06。

    The only oral antiviral that AE and AF may dispense is XCOVID0001; check D06.
    """
    return _dispensing() & _other_antiviral()


@rule("2.0", "M13", of_value=True, assumptions=("ai_carries_no_orders",))
def AD65() -> Breaks:
    """門急診開立口服抗病毒藥時，不可用這個異常就醫序號（M13）；請改用實際發生的異常原因代碼。

    An oral antiviral in an outpatient or emergency visit cannot go with this abnormal number (M13); use the
    code of what really happened.

    不可用：Z000、G000、IC98、F00B、CV19、FORE、TM01；J000 只有急診（04、BD）可用。Barred: Z000, G000, IC98,
    F00B, CV19, FORE, TM01; J000 is open to emergency visits (04, BD) only.
    """
    emergency = one_of(col.M07, ("04", "BD"))
    barred = one_of(col.M13, _BARRED_NUMBERS) & ~(emergency & (col.M13 == "J000"))
    return _outpatient() & barred & any_order(_antiviral())


@rule("2.0", "MB2", assumptions=("ad62_exempts_m23_g", "d02_4_means_unpriced_item"))
def D083() -> Breaks:
    """M23=G（公費口服抗病毒藥）的 MB2 只能有：一筆 D02=4 的口服抗病毒藥、藥事服務費（D02=9）、
    診察費（D02=0）。

    With M23=G (oral antivirals supplied by the state) MB2 may only be one antiviral with D02=4, the
    dispensing fee (D02=9) and the consultation fee (D02=0).

    抗病毒藥以 XCOVID 開頭的四個代碼認定。The antivirals are the four codes that other rules name. How many
    fees there are is not checked.
    """
    public = col.M23 == _PUBLIC_SUPPLY
    one_drug = count_orders((col.D02 == "4") & _antiviral()) == 1
    return {
        "MB2": public & one_of(col.H01, NORMAL_AND_ABNORMAL) & ~one_drug,
        "D02": public & ~one_of(col.D02, _PUBLIC_ORDERS),
        "D06": public & (col.D02 == "4") & ~_antiviral(),
    }
