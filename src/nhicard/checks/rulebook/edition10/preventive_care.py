"""Preventive care: the exam code A44 asks for its item A41. AD04-AD07, AD15-AD18."""

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, raw, rule
from nhicard.checks.rulebook.edition10.header import VISIT_DATA
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import codes


def _exams(item: str, *, all_of_table: bool = True) -> list[str]:
    """Exam codes that belong to the item; the cancelling ones (YA to YH) are in no rule."""
    return [
        entry.code
        for entry in codes("1.0", "A44").values()
        if entry.attr.split(";")[0] == f"A41={item}"
        and entry.code[0] not in "Y("
        and (all_of_table or "not listed" not in entry.attr)
    ]


def _without_item(exam: pl.Expr, item: str) -> pl.Expr:
    return VISIT_DATA & exam & col.A41.ne_missing(item)


def _mismatch(item: str) -> pl.Expr:
    return _without_item(col.A44.is_in(_exams(item)), item)


@rule("1.0", "A41", assumptions=("ad04_covers_14_18_78",))
def AD04(assume: Assumptions) -> Breaks:
    """A44 是兒童預防保健的檢查代號，A41（保健服務項目註記）須為 01；請改正其中一欄。

    A44 is an exam of child preventive care, so A41 (preventive item) must be 01; correct one of the two.

    檢查代號 14、18、78 不在此規則的名單，不檢查。
    Exam codes 14, 18 and 78 are missing from the rule's own list and are not checked.
    """
    exams = _exams("01", all_of_table=assume["ad04_covers_14_18_78"])
    return _without_item(col.A44.is_in(exams), "01")


@rule("1.0", "A41")
def AD05() -> Breaks:
    """A44 是成人預防保健的檢查代號，A41（保健服務項目註記）須為 02；請改正其中一欄。

    A44 is an exam of adult preventive care, so A41 (preventive item) must be 02; correct one of the two.
    """
    return _mismatch("02")


@rule("1.0", "A41")
def AD06() -> Breaks:
    """A44 是子宮頸抹片的檢查代號，A41（保健服務項目註記）須為 03；請改正其中一欄。

    A44 is a Pap smear exam, so A41 (preventive item) must be 03; correct one of the two.
    """
    return _mismatch("03")


@rule("1.0", "A41", assumptions=("a44_single_blank_is_a_value",))
def AD07(assume: Assumptions) -> Breaks:
    """A44 填一個空白字元表示流感疫苗，A41（保健服務項目註記）須為 04；沒有檢查項目時請勿送 A44。

    One blank character in A44 stands for influenza vaccine, so A41 (preventive item) must be 04; leave A44
    out when there is no exam.
    """
    return {"A41": _without_item(raw("A44") == " ", "04")} if assume["a44_single_blank_is_a_value"] else {}


@rule("1.0", "A41")
def AD15() -> Breaks:
    """A44 是兒童牙齒預防保健的檢查代號，A41（保健服務項目註記）須為 05；請改正其中一欄。

    A44 is an exam of child dental care, so A41 (preventive item) must be 05; correct one of the two.
    """
    return _mismatch("05")


@rule("1.0", "A41")
def AD16() -> Breaks:
    """A44 是乳房檢查的代號，A41（保健服務項目註記）須為 06；請改正其中一欄。

    A44 is a breast examination, so A41 (preventive item) must be 06; correct one of the two.
    """
    return _mismatch("06")


@rule("1.0", "A41")
def AD17() -> Breaks:
    """A44 是糞便潛血檢查的代號，A41（保健服務項目註記）須為 07；請改正其中一欄。

    A44 is a faecal occult blood test, so A41 (preventive item) must be 07; correct one of the two.
    """
    return _mismatch("07")


@rule("1.0", "A41")
def AD18() -> Breaks:
    """A44 是口腔黏膜檢查的代號，A41（保健服務項目註記）須為 08；請改正其中一欄。

    A44 is an oral mucosa examination, so A41 (preventive item) must be 08; correct one of the two.
    """
    return _mismatch("08")
