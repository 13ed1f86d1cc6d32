"""The rules by themselves: each line of the tables is a case, with the days around every limit."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nhicard.formats import rocdate
from nhicard.insurer.followup.limits import limits
from nhicard.insurer.followup.rules import gene_test, newborn

FOLDER = Path(__file__).parent
MOTHER, FATHER = "A200000001", "A100000001"


def rows(name: str) -> list[Any]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as stream:
        return [pytest.param(row, id=row["what"]) for row in csv.DictReader(stream)]


def births(told: str) -> pl.DataFrame:
    children = [
        (MOTHER, FATHER, rocdate.parse_date(day), sex)
        for day, sex in (each.split() for each in told.split(";") if each)
    ]
    return pl.DataFrame(children, schema=dict(newborn.BIRTHS), orient="row")


@pytest.mark.parametrize("parent", [MOTHER, FATHER])
@pytest.mark.parametrize("row", rows("followup_newborn.csv"))
def test_newborn_marks(row: dict[str, str], parent: str) -> None:
    birth = rocdate.parse_date(row["birth"]) if row["birth"] else None
    visit = (1, row["edition"], parent, rocdate.parse_date(row["visit"]), birth, int(row["count"]), row["mark"])
    visits = pl.DataFrame([visit], schema=dict(newborn.VISITS), orient="row")
    since, as_of = (rocdate.parse_date(row[name]) for name in ("since", "as_of"))
    found = newborn.contradictions(visits, births(row["births"]), since, as_of, limits().newborn)
    assert " ".join(found["code"]) == row["codes"]


def test_another_womans_birth_does_not_help() -> None:
    day = rocdate.parse_date("1150110")
    visit = (1, "1.0", "A200000009", day, day, 1, "A")
    visits = pl.DataFrame([visit], schema=dict(newborn.VISITS), orient="row")
    found = newborn.contradictions(visits, births("1150110 M"), day, rocdate.parse_date("1150401"), limits().newborn)
    assert found.rows() == [(1, "no-birth")]


def gene_tests(told: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Visits numbered from 1, and their orders: ``edition person day FIELD=value… / FIELD=value…``."""
    visits, orders = list[Any](), list[Any]()
    for number, record in enumerate(told.split(" ; "), 1):
        edition, person, day, *rest = record.split(" ")
        visits.append((number, 1, number, edition, person, rocdate.parse_date(day)))
        for order in " ".join(rest).split(" / "):
            fields = dict(each.split("=", 1) for each in order.split())
            code = fields.get("A73") or fields.get("D06") or ""
            orders.append(
                (1, number, code, json.dumps({name: text.replace("_", " ") for name, text in fields.items()}))
            )
    return (
        pl.DataFrame(visits, schema=dict(gene_test.VISITS), orient="row"),
        pl.DataFrame(orders, schema=dict(gene_test.ORDERS), orient="row"),
    )


@pytest.mark.parametrize("row", rows("followup_gene_tests.csv"))
def test_results_of_the_gene_test(row: dict[str, str]) -> None:
    found = gene_test.without_result(*gene_tests(row["records"]), limits().hla_b)
    assert " ".join(str(each) for each in found) == row["missing"]
