"""What a record repeats, corrects, deletes or goes back to, among those that the insurer already holds."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.facts.past import MISSING
from nhicard.checks.rule import Breaks, any_order, count_orders, is_precheck, past, rule
from nhicard.checks.rulebook.edition20.orders import NORMAL_AND_ABNORMAL, one_of
from nhicard.formats.assumptions import Assumptions

_PRESCRIBING: Final = (*(f"0{digit}" for digit in range(1, 10)), "AD", "BA", "BB", "BG", "BE")
_DELETES_RECORD: Final = "D"
_ON_REFILLS: Final = ("C", "E")


def _is_record() -> pl.Expr:
    """A record to be kept, not an operation on another one."""
    return one_of(col.H01, NORMAL_AND_ABNORMAL)


def _is_new(assume: Assumptions) -> pl.Expr:
    """A record in its own right: no operation, no correction, nor one that only deletes stored allergy entries."""
    new = one_of(col.H01, (*NORMAL_AND_ABNORMAL, *(("1", "2") if assume["legacy_h01_values_accepted"] else ())))
    if not assume["allergy_deletion_is_no_duplicate"]:
        return new
    return new & ~(any_order(col.E01 == "D") & (count_orders(col.E01.ne_missing(pl.lit("D"))) == 0))


@rule("2.0", "M11", assumptions=("unknown_time_matches_nothing",))
def code_22(assume: Assumptions) -> Breaks:
    """這位病人（M03）在這個就診時間（M11）已有另一家院所的紀錄；請核對 M03 與 M11 是否為這次過卡的資料。

    Another institution has a visit of this person (M03) at this very second (M11); check that both are those of your
    own tap.

    預檢也與他院的正式紀錄比對。A pre-check is compared with other institutions' real records as well.
    """
    known = ~col.M11.str.ends_with("000000") if assume["unknown_time_matches_nothing"] else pl.lit(True)
    return _is_record() & known & past("elsewhere_same_second")


@rule("2.0", "M11", assumptions=("report_slots",))
def AD30() -> Breaks:
    """這位病人（M03）同一天同一時段已上傳過檢驗結果通報；請勿重複通報，要更正請先刪除（H01=D）原通報再傳。

    A test result of this person (M03) was already reported for the same part of the same day; do not report it again,
    or, to correct it, delete the earlier report (H01=D) first.

    鍵值完全相同者報 C001。A report with the very same key is C001.
    """
    return (col.H00 == "5") & _is_record() & past("report_in_slot")


@rule(
    "2.0",
    "M11",
    assumptions=("precheck_resend_replaces", "allergy_deletion_is_no_duplicate", "legacy_h01_values_accepted"),
)
def C001(assume: Assumptions) -> Breaks:
    """同一筆紀錄（資料型態、身分證號、院所、就診時間、就醫識別碼都相同）已收載，或同檔重複；不必再傳，
    要更正請先刪除（H01=D）再重傳。

    The same record (data type, person, institution, visit time and identifier) is stored already, or stands twice in
    this upload; leave it out, or, to correct it, delete the stored one (H01=D) and send again.

    退件或已刪除的紀錄不算；預檢重送會取代前次預檢，同檔重複仍算。Rejected and deleted records do not count; a
    pre-check sent again takes the place of the earlier one, unless both stand in one file.
    """
    stored = past("key_in_force")
    if assume["precheck_resend_replaces"]:
        stored &= ~is_precheck()
    return _is_new(assume) & (stored | past("key_repeated"))


@rule("2.0", assumptions=("legacy_h01_values_accepted", "normal_correction_mends"))
def C002(assume: Assumptions) -> Breaks:
    """正常上傳（H01=1）已收載，不得再以補正（H01=3）取代；內容有誤請先刪除（H01=D）再重傳。

    The normal upload (H01=1) is stored and cannot be replaced by a correction (H01=3); if it is wrong, delete it
    (H01=D) and send again.

    H01 的 1 至 4 是舊值，預設不收。The values 1 to 4 of H01 are old ones that are not accepted by default.
    """
    if not assume["legacy_h01_values_accepted"] or assume["normal_correction_mends"] == "accepted":
        return {}
    return {"H01": (col.H01 == "3") & (past("key_in_force_as") == "1")}


@rule("2.0", "D06", off_without=("delivery_orders",))
def C003(assume: Assumptions) -> Breaks:
    """這位病人（M03）在 90 日內已有生產紀錄；請核對 M03、M11 與生產醫令 D06。

    A delivery of this person (M03) is already on record within 90 days; check M03, M11 and the delivery order D06.

    各院所的紀錄都算，從兩次就診日（M11）計算。Records of every institution count, by the days of the visits (M11).
    """
    return _is_record() & col.D06.is_in(list(assume["delivery_orders"])) & past("delivery_before")


@rule("2.0", "H01")
def D001() -> Breaks:
    """查不到要刪除（D）的就醫紀錄，或要註銷（C）、取消註銷（E）的慢連箋；
    H00、M03、M05、M11、M15 須與原紀錄相同，請核對。

    The record to be deleted (D), or the continuous prescription to be cancelled (C) or restored (E), is not on record;
    H00, M03, M05, M11 and M15 must be those of the stored record: check them.
    """
    missing = ~past("key_in_force")
    no_refills = missing | (past("issued_refills:all") == 0)
    return ((col.H01 == _DELETES_RECORD) & missing) | (one_of(col.H01, _ON_REFILLS) & no_refills)


@rule("2.0", "M18", of_value=True)
def D032() -> Breaks:
    """原處方就醫序號 M18 與原紀錄（M16）的就醫序號不同；請依處方箋或原紀錄更正 M18。

    M18 is not the sequence number of the original record (M16); correct it by the prescription or that record.

    原紀錄查無時不檢查；M18 空白不檢查。Nothing is checked where the original is not on record or M18 is blank.
    """
    return _is_record() & past("original_found") & col.M18.ne_missing(past("original:sequence")) & col.M18.is_not_null()


@rule("2.0", "M16")
def D037() -> Breaks:
    """同日同醫師再診（M07=AI），但查不到同一天、同一位醫師（M06）的第一次就醫；請核對 M06、M16、M19，
    並先上傳第一次就醫。

    A same-day return (M07=AI), but no first visit to the same physician (M06) on that day is on record; check M06, M16
    and M19, and upload the first visit before this one.

    以 M16 查；M16 為異常識別碼時以 M19 查，1.0 上傳的也算。It is looked for by M16, or by M19 where M16 is a stand-in;
    one uploaded in format 1.0 counts too.
    """
    return (col.M07 == "AI") & _is_record() & ~past("first_visit_found")


def _own_prescription() -> pl.Expr:
    return col.M17 == col.M05


def _is_not_there() -> pl.Expr:
    """No record under M16, or one of another institution than M17."""
    return ~past("original_found") | (past("original:institution") != col.M17).fill_null(False)


def _does_not_prescribe() -> pl.Expr:
    return past("original_found") & ~past("original:category").is_in(_PRESCRIBING).fill_null(False)


@rule("2.0", "M16", of_value=True, warns_before="single_track_buffer_end", assumptions=("single_track_buffer_end",))
def D049() -> Breaks:
    """處方由他院開立，但查不到 M16 的就醫紀錄，或該紀錄不是 M17 院所的；請核對 M16、M17。
    單軌緩衝期間仍會收載。

    The prescription is another institution's, but no record of M16 is there, or not one of the institution in M17;
    check both. During the buffer period the record is still accepted.
    """
    return _is_record() & ~_own_prescription() & _is_not_there()


@rule("2.0", "M16", of_value=True, warns_before="single_track_buffer_end", assumptions=("single_track_buffer_end",))
def D050() -> Breaks:
    """處方由他院開立，但 M16 那次就醫的類別不是可開立處方的類別（01-09、AD、BA、BB、BG、BE）；
    請核對 M16。單軌緩衝期間仍會收載。

    The prescription is another institution's, but the visit of M16 is of no category that prescribes (01-09, AD, BA,
    BB, BG, BE); check M16. During the buffer period the record is still accepted.
    """
    return _is_record() & ~_own_prescription() & _does_not_prescribe()


@rule("2.0", "M16", of_value=True, warns_before="single_track_buffer_end", assumptions=("single_track_buffer_end",))
def D051() -> Breaks:
    """處方由本院開立，但查不到 M16 的就醫紀錄，或該紀錄不是本院的；請先上傳原就醫紀錄，或核對 M16。
    單軌緩衝期間仍會收載。

    The prescription is your own, but no record of M16 is there, or not one of yours; upload the original visit first,
    or check M16. During the buffer period the record is still accepted.
    """
    return _is_record() & _own_prescription() & _is_not_there()


@rule("2.0", "M16", of_value=True)
def D052() -> Breaks:
    """處方由本院開立，但 M16 那次就醫的類別不是可開立處方的類別（01-09、AD、BA、BB、BG、BE）；
    請核對 M16。

    The prescription is your own, but the visit of M16 is of no category that prescribes (01-09, AD, BA, BB, BG, BE);
    check M16.
    """
    return _is_record() & _own_prescription() & _does_not_prescribe()


@rule("2.0", "M16", of_value=True, assumptions=("d082_follows_from_m16",))
def D082(assume: Assumptions) -> Breaks:
    """原就醫識別碼 M16 填 MISS，但查不到這位病人在 M17 院所有 M52 為 MISS 的補卡紀錄；
    請改填原就醫識別碼，或先上傳該補卡紀錄。

    M16 says MISS, but no late-card record of this person at the institution in M17 has M52=MISS; enter the original
    identifier, or upload that late-card record first.
    """
    if not assume["d082_follows_from_m16"]:
        return {}
    return {"M16": _is_record() & (col.M16 == MISSING) & ~past("missing_original_found")}


@rule(
    "2.0",
    "M15",
    of_value=True,
    assumptions=("categories_sharing_identifier", "allergy_deletion_is_no_duplicate", "legacy_h01_values_accepted"),
)
def D086(assume: Assumptions) -> Breaks:
    """就醫識別碼 M15 已用在另一筆紀錄，或同檔另一筆；每次過卡的識別碼只能用一次，請核對 M15，
    要更正就診時間等欄位請先刪除（H01=D）原紀錄。

    The identifier M15 belongs to another record that is stored, or stands in this upload; one tap, one identifier:
    check M15, or, to correct the visit time, delete that record (H01=D) first.

    鍵值完全相同者報 C001。異常識別碼不檢查。A record with the very same key is C001; stand-ins are left alone.
    """
    return _is_new(assume) & (past("identifier_in_force") | past("identifier_repeated"))


@rule("2.0", "E01", of_value=True, assumptions=("allergy_deletion_is_no_duplicate",))
def E002() -> Breaks:
    """要刪除的過敏註記（E01=D）查無原紀錄；M03、M05、M11、M15 與 E02、E03、E04 須與原上傳的相同，請核對。

    The allergy entry to be deleted (E01=D) is not on record; M03, M05, M11, M15 and E02, E03, E04 must be those of the
    original upload: check them.
    """
    return one_of(col.H01, NORMAL_AND_ABNORMAL) & (col.E01 == "D") & ~past("entry_in_force")


@rule("2.0", assumptions=("legacy_h01_values_accepted", "normal_correction_mends"))
def Y009(assume: Assumptions) -> Breaks:
    """查無同鍵值的正常上傳（H01=1），不得補正（H01=3）；請改以正常上傳。

    There is no normal upload (H01=1) of the same key to be corrected (H01=3); upload it as a normal one.

    H01 的 1 至 4 是舊值，預設不收。The values 1 to 4 of H01 are old ones that are not accepted by default.
    """
    if not assume["legacy_h01_values_accepted"]:
        return {}
    accepted = assume["normal_correction_mends"] == "accepted"
    there = past("key_in_force_as").is_in(["1", "3"]).fill_null(False) if accepted else past("uploaded:normal")
    return {"H01": (col.H01 == "3") & ~there}


@rule("2.0", assumptions=("legacy_h01_values_accepted",))
def Y010(assume: Assumptions) -> Breaks:
    """查無同鍵值的異常上傳（H01=2），不得補正（H01=4）；請改以異常上傳。

    There is no abnormal upload (H01=2) of the same key to be corrected (H01=4); upload it as an abnormal one.

    H01 的 1 至 4 是舊值，預設不收。The values 1 to 4 of H01 are old ones that are not accepted by default.
    """
    if not assume["legacy_h01_values_accepted"]:
        return {}
    return {"H01": (col.H01 == "4") & ~past("uploaded:abnormal")}
