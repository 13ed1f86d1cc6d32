"""The file's totals against its cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl
from polars import col

from nhicard.checks.claims.rule import Break, Breaks, Vocabulary, of_cases, rule
from nhicard.checks.rule import as_int
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.claims import Table

_EVERY: Final = pl.lit(True)
# Groups of a pharmacy's claim by case category, as the source prints them: count, points, categories.
_PHARMACY: Final = (("t7", "t8", ("1", "3", "4", "5", "D")), ("t9", "t10", ("2",)))
# Subtotals of an outpatient claim by what their names say; the total also takes the groups that stand alone.
SUBTOTALS: Final[Mapping[str, tuple[str, ...]]] = {
    "t17": ("t7", "t9", "t11", "t13", "t15"),
    "t23": ("t19", "t21"),
    "t29": ("t25", "t27"),
    "t37": ("t17", "t23", "t29", "t31", "t33", "t35"),
}


@rule("claimed_count", severity="file")
def clm_301(of: Vocabulary) -> Breaks:
    """申請總計件數 {element} 與檔案內的案件數不符；請重新產生總表。

    The total number of cases {element} is not how many the file holds; make the totals anew.
    """
    return [(of["claimed_count"], as_int(of["claimed_count"]) != of_cases(pl.lit(1), _EVERY))]


@rule("claimed_points", "claimed", severity="file")
def clm_302(of: Vocabulary) -> Breaks:
    """申請總計點數 {element} 與各案件申請點數的和不符；請重新產生總表。

    The total of claimed points {element} is not the sum over the cases; make the totals anew.
    """
    return [(of["claimed_points"], as_int(of["claimed_points"]) != of_cases(as_int(of["claimed"]), _EVERY))]


@rule(
    "copayment_points",
    "copayment_count",
    "copayment",
    severity="file",
    assumptions=("claim_copayment_count_means_positive",),
)
def clm_303(of: Vocabulary) -> Breaks:
    """部分負擔總計 {element} 與各案件部分負擔的合計不符；請重新產生總表。

    The total of copayments {element} is not what the cases add up to; make the totals anew.
    """
    copayment = as_int(of["copayment"])
    points = (of["copayment_points"], as_int(of["copayment_points"]) != of_cases(copayment, _EVERY))
    if not of.assumptions["claim_copayment_count_means_positive"]:
        return [points]
    count = of_cases(pl.lit(1), copayment > 0)
    return [(of["copayment_count"], as_int(of["copayment_count"]) != count), points]


@rule("claimed", "category", severity="warn", assumptions=("claim_case_groups",))
def clm_304(of: Vocabulary) -> Breaks:
    """總表 {element}（{name}）與所屬案件分類的合計不符；請核對。

    {element} ({name}) is not what the cases of its categories add up to; check the totals.
    """
    known = groups(of.table, of.assumptions)
    category, claimed = col(of["category"]), as_int(of["claimed"])
    listed = [each for *_, categories in known for each in categories]
    all_listed = of_cases(pl.lit(1), ~category.is_in(listed)) == 0
    breaks = []
    for count, points, categories in known:
        mine = category.is_in(list(categories))
        for element, value in ((count, pl.lit(1)), (points, claimed)):
            breaks.append(
                Break(element, all_listed & (as_int(element).fill_null(0) != of_cases(value, mine)), of_value=False)
            )
    return breaks


@rule("claimed_count", severity="warn", kinds=("outpatient",))
def clm_305(of: Vocabulary) -> Breaks:
    """總表 {element}（{name}）不等於各組的和；請重新產生總表。

    {element} ({name}) is not the sum of its groups; make the totals anew.
    """
    breaks = []
    for element, parts in SUBTOTALS.items():
        for further in (0, 1):  # cases, and one element on, points
            own, others = _further(element, further), [_further(part, further) for part in parts]
            some = pl.any_horizontal(col(other).is_not_null() for other in others)
            total = pl.sum_horizontal(as_int(other).fill_null(0) for other in others)
            breaks.append((own, some & (as_int(own) != total)))
    return breaks


@rule("kind", severity="file")
def clm_306(of: Vocabulary) -> Breaks:
    """資料格式 {element} 與檔案最外層的 <{root}> 不符；應為 {values}。

    The kind of file {element} does not go with the outermost element <{root}>; it must be {values}.
    """
    values = list(of.table.elements[of["kind"]].values)
    return [Break(of["kind"], ~col(of["kind"]).is_in(values), words={"root": of.table.kind})]


def _further(element: str, by: int) -> str:
    return f"t{int(element[1:]) + by}"


def groups(table: Table, assumptions: Assumptions) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """The groups of the kind's totals: element of the count, element of the points, the case categories counted."""
    match table.kind:
        case "pharmacy":
            return _PHARMACY
        case "outpatient":
            listed = assumptions["claim_case_groups"].items()
            return tuple((count, _further(count, 1), categories) for count, categories in listed)
        case _:
            return ()
