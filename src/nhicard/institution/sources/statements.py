"""What is asked of the database: SELECT statements from a checked mapping."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    bindparam,
    column,
    literal,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy import inspect as inspected
from sqlalchemy.engine import Engine

from nhicard.formats import rocdate
from nhicard.institution.sources.headings import KEY
from nhicard.institution.sources.mapping import Cell, Part, SinceForm

KEYS_AT_ONCE: Final = 500  # of visits, in one question for their orders: SQL Server takes 2,100 at most
_EARLIEST: Final = datetime(1912, 1, 1)


def visits(part: Part, since: datetime | None, backend: str) -> Executable:
    """All visits, or those changed since then."""
    if part.query is not None:
        moment = _moment(since or _EARLIEST, part.since_form, backend)
        return text(part.query).bindparams(**{"since": moment} if "since" in _binds(part) else {})
    asked = _selected(part)
    if since and part.since:
        asked = asked.where(column(part.since) >= literal(_moment(since, part.since_form, backend)))
    return asked


def orders(part: Part, keys: Sequence[Any] | None, since: datetime | None, form: SinceForm, backend: str) -> Executable:
    """The orders of the visits of these keys; of all visits if None."""
    if part.query is None:
        asked = _selected(part)
        return asked if keys is None else asked.where(_expression(part.cells[KEY]).in_(keys))
    asked_text = text(part.query)
    given: dict[str, Any] = {}
    if "since" in _binds(part):
        given["since"] = _moment(since or _EARLIEST, form, backend)
    if "visits" in _binds(part):
        asked_text = asked_text.bindparams(bindparam("visits", expanding=True))
        given["visits"] = list(keys or ())
    return asked_text.bindparams(**given)


def asks_by_key(part: Part, since: datetime | None) -> bool:
    """Whether orders are asked for by the keys of visits."""
    if part.query is not None:
        return "visits" in _binds(part)
    return since is not None


def is_incremental(part: Part) -> bool:
    """Whether the part can be asked for what changed since a moment."""
    return part.since is not None or "since" in _binds(part)


def columns_of(part: Part, engine: Engine) -> list[str]:
    """The columns of the part's table or view. Raises NoSuchTableError and other SQLAlchemyErrors."""
    schema, name = _name(part.table or "")
    return [str(each["name"]) for each in inspected(engine).get_columns(name, schema=schema)]


def _selected(part: Part) -> Select[Any]:
    schema, name = _name(part.table or "")
    asked = [_expression(cell).label(each) for each, cell in part.cells.items() if cell.kind != "value"]
    return select(*asked).select_from(table(name, schema=schema)).order_by(*map(column, part.order_by))


def _expression(cell: Cell) -> ColumnElement[Any]:
    return literal_column(f"({cell.text})") if cell.kind == "sql" else column(cell.text)


def _name(of_table: str) -> tuple[str | None, str]:
    schema, _, name = of_table.rpartition(".")
    return schema or None, name


def _binds(part: Part) -> set[str]:
    return set(text(part.query or "").compile().params)


def _moment(moment: datetime, form: SinceForm, backend: str) -> datetime | str:
    """The moment as the column has it; SQLite has no type for times and keeps ISO texts."""
    if form == "roc":
        return rocdate.format_datetime(moment)
    return f"{moment:%Y-%m-%d %H:%M:%S}" if form == "text" or backend == "sqlite" else moment
