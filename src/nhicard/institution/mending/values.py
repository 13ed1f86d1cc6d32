"""Repairs that need no more than the value itself."""

from __future__ import annotations

from typing import Final

import polars as pl

from nhicard.formats.rocdate import YEAR_BEFORE_FIRST
from nhicard.formats.tables import Edition, code_tables, fields, forms
from nhicard.identity import institution_code
from nhicard.institution.mending.content import Content, content, is_free_text, is_institution
from nhicard.institution.mending.repair import Applies, of_values

_FULL_WIDTH: Final = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {"\u3000": " "}
_BLANKS: Final = " \t\r\n\u3000\xa0\ufeff\u200b"
_SEQUENCE_NUMBERS: Final = frozenset({"A18", "M13", "M18"})
_TOTALS: Final = frozenset({"A77", "D10"})
_YEAR: Final = r"(?<year>[0-9]{3,4})"
_SEPARATED_DATE: Final = _YEAR + r"[-/.年](?<month>[0-9]{1,2})[-/.月](?<day>[0-9]{1,2})日?"
_SEPARATED: Final = {
    "date": rf"^{_SEPARATED_DATE}(?:[ T]+0?0:00(?::00(?:\.0+)?)?)?$",
    "time": rf"^{_SEPARATED_DATE}[ T]+(?<hour>[0-9]{{1,2}}):(?<minute>[0-9]{{2}}):(?<second>[0-9]{{2}})(?:\.0+)?$",
}
_WESTERN: Final = {"date": "^[0-9]{8}$", "time": "^[0-9]{14}$"}


def _holding(*contents: Content) -> Applies:
    """Fields that hold one of these, and whose form says what is right."""
    return lambda edition, field: content(edition)[field] in contents and not is_free_text(forms(edition)[field])


def _of_forms(*kinds: str) -> Applies:
    return lambda edition, field: forms(edition)[field].form in kinds


@of_values(_holding("administrative", "person", "money", "identifier"), codes="AB AB01 AC AD Y008")
def halfwidth(value: pl.Expr, edition: Edition, field: str) -> pl.Expr:
    """代碼、數字、日期欄位裡的全形英數字與符號改為半形：字一樣，只是寬度不同。診療內容、簽章與自由文字不動。

    Full-width letters, digits and signs in fields of codes, numbers and dates become half-width: the same characters in
    another width. Clinical content, signatures and free text stay as they are.
    """
    return value.str.replace_many(list(_FULL_WIDTH), list(_FULL_WIDTH.values()))


@of_values(_holding("administrative", "person", "money", "identifier", "clinical"), codes="AB AC AD AE Y008")
def trimmed(value: pl.Expr, edition: Edition, field: str) -> pl.Expr:
    """去掉代碼、數字、日期前後多餘的空白（固定長度補的空白也是）：空白不是內容。簽章與自由文字不動。

    Blanks around codes, numbers and dates go, also those that filled up a fixed width: they are no content. Signatures
    and free text stay as they are.
    """
    return value.str.strip_chars(_BLANKS)


@of_values(_of_forms("number", "amount", "code"), codes="AB AC AD")
def plain_number(value: pl.Expr, edition: Edition, field: str) -> pl.Expr:
    """試算表加上的千分號與「.0」拿掉（1,234 → 1234，1.0 → 1）：數值不變。日數、次數等診療內容不動。

    Thousands separators and .0 that spreadsheets add go (1,234 → 1234, 1.0 → 1): the number is the same. Days,
    counts and other clinical content stay as they are.
    """
    if content(edition)[field] == "clinical":
        return value
    grouped = value.str.contains(r"^-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.0+)?$")
    return (
        pl.when(grouped).then(value.str.replace_all(",", "")).otherwise(value).str.replace(r"^(-?[0-9]+)\.0+$", "${1}")
    )


@of_values(lambda edition, field: (edition, field) == ("1.0", "A02"), codes="Y003 03")
def version(value: pl.Expr, edition: Edition, field: str) -> pl.Expr:
    """版本 A02 只能是 1.0；試算表常把它變成 1 或 1.00，改回 1.0。

    The version A02 can only be 1.0; spreadsheets turn it into 1 or 1.00, which becomes 1.0 again.
    """
    return value.str.replace(r"^[Vv]?1(?:\.0*)?$", "1.0")


@of_values(_holding("administrative", "person", "identifier"), codes="AB AD 02 Y008")
def uppercase(value: pl.Expr, edition: Edition, field: str) -> pl.Expr:
    """只收大寫的欄位，小寫英文字母改為大寫；身分證號與統一證號改後檢查碼須相符，代碼須在代碼表內。

    Where only capital letters are taken, small ones become capitals; the check digit of an ID must then agree, a code
    must be in its table.
    """
    return value.str.to_uppercase()


@of_values(_of_forms("date", "time"), codes="AB AC AD")
def roc_date(value: pl.Expr, edition: Edition, field: str) -> pl.Expr:
    """西元日期（yyyymmdd、14 位時間）與帶分隔的日期（2023/10/23、112-10-23）改為民國 7 位或 13 位：同一天、同一秒。
    六位或十二位的寫法有兩種讀法，不改。

    Western dates (yyyymmdd, times of 14 digits) and dates with separators (2023/10/23, 112-10-23) become ROC dates of 7
    or 13 digits: the same day, the same second. What has 6 or 12 digits can be read in two ways and stays.
    """
    kind = forms(edition)[field].form
    parts = value.str.extract_groups(_SEPARATED[kind]).struct
    names = ("month", "day", "hour", "minute", "second")[: 2 if kind == "date" else 5]
    digits = [parts.field(name).str.zfill(2) for name in names]
    separated = pl.concat_str(_roc_year(parts.field("year")), *digits)
    western = pl.when(value.str.contains(_WESTERN[kind])).then(
        pl.concat_str(_roc_year(value.str.head(4)), value.str.slice(4))
    )
    return pl.coalesce(separated, western, value)


def _roc_year(year: pl.Expr) -> pl.Expr:
    """Three digits of a ROC year, from these or from a Western one; null before the first ROC year."""
    number = year.cast(pl.Int64, strict=False)
    roc = pl.when(year.str.len_bytes() == 3).then(number).otherwise(number - YEAR_BEFORE_FIRST)
    return pl.when(roc.is_between(1, 999)).then(roc.cast(pl.String).str.zfill(3))


def _is_padded(edition: Edition, field: str) -> bool:
    form = forms(edition)[field]
    has_table = form.form == "code" and (bool(form.values) or field in code_tables(edition))
    return is_institution(form) or field in _SEQUENCE_NUMBERS or has_table


@of_values(_is_padded, codes="AB AC AD Y008 07")
def zero_padded(value: pl.Expr, edition: Edition, field: str) -> pl.Expr:
    """補回試算表吃掉的前導 0：院所代碼少一位且補 0 後檢查碼相符；就醫序號補到 4 位；代碼補 0 後在代碼表內。

    Leading zeros that spreadsheets lose come back: of an institution code that lacks one digit, if the check digit
    agrees; of a sequence number, up to four digits; of a code, if it is then in its table.
    """
    width = fields(edition)[field].length or 0
    padded = value.str.zfill(width)
    digits = value.str.contains("^[0-9]+$") & (value.str.len_bytes() < width)
    if is_institution(forms(edition)[field]):
        digits &= (value.str.len_bytes() == width - 1) & institution_code.check_digit_agrees(padded).fill_null(False)
    return pl.when(digits).then(padded).otherwise(value)


@of_values(lambda edition, field: field in _TOTALS, codes="AC")
def one_decimal(value: pl.Expr, edition: Edition, field: str) -> pl.Expr:
    """總量寫成一位小數（21 → 21.0，21.00 → 21.0，.5 → 0.5）：數值不變；第二位小數不是 0 者不改。

    Totals are written with one decimal (21 → 21.0, 21.00 → 21.0, .5 → 0.5): the number is the same. Where the second
    decimal is not 0 nothing changes.
    """
    parts = value.str.extract_groups(r"^(?<whole>[0-9]*)(?:\.(?<tenth>[0-9]?)0*)?$").struct
    whole, tenth = parts.field("whole"), parts.field("tenth").fill_null("")
    written = pl.concat_str(
        pl.when(whole == "").then(pl.lit("0")).otherwise(whole),
        pl.lit("."),
        pl.when(tenth == "").then(pl.lit("0")).otherwise(tenth),
    )
    return pl.when(value.str.contains("[0-9]") & written.is_not_null()).then(written).otherwise(value)
