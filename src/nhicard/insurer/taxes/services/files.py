"""Reading the two files in the layout of ``data/columns.csv``: every fault with its line, column and value."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from nhicard.formats import rocdate
from nhicard.identity import national_id
from nhicard.insurer.monitoring.services.personal import masked_id
from nhicard.insurer.taxes.tables import Column, columns, kinds

_LARGEST: Final = 10**12
#: What a message does not repeat, by form.
_HIDDEN: Final[Mapping[str, Callable[[str], str]]] = {
    "id": masked_id,
    **dict.fromkeys(("name", "birthday", "address"), lambda value: "○" * len(value)),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line cannot be used; ``remedy``: text ``taxes.remedy.<remedy>``. Personal data in ``value`` are masked."""

    line: int
    column: str
    value: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line as read: values by field."""

    line: int
    values: dict[str, Any]


def read(file: str, content: bytes) -> tuple[list[Row], list[Fault]]:
    """Rows of a ``payments`` or ``owners`` file, and what is wrong with the others; never raises for the content."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as trouble:
        return [], [Fault(content.count(b"\n", 0, trouble.start) + 1, "", "", "encoding")]
    lines = csv.reader(io.StringIO(text, newline=""))
    layout = columns(file)
    heading = [cell.strip() for cell in next(lines, [])]
    if faults := list(_heading_faults(heading, layout)):
        return [], faults
    by_heading = {column.heading: column for column in layout}
    order = [by_heading[name] for name in heading]
    rows: list[Row] = []
    try:
        for cells in lines:
            if any(cell.strip() for cell in cells):
                found = _row(lines.line_num, cells, order)
                faults += found if isinstance(found, list) else []
                rows += [found] if isinstance(found, Row) else []
    except csv.Error:
        faults.append(Fault(lines.line_num, "", "", "csv"))
    return rows, faults


def fault(row: Row, file: str, field: str, remedy: str) -> Fault:
    """A fault that reading alone does not find."""
    column = next(each for each in columns(file) if each.field == field)
    return Fault(row.line, column.heading, shown(column, _told(row.values[field])), remedy)


def shown(column: Column, value: str) -> str:
    """The value as a message may repeat it."""
    return _HIDDEN.get(column.form, str)(value)[:40]


def _heading_faults(heading: list[str], layout: tuple[Column, ...]) -> Iterator[Fault]:
    wanted = [column.heading for column in layout]
    for name in wanted:
        if heading.count(name) != 1:
            yield Fault(1, name, "", "heading_missing" if name not in heading else "heading_twice")
    for name in heading:
        if name not in wanted:
            yield Fault(1, name[:40], "", "heading_unknown")


def _row(line: int, cells: list[str], order: list[Column]) -> Row | list[Fault]:
    if len(cells) != len(order):
        return [Fault(line, "", str(len(cells)), "cells")]
    values, faults = {}, []
    for column, cell in zip(order, cells, strict=True):
        try:
            values[column.field] = _FORMS[column.form](cell.strip())
        except ValueError:
            faults.append(Fault(line, column.heading, shown(column, cell.strip()), column.form))
    return faults or Row(line, values)


def _told(value: Any) -> str:
    return rocdate.format_date(value) if isinstance(value, date) else str(value)


def _matching(pattern: str) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if not re.fullmatch(pattern, cell):
            raise ValueError
        return cell

    return read


def _month(cell: str) -> date:
    return rocdate.parse_date(f"{cell}01")


def _day_or_none(cell: str) -> date | None:
    return rocdate.parse_date(cell) if cell else None


def _amount(cell: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,13}", cell) or abs(int(cell)) > _LARGEST:
        raise ValueError
    return int(cell)


def _number(cell: str) -> int:
    if not re.fullmatch(r"[0-9]{1,2}", cell) or not int(cell):
        raise ValueError
    return int(cell)


def _kind(cell: str) -> str:
    if cell not in kinds():
        raise ValueError
    return cell


def _id(cell: str) -> str:
    if not national_id.is_valid_id(cell):
        raise ValueError
    return cell


_FORMS: Final[Mapping[str, Callable[[str], Any]]] = {
    "institution": _matching(r"[0-9A-Z]{10}"),
    "month": _month,
    "kind": _kind,
    "number": _number,
    "amount": _amount,
    "day": rocdate.parse_date,
    "day_or_none": _day_or_none,
    "id": _id,
    "name": _matching(r"[^\x00-\x1f]{1,40}"),
    "birthday": rocdate.parse_date,
    "postal_code": _matching(r"[0-9]{3}([0-9]{2,3})?"),
    "address": _matching(r"[^\x00-\x1f]{1,120}"),
}
