"""Frames into tables: COPY on PostgreSQL, executemany elsewhere; no loop over rows of ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
from django.db import connection, models


def insert(model: type[models.Model], rows: pl.DataFrame) -> None:
    """Insert a frame whose columns are the table's (``submission_id`` for a foreign key); dtypes must fit."""
    if not rows.height:
        return
    table = connection.ops.quote_name(model._meta.db_table)
    columns = ", ".join(connection.ops.quote_name(name) for name in rows.columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            _copy(cursor, f"COPY {table} ({columns}) FROM STDIN (FORMAT csv, NULL '\\N')", rows)
        else:
            places = ", ".join(["%s"] * rows.width)
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", _adapted(rows).rows())  # noqa: S608  # names of our own models


def update(rows: Sequence[models.Model], columns: Sequence[str]) -> None:
    """Write these columns of rows of one table: one prepared statement, many values."""
    if not rows:
        return
    quote = connection.ops.quote_name
    meta = rows[0]._meta
    fields = [field for name in columns for field in meta.concrete_fields if field.name == name]
    settings = ", ".join(f"{quote(name)} = %s" for name in columns)
    statement = f"UPDATE {quote(meta.db_table)} SET {settings} WHERE id = %s"  # noqa: S608  # names of our own models
    values = [
        [*(field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields), row.pk] for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)


def _copy(cursor: Any, statement: str, rows: pl.DataFrame) -> None:
    content = rows.write_csv(
        include_header=False, null_value="\\N", quote_style="non_numeric", datetime_format="%Y-%m-%d %H:%M:%S%.f"
    )
    with connection.wrap_database_errors, cursor.copy(statement) as copy:  # Django does not know of COPY's errors
        copy.write(content)


def _adapted(rows: pl.DataFrame) -> pl.DataFrame:
    """Dates and times in the text form in which SQLite keeps them."""
    texts = [
        pl.col(name).dt.to_string("%Y-%m-%d %H:%M:%S" if isinstance(dtype, pl.Datetime) else "%Y-%m-%d")
        for name, dtype in rows.schema.items()
        if isinstance(dtype, pl.Datetime | pl.Date)
    ]
    return rows.with_columns(texts)
