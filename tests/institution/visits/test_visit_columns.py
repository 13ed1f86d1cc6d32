"""The table of columns covers both editions' fields, each once, and the typed records have its columns."""

from __future__ import annotations

import re
from dataclasses import fields as attributes
from itertools import chain

import pytest

from nhicard.formats.tables import EDITIONS, Edition, codes, fields, forms, order_fields
from nhicard.institution.visits import Order, Visit
from nhicard.institution.visits.columns import Owner, carried_by_10, columns, names

CONSTANT = {"A02"}  # the version: no visit decides it
WIRE_FORMS = {
    "roc date": {"date"},
    "roc time": {"time"},
    "money": {"amount"},
    "count": {"number", "text"},
    "quantity": {"quantity"},
    "code": {"code", "text"},
    "text": {"text", "id", "number", "code"},
}
TYPES = {
    "roc date": "date",
    "roc time": "datetime",
    "money": "int",
    "count": "int",
    "quantity": "Decimal | int",
    "code": "str",
    "text": "str",
}


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_field_has_exactly_one_column(edition: Edition) -> None:
    told = [column.field(edition) for column in columns().values() if column.field(edition)]
    assert sorted(told) == sorted(set(fields(edition)) - CONSTANT)


@pytest.mark.parametrize("edition", EDITIONS)
def test_columns_of_visits_and_orders_are_those_of_their_segments(edition: Edition) -> None:
    of_orders = {column.field(edition) for column in columns().values() if column.of == "order"} - {""}
    assert of_orders == set(order_fields(edition))


def test_names_are_plain_english_and_no_name_is_of_both() -> None:
    assert not set(names("visit")) & set(names("order"))
    assert all(re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", name) for name in columns())
    assert all(re.search(r"[\u4e00-\u9fff]", column.name_zh) and column.name_en for column in columns().values())


def test_forms_are_those_of_the_fields() -> None:
    for column in columns().values():
        if column.field20:
            assert forms("2.0")[column.field20].form in WIRE_FORMS[column.form], column.column
        if column.form == "code":
            assert codes("2.0", column.values)


@pytest.mark.parametrize(("of", "record"), [("visit", Visit), ("order", Order)])
def test_typed_records_have_the_columns(of: Owner, record: type) -> None:
    told = {each.name: str(each.type).removesuffix(" | None") for each in attributes(record) if each.name != "orders"}
    assert told == {name: TYPES[columns()[name].form] for name in names(of)}


def test_what_10_carries_is_what_has_a_field_in_both() -> None:
    carried = set(chain(carried_by_10("visit"), carried_by_10("order")))
    assert {"patient_id", "visit_time", "order_category", "site"} <= carried
    assert not carried & {"visit_identifier", "prescription_kind", "preventive_exam", "controlled"}
