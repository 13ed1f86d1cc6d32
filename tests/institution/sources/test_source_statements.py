"""The SQL that each kind of database is asked, and how values of their drivers are read.

MariaDB/MySQL and SQL Server are tested so far only; SQLite and PostgreSQL as real databases besides.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import mssql, mysql, postgresql, sqlite
from tests.institution.sources.source_frames import BY_TABLE

from nhicard.institution.sources import load_mapping, statements, urls
from nhicard.institution.sources.driver_values import as_text


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, None),
        ("x ", "x "),
        (7, "7"),
        (True, "1"),
        (1e-7, "0.0000001"),
        (470.0, "470.0"),
        (Decimal("9.00"), "9.00"),
        (Decimal("1E+3"), "1000"),
        (date(2026, 11, 19), "2026-11-19"),
        (datetime(2026, 11, 19, 9, 30, 15, 999_999), "2026-11-19 09:30:15"),
        (datetime(2026, 11, 19, 1, 30, 15, tzinfo=UTC), "2026-11-19 09:30:15"),
        (timedelta(hours=9, minutes=30), "9:30:00"),
        ("家醫".encode(), "家醫"),
        (b"\xff\x00", "ff00"),
        (memoryview(b"A1"), "A1"),
    ],
)  # fmt: skip
def test_values_of_drivers_as_texts(value: Any, told: str | None) -> None:
    assert as_text(value) == told


SINCE = datetime(2026, 11, 19, 9, 31)


@pytest.mark.parametrize(
    ("backend", "dialect", "visits", "orders"),
    [
        ("sqlite", sqlite.dialect, "changed >= '2026-11-19 09:31:00'", "no IN (1, 2)"),
        ("postgresql", postgresql.dialect, "changed >= '2026-11-19 09:31:00'", "no IN (1, 2)"),
        ("mysql", mysql.dialect, "changed >= '2026-11-19 09:31:00'", "no IN (1, 2)"),
        ("mssql", mssql.dialect, "changed >= '2026-11-19 09:31:00'", "no IN (1, 2)"),
    ],
)
def test_the_sql_of_every_database(tmp_path: Path, backend: str, dialect: Any, visits: str, orders: str) -> None:
    content = BY_TABLE.replace('table = "line"', 'table = "dbo.Line"')
    path = tmp_path / "his.toml"
    path.write_text(content, encoding="utf-8")
    mapping = load_mapping(path, {"HIS": "sqlite:///x"})
    assert mapping.orders is not None

    def sql(statement: Any) -> str:
        return " ".join(str(statement.compile(dialect=dialect(), compile_kwargs={"literal_binds": True})).split())

    asked = sql(statements.visits(mapping.visits, SINCE, backend))
    assert visits in asked.replace("`", "").replace("[", "").replace("]", "")
    assert "(fee + 10) AS outpatient_fee" in asked
    of_orders = sql(statements.orders(mapping.orders, [1, 2], SINCE, "time", backend))
    assert orders in of_orders
    assert "ORDER BY no, place" in of_orders
    quoted = {"mysql": "dbo.`Line`", "mssql": "dbo.[Line]"}.get(backend, 'dbo."Line"')
    assert f"FROM {quoted}" in of_orders


def test_how_other_databases_are_kept_read_only(tmp_path: Path) -> None:
    for address in ("mysql://h/d", "mariadb://h/d"):
        assert urls.beginning(urls.database_url(address, tmp_path))[-1].endswith("READ ONLY")
    assert urls.connecting(urls.database_url("mssql://h/d", tmp_path))["read_only"] is True
