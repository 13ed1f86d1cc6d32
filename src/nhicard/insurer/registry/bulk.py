"""Frames into tables by a few statements: staged in a temporary table, then merged by the database itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import polars as pl
from django.db import connection, models

_TYPES: Final[Mapping[Any, str]] = {pl.String: "text", pl.Date: "date", pl.Int64: "integer"}
_AT_ONCE: Final = 100_000


@contextmanager
def staged(rows: pl.DataFrame, name: str = "staged") -> Iterator[str]:
    """A temporary table of the frame's columns (String, Date, Int64) and rows; gives its quoted name.

    Within a transaction only.
    """
    quote = connection.ops.quote_name
    columns = ", ".join(f"{quote(column)} {_TYPES[dtype]}" for column, dtype in rows.schema.items())
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {quote(name)} ({columns})")
        for part in rows.iter_slices(_AT_ONCE):
            _fill(cursor, quote(name), part)
        yield quote(name)
        cursor.execute(f"DROP TABLE {quote(name)}")  # after an error the rollback takes it away


def upsert(model: type[models.Model], rows: pl.DataFrame, key: str, update: Mapping[str, str]) -> None:
    """Insert the rows, or update those whose unique ``key`` is there: column and SQL expression by ``update``.

    Columns of the model that the frame lacks get their defaults.
    """
    quote = connection.ops.quote_name
    fields = {str(field.column): field for field in model._meta.concrete_fields if not field.primary_key}
    given = [column for column in fields if column in rows.columns]
    others = {column: field.get_default() for column, field in fields.items() if column not in rows.columns}
    targets = ", ".join(quote(column) for column in (*given, *others))
    values = ", ".join([*map(quote, given), *["%s"] * len(others)])
    settings = ", ".join(f"{quote(column)} = {expression}" for column, expression in update.items())
    action = f"UPDATE SET {settings}" if settings else "NOTHING"
    # WHERE keeps SQLite from reading ON CONFLICT as a join's condition
    with staged(rows) as source, connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(model._meta.db_table)} ({targets}) SELECT {values} FROM {source} WHERE true "  # noqa: S608  # names of our own models
            f"ON CONFLICT ({quote(key)}) DO {action}",
            list(others.values()),
        )


def replace(model: type[models.Model], to: str, key: str, owners: pl.Series, rows: pl.DataFrame) -> None:
    """Replace the model's rows of these owners.

    ``to``: the model's foreign key; ``key``: the unique column of its target that ``owners`` and the frame's column
    ``owner`` hold. Rows of owners that the target does not have are left out.
    """
    quote = connection.ops.quote_name
    field = model._meta.get_field(to)
    assert isinstance(field, models.ForeignKey)
    table, target = quote(model._meta.db_table), quote(field.related_model._meta.db_table)
    columns = [column for column in rows.columns if column != "owner"]
    with (
        staged(owners.alias("owner").to_frame(), "owners") as gone,
        staged(rows) as source,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            f"DELETE FROM {table} WHERE {quote(field.column)} IN "  # noqa: S608  # names of our own models
            f"(SELECT t.id FROM {target} t JOIN {gone} g ON g.owner = t.{quote(key)})"
        )
        listed = ", ".join(map(quote, columns))
        taken = ", ".join(f"s.{quote(column)}" for column in columns)
        cursor.execute(
            f"INSERT INTO {table} ({quote(field.column)}, {listed}) "  # noqa: S608  # names of our own models
            f"SELECT t.id, {taken} FROM {source} s JOIN {target} t ON t.{quote(key)} = s.owner"
        )


def _fill(cursor: Any, table: str, rows: pl.DataFrame) -> None:
    if connection.vendor == "postgresql":
        content = rows.write_csv(include_header=False, null_value="\\N", quote_style="non_numeric")
        with cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv, NULL '\\N')") as copy:
            copy.write(content)
        return
    texts = rows.with_columns(pl.col(pl.Date).dt.to_string("%Y-%m-%d"))
    places = ", ".join(["%s"] * rows.width)
    cursor.executemany(f"INSERT INTO {table} VALUES ({places})", texts.rows())  # noqa: S608  # names of our own
