"""A table's rows as frames of bounded size, exactly as they are, and back (PostgreSQL's COPY)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import polars as pl
from django.db import connection, models

from nhicard.insurer.intake.services import bulk

SLICE: Final = 50_000
_NULL: Final = "\\N"
_TYPES: Final[Mapping[type[models.Field[Any, Any]], Any]] = {
    models.BigAutoField: pl.Int64,
    models.ForeignKey: pl.Int64,
    models.PositiveIntegerField: pl.Int64,
    models.BooleanField: pl.Boolean,
    models.DateField: pl.Date,
    models.DateTimeField: pl.Datetime("us"),
    models.CharField: pl.String,
    models.TextField: pl.String,
}


def schema(model: type[models.Model]) -> dict[str, Any]:
    """Columns and their types, the id first."""
    fields: Sequence[Any] = model._meta.concrete_fields
    return {field.column: _TYPES[type(field)] for field in fields}


def slices(cursor: Any, model: type[models.Model], table: str) -> Iterator[pl.DataFrame]:
    """The rows of a table of the model's shape, in the order of their ids."""
    types, last = schema(model), 0
    columns = ", ".join(_sent(name, dtype) for name, dtype in types.items())
    while True:
        asked = f"SELECT {columns} FROM {table} WHERE id > {last} ORDER BY id LIMIT {SLICE}"  # noqa: S608  # names of our own, numbers
        with connection.wrap_database_errors, cursor.copy(f"COPY ({asked}) TO STDOUT (FORMAT csv)") as copy:
            content = b"".join(copy)
        if not content:
            return
        rows = _read(content, types)
        yield rows
        last = int(rows["id"][-1])


def insert(model: type[models.Model], rows: pl.DataFrame) -> None:
    """Rows as ``slices`` gave them, with their ids."""
    bulk.insert(model, rows)


def _sent(name: str, dtype: Any) -> str:
    """Moments without the zone in which the session would show them."""
    quoted = connection.ops.quote_name(name)
    return f"{quoted}::timestamp AS {quoted}" if isinstance(dtype, pl.Datetime) else quoted


def _read(content: bytes, types: Mapping[str, Any]) -> pl.DataFrame:
    """COPY writes nothing for NULL and quotes an empty text, which Polars does not tell apart; only days are NULL."""
    sent = {name: dtype if dtype in (pl.Int64, pl.String) else pl.String for name, dtype in types.items()}
    rows = pl.read_csv(content, has_header=False, schema=sent, empty_string_is_null=False)
    return rows.select(_typed(name, dtype) for name, dtype in types.items())


def _typed(name: str, dtype: Any) -> pl.Expr:
    value = pl.col(name)
    if dtype == pl.Boolean:
        return value == "t"
    if dtype == pl.Date:
        return pl.when(value != "").then(value).str.to_date("%Y-%m-%d").alias(name)
    if isinstance(dtype, pl.Datetime):
        return value.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us")
    return value
