"""The tables that visits are drawn from hold nothing that the official tables do not know."""

from __future__ import annotations

import polars as pl
import pytest

from nhicard.checks.official import official
from nhicard.checks.reference import icd10
from nhicard.formats.tables import EDITIONS, Edition, codes, order_fields, visit_fields
from nhicard.synthetic.plants import plants
from nhicard.synthetic.tables import settings, shipped_codes, table


def test_diagnoses_are_complete_icd10_codes() -> None:
    """Complete: no longer code begins with it."""
    known = set(icd10.codes())
    begun = {code[:length] for code in known for length in range(3, len(code))}
    assert [code for code in table("diagnoses")["code"] if code not in known or code in begun] == []


def test_categories_are_of_both_editions() -> None:
    categories = set(table("kinds")["category"])
    assert categories <= set(codes("1.0", "A23"))
    assert categories <= set(codes("2.0", "M07"))


@pytest.mark.parametrize(("edition", "name"), [("1.0", "A18"), ("2.0", "M13-abnormal")])
def test_reasons_are_official(edition: Edition, name: str) -> None:
    assert set(table("reasons")["number"]) <= set(codes(edition, name))


@pytest.mark.parametrize(("column", "code_table"), [("item", "A41"), ("exam", "A44"), ("prenatal", "A53")])
def test_examinations_are_official(column: str, code_table: str) -> None:
    assert set(table("examinations")[column].drop_nulls()) <= set(codes("1.0", code_table))


def test_usages_and_routes_are_listed() -> None:
    assert set(table("usages")["usage"]) <= set(shipped_codes("frequencies", ".")["code"])
    routes = {form["route"] for form in settings("dosage_forms")["form"]}
    assert routes <= set(shipped_codes("routes", ".")["code"])


@pytest.mark.parametrize("column", ["supply", "original"])
def test_kinds_refer_to_rows_that_exist(column: str) -> None:
    name = {"supply": "supplies", "original": "originals"}[column]
    assert set(table("kinds")[column].drop_nulls()) == set(table(name)[column])


def test_kinds_refer_to_items_that_exist() -> None:
    wanted = table("kinds")["orders"].drop_nulls().str.extract_all(r"\w+:").explode().str.strip_suffix(":")
    assert set(wanted) <= set(settings("items"))
    for name, item in settings("items").items():
        if "list" in item:
            assert shipped_codes(item["list"], item["codes"], item.get("without")).height > 2, name


@pytest.mark.parametrize("edition", EDITIONS)
def test_plants_name_official_codes_and_fields(edition: Edition) -> None:
    rows = pl.concat([table("plants"), table("plants_keyed")]).filter(pl.col("edition") == edition)
    assert len(plants(edition, keyed=True)) == rows.height
    assert set(rows["code"]) <= set(official(edition))
    assert set(rows["field"]) <= {*visit_fields(edition), *order_fields(edition)}
    assert not rows.select("code", "field", "value", "fits").is_duplicated().any()
