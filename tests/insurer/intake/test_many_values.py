"""Conditions with thousands of values find what they name, and never turn into a comparison of all with all."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from django.db import connection
from django.db.models import Q

from nhicard.insurer.intake.models import Finding
from nhicard.insurer.many import one_of
from nhicard.insurer.registry.models import Institution

pytestmark = pytest.mark.django_db
ROWS = [("M35", "15"), ("M35", "16"), ("M44", "15"), ('a "b"', "\\,{}"), ("", "")]


@pytest.fixture
def asked() -> Any:
    """Any table with two columns of text will do: the register's institutions have a name and a kind."""
    Institution.objects.bulk_create(Institution(code=str(n), name=a, kind=b) for n, (a, b) in enumerate(ROWS))
    return lambda frame: set(Institution.objects.filter(Q(one_of(frame))).values_list("name", "kind"))


@pytest.mark.parametrize("wanted", [ROWS[:1], ROWS[1:3], ROWS[3:], [("M35", "17"), ("M44", "16")], []])
def test_rows_are_found_by_all_their_values(asked: Any, wanted: list[tuple[str, str]]) -> None:
    frame = pl.DataFrame(wanted, schema={"name": pl.String, "kind": pl.String}, orient="row")
    assert asked(frame) == set(wanted) & set(ROWS)


def test_one_column_and_the_rest_of_a_filter(asked: Any) -> None:
    assert asked(pl.DataFrame({"name": ["M35", "M44"]})) == {*ROWS[:3]}


@pytest.mark.parametrize("columns", [["submission_id"], ["submission_id", "record"]])
def test_postgresql_makes_no_join_of_it(columns: list[str]) -> None:
    """Whatever it believes of the table: a join of two large ones may be a loop in a loop."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite plans by the order of the query: run with tools/with_postgresql.py")
    wanted = pl.DataFrame({name: range(20_000) for name in columns}, schema=dict.fromkeys(columns, pl.Int64))
    plan = Finding.objects.filter(Q(one_of(wanted))).explain()
    assert "Nested Loop" not in plan
    assert "Join" not in plan
    if len(columns) > 1:
        assert "hashed SubPlan" in plan
