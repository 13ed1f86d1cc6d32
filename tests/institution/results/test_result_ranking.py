"""Ranking: counts, shares, first and last, in groups, explained by the rulebook."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest

from nhicard.checks.findings import SCHEMA
from nhicard.institution.results import rank

#: department, source, record, field, code, severity, day of October 2023
FINDINGS = [
    ("內科", "a", 1, "M16", "AA", "reject", 16),
    ("內科", "a", 1, "M17", "AA", "reject", 16),
    ("內科", "a", 2, "M16", "AA", "reject", 18),
    ("牙科", "a", 9, "M33", "D024", "warn", 17),
    ("牙科", "b", 2, "M16", "AA", "reject", 12),
    ("牙科", "b", 2, "M16", "D051", "warn", 12),
    ("牙科", "b", None, None, "Y007", "file", None),
]


def frame() -> pl.DataFrame:
    rows = [
        (department, source, "2.0", record, field, code, severity, datetime(2023, 10, day, 9) if day else None)
        for department, source, record, field, code, severity, day in FINDINGS
    ]
    names = ["department", "source", "edition", "record", "field", "code", "severity", "visit_at"]
    return pl.DataFrame(rows, schema=names, orient="row")


def counted(ranked: pl.DataFrame, *names: str) -> list[tuple[Any, ...]]:
    return ranked.select(*names, "findings", "records").rows()


@pytest.mark.parametrize(
    ("by", "names", "expected"),
    [
        (
            "code",
            ["code", "field"],
            [("AA", "M16 M17", 4, 3), ("D024", "M33", 1, 1), ("D051", "M16", 1, 1), ("Y007", "", 1, 0)],
        ),
        (
            "field",
            ["field", "code"],
            [("M16", "AA D051", 4, 3), (None, "Y007", 1, 0), ("M17", "AA", 1, 1), ("M33", "D024", 1, 1)],
        ),
        (
            "both",
            ["code", "field"],
            [
                ("AA", "M16", 3, 3),
                ("AA", "M17", 1, 1),
                ("D024", "M33", 1, 1),
                ("D051", "M16", 1, 1),
                ("Y007", None, 1, 0),
            ],
        ),
    ],
)  # fmt: skip
def test_counts(by: Any, names: list[str], expected: list[tuple[Any, ...]]) -> None:
    ranked = rank(frame(), by)
    assert counted(ranked, *names) == expected
    assert ranked["share"].sum() == pytest.approx(1)
    assert ranked["share"].to_list() == [row[-2] / 7 for row in expected]


def test_first_and_last_and_the_heaviest_severity() -> None:
    first = rank(frame(), "field").row(0, named=True)
    assert (first["first_record"], first["last_record"]) == (1, 2)
    assert (first["first_visit"], first["last_visit"]) == (date(2023, 10, 12), date(2023, 10, 18))
    assert first["severity"] == "reject"


def test_groups_are_ranked_apart() -> None:
    ranked = rank(frame(), "code", within=["department"])
    assert counted(ranked, "department", "code") == [
        ("內科", "AA", 3, 2),
        ("牙科", "AA", 1, 1),
        ("牙科", "D024", 1, 1),
        ("牙科", "D051", 1, 1),
        ("牙科", "Y007", 1, 0),
    ]
    assert ranked.group_by("department").agg(pl.col("share").sum())["share"].to_list() == pytest.approx([1, 1])


def test_meaning_and_remedy_come_from_the_rulebook() -> None:
    told = {(row["code"], row["field"]): row for row in rank(frame()).iter_rows(named=True)}
    required = told["AA", "M16"]
    assert required["text_zh"] == "M16（原就醫識別碼）在此情況下為必填，但未填寫"
    assert required["remedy_zh"] == "請補上後重傳。"
    assert required["remedy_en"] == "fill it in and send again."
    assert required["text_en"].startswith("M16 (")
    assert rank(frame(), "code").row(0, named=True)["text_zh"].startswith("欄位（名稱）")
    assert rank(frame(), "field").row(0, named=True)["text_zh"] == "原就醫識別碼"
    assert told["Y007", None]["text_zh"] == "缺 </RECS>"


@pytest.mark.parametrize("by", ["code", "field", "both"])
def test_findings_of_a_check_without_any(by: Any) -> None:
    empty = pl.DataFrame(schema=dict(SCHEMA)).with_columns(edition=pl.lit("2.0"))
    ranked = rank(empty, by)
    assert ranked.height == 0
    assert {"code", "field", "findings", "share", "remedy_zh"} <= set(ranked.columns)
