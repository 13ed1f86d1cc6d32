"""The official table of wrong values for edition 1.0 (Annex 6): every row gives the code it asks for.

Where the annex contradicts the rest of the specification, the row stands in ``CONTRADICTED`` with what is
given instead and why, and gives the printed code under the assumption that reads it the annex's way.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from nhicard.checks import Findings, check
from nhicard.checks.cases import Case
from nhicard.checks.cases.cases import DEFAULT_AS_OF
from nhicard.formats.tables import order_fields

TABLE = Path(__file__).parents[1] / "data" / "conformance10.csv"
UPLOADER = "3501200000"


@dataclass(frozen=True)
class Row:
    """One printed row: field, wrong input (``FIELD=value`` parted by ``;``) and the code it must give."""

    field: str
    input: str
    code: str

    @property
    def fields(self) -> list[str]:
        """``A25~A30`` as its six fields."""
        first, _, last = self.field.partition("~")
        return [f"A{number:02}" for number in range(int(first[1:]), int((last or first)[1:]) + 1)]


with TABLE.open(encoding="utf-8", newline="") as lines:
    ROWS = [Row(row["field"], row["input"], row["expected_error"]) for row in csv.DictReader(lines)]


@dataclass(frozen=True)
class Fitting:
    """A record in which the input is the only fault: base record, the order meant, changes made first."""

    base: str = "outpatient"
    order: int = 1
    changes: tuple[str, ...] = ()
    as_of: datetime = DEFAULT_AS_OF


NEWBORN = Fitting("newborn")
PREVENTIVE = Fitting("preventive")
PRENATAL = Fitting("prenatal")
VACCINATION = Fitting("vaccination")
PROCEDURE = Fitting(order=2)
DENTAL = Fitting("dental", order=2)
JANUARY_97 = datetime(2008, 1, 10, 12, 0)

BY_FIELD: Final[Mapping[str, Fitting]] = {
    "A20": NEWBORN,
    "A21": NEWBORN,
    "A24": NEWBORN,
    "A41": PREVENTIVE,
    "A42": PREVENTIVE,
    "A43": PREVENTIVE,
    "A44": PREVENTIVE,
    "A51": PRENATAL,
    "A52": PRENATAL,
    "A53": PRENATAL,
    "A62": VACCINATION,
    "A63": VACCINATION,
}
BY_INPUT: Final[Mapping[str, Fitting]] = {
    "A01=1;A23=AC;A18=1234": PREVENTIVE,
    "A17=0970101;A20=0970102": Fitting("newborn", changes=("A13=0701212", "A71[*]=0970101093015"), as_of=JANUARY_97),
    "A23=ZA;A25=;A26=;A27=;A28=;A29=;A30=": Fitting("cancel-all"),
    "A23=ZB;A25=6060;A26=6060;A27=6060;A28=6060;A29=6060;A30=6060": Fitting("cancel-some"),
    "A23=BB;A31=100": Fitting("discharge"),
    "A23=DC;A33=": Fitting("discharge"),
    "A23=05;A34=150": Fitting(changes=("A31=-", "A32=-")),
    "A41=05": Fitting("preventive", changes=("A44=81",)),
    "A17=0970101;A42=0970102": Fitting("preventive", as_of=JANUARY_97),
    "A17=0970101;A51=0970102": Fitting("prenatal", as_of=JANUARY_97),
    "A73=89**;A74=ZZ": DENTAL,
    "A74=81;A73=88**": DENTAL,
    "A72=3;A73=ACA0100815BD": PROCEDURE,
    "A72=4;A73=33067B": PROCEDURE,
    "A72=5;A73=A000072100": PROCEDURE,
    "A72=3;A78=01": PROCEDURE,
}

# Described and abbreviated values, as a file would hold them.
SPELLED_OUT: Final[Mapping[str, str]] = {
    "<not equal to the institution id in the file name>": "0401180014",
    "<later than upload date>": "1121021000000",
    "<not in insurer database>": "Z999",
    "89**": "89004C",
    "88**": "88004C",
    "A17=0970101": "A17=0970101093015",
}

# The insurer's master files, with the codes of the base records.
LISTS: Final[Mapping[str, list[dict[str, str]]]] = {
    "drugs": [{"code": "A000015421"}],
    "payment_items": [{"code": "06012C"}],
    "materials": [{"code": "FBZ003031001"}],
    "icd10cm": [{"code": "J069"}],
    "icd10cm_complete": [{"data_type": "1", "start": "2000-01-01"}],
}
BY_LIST: Final = frozenset({"10", "11", "12", "15", "16"})


@dataclass(frozen=True)
class Otherwise:
    """What a row gives instead of the printed code (None: the record is accepted), why, and the assumptions
    under which it gives the printed one (none: never)."""

    gives: str | None
    reason: str
    printed_under: Mapping[str, Any] = field(default_factory=dict)


SWAPPED: Final = {"payment_standard": "12", "special_material": "11"}
CONTRADICTED: Final[Mapping[str, Otherwise]] = {
    "A21=2;A24=3": Otherwise(
        "AD", "A24 is a letter in the field table, digits are struck out", {"a24_is_a_letter": False}
    ),
    "A23=ZA;A25=;A26=;A27=;A28=;A29=;A30=": Otherwise(
        None, "the row's own explanation and Annex 3 speak of ZB", {"ad03_categories": ["ZA", "ZB"]}
    ),
    "A25~A30=<not in insurer database>": Otherwise(
        "15",
        "Annex 3 has 15 for diagnoses, 16 for the prescription signature, whose check is another",
    ),
    "A23=05;A34=150": Otherwise(None, "the rule lists 01 to 04 and 06 to 08 only", {"ah03_includes_category_05": True}),
    "A41=05": Otherwise(None, "the field table goes to 08", {"a41_allows_05_to_08": False}),
    "A17=0970101;A42=0970102": Otherwise(
        None, "the field table compares with the upload", {"preventive_dates_compared_with": "visit"}
    ),
    "A17=0970101;A51=0970102": Otherwise(
        None, "the field table compares with the upload", {"preventive_dates_compared_with": "visit"}
    ),
    "A53=63": Otherwise(None, "the field table goes to 70", {"a53_allows_up_to_70": False}),
    "A72=4;A73=33067B": Otherwise("12", "Annex 3 has 12 for special materials", {"master_file_codes": SWAPPED}),
    "A72=3;A73=ACA0100815BD": Otherwise(
        "11", "Annex 3 has 11 for the payment standard", {"master_file_codes": SWAPPED}
    ),
    "A72=5;A73=A000072100": Otherwise("11", "Annex 3 has 11 for the payment standard", {"master_file_codes": SWAPPED}),
    "A77=50": Otherwise(None, "the demand for more than 100 is struck out", {"total_above_100_demanded": True}),
}


def changes(row: Row, fitting: Fitting) -> tuple[str, ...]:
    """The row's input as changes to the fitting record."""
    made = list(fitting.changes)
    for part in row.input.split(";"):
        name, _, value = SPELLED_OUT.get(part, part).partition("=")
        for each in row.fields if "~" in name else [name]:
            place = f"[{fitting.order}]" if each in order_fields("1.0") else ""
            made.append(f"{each}{place}={SPELLED_OUT.get(value, value)}")
    return tuple(made)


def checked(row: Row, assume: Mapping[str, Any]) -> Findings:
    fitting = BY_INPUT.get(row.input) or BY_FIELD.get(row.field) or Fitting()
    made = changes(row, fitting)
    case = Case(
        edition="1.0",
        code=row.code,
        family="bases",
        base=fitting.base,
        breaks=made,
        keeps=(),
        as_of=fitting.as_of,
        institution=UPLOADER if row.code == "07" else None,
        assume=assume,
        lists=LISTS if row.code in BY_LIST else {},
    )
    return check(case.batch(made), case.context)


def fields_with(findings: Findings, code: str) -> set[str]:
    return {found["field"] for found in findings if found["code"] == code}


def name(row: Row) -> str:
    return f"{row.field}:{row.code}:{row.input}"


@pytest.mark.parametrize("row", [row for row in ROWS if row.input not in CONTRADICTED], ids=name)
def test_row_gives_the_printed_code(row: Row) -> None:
    findings = checked(row, {})
    assert set(row.fields) <= fields_with(findings, row.code), findings.codes


@pytest.mark.parametrize("row", [row for row in ROWS if row.input in CONTRADICTED], ids=name)
def test_contradicted_row_gives_what_the_rest_of_the_specification_says(row: Row) -> None:
    instead = CONTRADICTED[row.input].gives
    findings = checked(row, {})
    assert row.code not in findings.codes
    if instead is None:
        assert findings.accepted == 1, findings.codes
    else:
        assert set(row.fields) <= fields_with(findings, instead), findings.codes


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.input in CONTRADICTED and CONTRADICTED[row.input].printed_under], ids=name
)
def test_contradicted_row_gives_the_printed_code_under_its_assumption(row: Row) -> None:
    findings = checked(row, CONTRADICTED[row.input].printed_under)
    assert set(row.fields) <= fields_with(findings, row.code), findings.codes


def test_every_contradiction_is_a_row_of_the_table() -> None:
    assert set(CONTRADICTED) | set(BY_INPUT) <= {row.input for row in ROWS}
    assert len({row.input for row in ROWS}) == len(ROWS)
