"""Dates against one another and against the upload: BD, BE, BF, BG, BH."""

from polars import col

from nhicard.checks.rule import Breaks, any_order, as_date, as_time, now, rule
from nhicard.checks.rulebook.edition10.header import VISIT_DATA
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import visit_fields


@rule("1.0", assumptions=("preventive_dates_compared_with", "prenatal_exam_may_be_on_upload_day"))
def BD(assume: Assumptions) -> Breaks:
    """{field}（{name}）晚於上傳時間；請改正日期時間。

    {field} ({name}) is later than the upload; correct the date or time.

    檢查日期（A42、A51）可與上傳同一天。Exam dates (A42, A51) may be the day of the upload.
    """
    with_upload = assume["preventive_dates_compared_with"] == "upload"
    latest = now().dt.date() if with_upload else as_date("A17")
    prenatal = as_date("A51")
    return {
        "A17": VISIT_DATA & (as_time("A17") > now()),
        "A71": VISIT_DATA & (as_time("A71") > now()),
        "A42": VISIT_DATA & (as_date("A42") > latest),
        "A51": VISIT_DATA & (prenatal > latest if assume["prenatal_exam_may_be_on_upload_day"] else prenatal >= latest),
    }


@rule("1.0", assumptions=("order_time_mismatch_code",))
def BE(assume: Assumptions) -> Breaks:
    """{field}（{name}）與就診日期時間 A17 不合：A71 須與 A17 相同，出生日期不可晚於 A17；請改正其中一欄。

    {field} ({name}) does not go with the visit time A17: A71 must equal it, a date of birth must not be later;
    correct one of the two.
    """
    later = {born: VISIT_DATA & (as_date(born) > as_date("A17")) for born in ("A13", "A20")}
    if assume["order_time_mismatch_code"] != "BE":
        return later
    return {**later, "A71": VISIT_DATA & (col.A71 != col.A17)}


@rule("1.0", assumptions=("bf_fields",))
def BF(assume: Assumptions) -> Breaks:
    """{field}（{name}）晚於接種日期（A62）；請改正其中一欄。

    {field} ({name}) is later than the vaccination (A62); correct one of the two.
    """
    dated = [field for field in assume["bf_fields"] if field in visit_fields("1.0")]
    return {field: any_order(as_date("A62") < as_date(field)) for field in dated}


@rule("1.0")
def BG() -> Breaks:
    """{field}（{name}）早於出生日期（A13）；請改正其中一欄。

    {field} ({name}) is earlier than the date of birth (A13); correct one of the two.

    新生兒依附父母就醫時，A20 須晚於父母的 A13，同日也不行。
    The newborn's A20 must be later than the parent's A13; the same day will not do.
    """
    birth = as_date("A13")
    return {
        "A17": VISIT_DATA & (as_date("A17") < birth),
        "A20": VISIT_DATA & col.A24.is_not_null() & (as_date("A20") <= birth),
        "A62": as_date("A62") < birth,
    }


@rule("1.0", "A17", assumptions=("upload_window_months",))
def BH(assume: Assumptions) -> Breaks:
    """A17（就診日期時間）太早，已超過可上傳的期間（預設為上傳當月及前 3 個月）；請確認
    日期，逾期資料請洽分區業務組。

    A17 (visit time) is too long ago: only visits of the present month and the three before it are taken;
    check the date, and ask your division about late data.
    """
    first_day = now().dt.date().dt.month_start().dt.offset_by(f"-{assume['upload_window_months']}mo")
    return VISIT_DATA & (as_date("A17") < first_day)
