"""What kind of record it is: data type, upload kind, version, visit category. 01, 02, 03, Y003, Y008."""

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, rule
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import codes

VISIT_DATA: Final = col.A00 == "1"
NORMAL: Final = VISIT_DATA & col.A01.is_in(["1", "3"])
ABNORMAL: Final = VISIT_DATA & col.A01.is_in(["2", "4"])
_VACCINATION_DATA: Final = col.A00 == "2"
_VERSION: Final = "1.0"


def categories(assume: Assumptions) -> list[str]:
    """Visit categories (A23) that are accepted: those of the printed table and the later ones assumed."""
    printed = [entry.code for entry in codes("1.0", "A23").values() if "official" in entry.basis]
    return [*printed, *assume["later_categories_accepted_in_10"]]


@rule("1.0", "A00")
def code_01() -> Breaks:
    """A00（資料型態）只能填 1（就醫資料）或 2（預防接種資料）；請改正。

    A00 (data type) must be 1 (visit data) or 2 (vaccination data); correct it.
    """
    return ~col.A00.is_in(list(codes("1.0", "A00")))


@rule("1.0", "A01")
def code_02() -> Breaks:
    """A01（資料格式）只能填 1（正常）、2（異常）、3（補正正常）或 4（補正異常）；請改正。

    A01 (upload kind) must be 1 (normal), 2 (abnormal), 3 or 4 (corrections of these); correct it.
    """
    return ~col.A01.is_in(list(codes("1.0", "A01")))


def _other_version() -> pl.Expr:
    return col.A02 != _VERSION


@rule("1.0", assumptions=("wrong_version_code",))
def Y003(assume: Assumptions) -> Breaks:
    """A02（上傳版本）只能填 1.0；請改正，或改用對應版本的格式上傳。

    A02 (format version) must be 1.0; correct it, or send the file in the format of its own version.
    """
    return {"A02": _other_version()} if assume["wrong_version_code"] == "Y003" else {}


@rule("1.0", "A02", assumptions=("wrong_version_code",))
def code_03(assume: Assumptions) -> Breaks:
    """A02（上傳版本）只能填 1.0；請改正，或改用對應版本的格式上傳。

    A02 (format version) must be 1.0; correct it, or send the file in the format of its own version.

    附件六以 Y003 報此錯誤，故本碼平時不報，一個錯誤只報一碼。
    Annex 6 reports this fault as Y003, so this code is silent by default: one code a fault.
    """
    return {"A02": _other_version()} if assume["wrong_version_code"] == "03" else {}


@rule("1.0", assumptions=("y008_applies_to_vaccination", "later_categories_accepted_in_10"))
def Y008(assume: Assumptions) -> Breaks:
    """{field}（{name}）未填或不是有效代碼，本筆其餘欄位無法檢核；請先改正此欄再重傳。

    {field} ({name}) is missing or no valid code, so the rest of the record cannot be checked; correct it and
    send again.

    上傳方式（A01）與就醫類別（A23）決定其他欄位該怎麼填。預防接種資料沒有就醫類別，只看 A01。
    Upload kind (A01) and visit category (A23) decide what the other fields must hold. Vaccination data has no
    visit category, so only A01 is looked at there.
    """
    no_category = col.A23.is_null() | ~col.A23.is_in(categories(assume))
    if not assume["y008_applies_to_vaccination"]:
        no_category &= ~_VACCINATION_DATA.fill_null(False)
    return {"A01": col.A01.is_null() | ~col.A01.is_in(list(codes("1.0", "A01"))), "A23": no_category}
