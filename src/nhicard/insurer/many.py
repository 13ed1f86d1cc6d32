"""Conditions with thousands of values, as one parameter: a list in SQL costs more than what it finds."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
from django.db import connection
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL


def one_of(values: pl.DataFrame) -> RawSQL:
    """Of a query on one table: its columns named as the frame's are together one of the frame's rows (text, int)."""
    quote = connection.ops.quote_name
    names = ", ".join(map(quote, values.columns))
    parameters: list[Any]
    if connection.vendor == "postgresql":
        arrays = ", ".join("%s::text[]" if dtype == pl.String else "%s::bigint[]" for dtype in values.dtypes)
        rows, parameters = f"unnest({arrays})", [column.to_list() for column in values]
        return RawSQL(f"({names}) IN (SELECT * FROM {rows})", parameters, output_field=BooleanField())  # noqa: S608, S611  # names of our own models
    places = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(values.width))
    parameters = [json.dumps(values.rows())]
    return RawSQL(f"({names}) IN (SELECT {places} FROM json_each(%s))", parameters, output_field=BooleanField())  # noqa: S608, S611  # names of our own models
