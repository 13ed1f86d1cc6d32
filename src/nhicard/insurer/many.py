"""Conditions with thousands of values, as one parameter: a list in SQL costs more than what it finds."""

from __future__ import annotations

import json

import polars as pl
from django.db import connection
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL


def one_of(values: pl.DataFrame) -> RawSQL:
    """Of a query on one table: its columns named as the frame's are together one of the frame's rows (text, int).

    Each row of the table that an index finds by the columns' values is looked up in a hash. Said as a plain ``IN``,
    PostgreSQL could make it a join, and where its statistics are not of today it compares every row with every value.
    """
    return _in_arrays(values) if connection.vendor == "postgresql" else _in_json(values)


def _in_arrays(values: pl.DataFrame) -> RawSQL:
    names = [connection.ops.quote_name(name) for name in values.columns]
    arrays = ["%s::text[]" if dtype == pl.String else "%s::bigint[]" for dtype in values.dtypes]
    conditions = [f"{name} = ANY({array})" for name, array in zip(names, arrays, strict=True)]
    parameters = [column.unique(maintain_order=True).to_list() for column in values]
    if values.width > 1:
        rows = f"SELECT * FROM unnest({', '.join(arrays)})"  # noqa: S608  # names of our own models
        conditions.append(f"(({', '.join(names)}) IN ({rows})) IS TRUE")  # IS TRUE: no join is made of it
        parameters += [column.to_list() for column in values]
    return RawSQL(f"({' AND '.join(conditions)})", parameters, output_field=BooleanField())  # noqa: S611


def _in_json(values: pl.DataFrame) -> RawSQL:
    names = ", ".join(map(connection.ops.quote_name, values.columns))
    places = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(values.width))
    rows = f"SELECT {places} FROM json_each(%s)"  # noqa: S608  # as above
    return RawSQL(f"(({names}) IN ({rows}))", [json.dumps(values.rows())], output_field=BooleanField())  # noqa: S611
