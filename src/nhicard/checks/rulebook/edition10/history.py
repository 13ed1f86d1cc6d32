"""What a record repeats or corrects, among those that the insurer already holds: C001, C002, Y009, Y010."""

from __future__ import annotations

from polars import col

from nhicard.checks.rule import Breaks, is_precheck, past, rule
from nhicard.formats.assumptions import Assumptions


@rule("1.0", "A17", assumptions=("precheck_resend_replaces",))
def C001(assume: Assumptions) -> Breaks:
    """同一筆紀錄（資料型態、身分證號、院所、就診時間都相同）已收載，或同檔重複；不必再傳。

    The same record (data type, person, institution and visit time) is stored already, or stands twice in this upload;
    leave it out.

    退件的紀錄不算；預檢重送會取代前次預檢，同檔重複仍算。預防接種以 A62、A63 代替就診時間與院所。
    Rejected records do not count; a pre-check sent again takes the place of the earlier one, unless both stand in one
    file. Vaccination data has A62 and A63 for time and institution.
    """
    stored = past("key_in_force")
    if assume["precheck_resend_replaces"]:
        stored &= ~is_precheck()
    return col.A01.is_in(["1", "2"]) & (stored | past("key_repeated"))


@rule("1.0", assumptions=("normal_correction_mends",))
def C002(assume: Assumptions) -> Breaks:
    """正常上傳（A01=1）已收載，不得再以補正（A01=3）取代；不必再傳。

    The normal upload (A01=1) is stored and cannot be replaced by a correction (A01=3); leave it out.
    """
    if assume["normal_correction_mends"] == "accepted":
        return {}
    return {"A01": (col.A01 == "3") & (past("key_in_force_as") == "1")}


@rule("1.0", "A01", assumptions=("normal_correction_mends",))
def Y009(assume: Assumptions) -> Breaks:
    """查無同鍵值的正常上傳（A01=1），不得補正（A01=3）；請核對身分證號與就診時間，或改以正常上傳。

    There is no normal upload (A01=1) of the same key to be corrected (A01=3); check person and visit time, or upload it
    as a normal one.
    """
    accepted = assume["normal_correction_mends"] == "accepted"
    there = past("key_in_force_as").is_in(["1", "3"]).fill_null(False) if accepted else past("uploaded:normal")
    return (col.A01 == "3") & ~there


@rule("1.0", "A01")
def Y010() -> Breaks:
    """查無同鍵值的異常上傳（A01=2），不得補正（A01=4）；請核對身分證號與就診時間，或改以異常上傳。

    There is no abnormal upload (A01=2) of the same key to be corrected (A01=4); check person and visit time, or upload
    it as an abnormal one.
    """
    return (col.A01 == "4") & ~past("uploaded:abnormal")
