"""An order's category against its item, site and delivery mark: AD08-AD12, 19."""

from datetime import datetime
from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, now, rule
from nhicard.checks.rulebook.edition10.header import VISIT_DATA
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import codes

_VIRTUAL_ORDER: Final = ["G", "H"]
_NOT_PERFORMED: Final = "07"
_NOT_PERFORMED_SINCE: Final = datetime(2022, 4, 1)


def _teeth(assume: Assumptions) -> pl.Expr:
    """Whether A74 is a tooth or tooth region, or several of them side by side."""
    tooth = [entry.code for entry in codes("1.0", "A74").values() if entry.attr.startswith("kind=tooth")]
    if assume["body_site_letters_combine"]:
        return col.A74.str.contains(f"^(?:{'|'.join(tooth)})+$")
    return col.A74.is_in(tooth)


def _dental_item(assume: Assumptions) -> pl.Expr:
    # Two-character items such as 91 (mammography) are preventive care.
    return col.A73.str.head(2).is_in(assume["dental_item_prefixes"]) & (col.A73.str.len_bytes() > 2)


@rule("1.0", "A73", assumptions=("dental_item_prefixes", "body_site_letters_combine"))
def AD08(assume: Assumptions) -> Breaks:
    """A73 是牙科項目（前兩碼 89-92），A74（診療部位）須為牙位代碼；請改正其中一欄。

    A73 is a dental item (first two characters 89 to 92), so A74 (treatment site) must be a tooth code;
    correct one of the two.

    A74 空白不算錯，附件一未列為必填。A blank A74 is no fault: Annex 1 does not require the field.
    """
    return VISIT_DATA & col.A74.is_not_null() & _dental_item(assume) & ~_teeth(assume)


@rule("1.0", "A74", assumptions=("dental_item_prefixes", "body_site_letters_combine"))
def AD09(assume: Assumptions) -> Breaks:
    """A74 是牙位代碼，A73（診療項目代號）須為牙科項目（前兩碼 89-92）；請改正其中一欄。

    A74 is a tooth code, so A73 (order item) must be a dental item (first two characters 89 to 92); correct
    one of the two.
    """
    return VISIT_DATA & col.A74.is_not_null() & _teeth(assume) & ~_dental_item(assume)


def _wrong_mark(categories: list[str], marks: list[str]) -> pl.Expr:
    return VISIT_DATA & col.A72.is_in(categories) & ~col.A78.is_in(marks)


@rule("1.0", "A78")
def AD10() -> Breaks:
    """A72 為 1 或 A（一般藥品），A78（交付處方註記）須為 01 或 02；請改正。

    A72 is 1 or A (drug, no refills), so A78 (delivery mark) must be 01 or 02; correct it.
    """
    return _wrong_mark(["1", "A"], ["01", "02"])


@rule("1.0", "A78")
def AD11() -> Breaks:
    """A72 為 2 或 B（慢性病連續處方箋藥品），A78（交付處方註記）須為 05 或 06；請改正。

    A72 is 2 or B (drug of a refill prescription), so A78 (delivery mark) must be 05 or 06; correct it.
    """
    return _wrong_mark(["2", "B"], ["05", "06"])


@rule("1.0", "A78", assumptions=("unperformed_test_order_categories",))
def AD12(assume: Assumptions) -> Breaks:
    """A72 為 3、4、5、C、D、E，A78（交付處方註記）須為 03 或 04；檢驗（查）未執行者可填 07。請改正。

    A72 is 3, 4, 5, C, D or E, so A78 (delivery mark) must be 03 or 04, or 07 for a test that was not
    performed; correct it.

    07 自 111 年 4 月 1 日上傳起適用，只配診療與重要醫令（A72 為 3、5、C、E）。
    07 may be used in uploads since 2022-04-01, for procedures and important orders (A72 3, 5, C, E).
    """
    not_performed = (
        (col.A78 == _NOT_PERFORMED)
        & col.A72.is_in(assume["unperformed_test_order_categories"])
        & (now() >= _NOT_PERFORMED_SINCE)
    )
    return _wrong_mark(["3", "4", "5", "C", "D", "E"], ["03", "04"]) & ~not_performed


@rule("1.0", "A72", assumptions=("code_19_orders_10",))
def code_19(assume: Assumptions) -> Breaks:
    """A73 是虛擬醫令（R001-R004），A72（醫令類別）須為 G 或 H；請改正。

    A73 is a virtual order (R001 to R004), so A72 (order category) must be G or H; correct it.
    """
    virtual = col.A73.is_in(assume["code_19_orders_10"])
    return VISIT_DATA & virtual & ~col.A72.is_in(_VIRTUAL_ORDER).fill_null(False)
