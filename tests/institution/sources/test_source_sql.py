"""Real databases: SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from tests.institution.sources.source_frames import BY_TABLE

from nhicard.formats import Batch
from nhicard.institution.sources import UnreadableDatabase, load_mapping, urls
from nhicard.institution.sources.mapping import SqlMapping
from nhicard.institution.sources.sql import SqlSource
from nhicard.institution.visits import write20
from nhicard.institution.visits.columns import Owner, names

VISITS = "query = 'SELECT no, dept, id, birth, kind, at, fee + 10 AS fee FROM opd WHERE changed >= :since'"
ORDERS = "query = 'SELECT no, code, total FROM line WHERE no IN :visits ORDER BY no, place'"
BY_QUERY = (
    BY_TABLE.replace('table = "opd"', VISITS)
    .replace('since = "changed"\n', "")
    .replace('{ sql = "fee + 10" }', '"fee"')
    .replace('table = "line"', ORDERS)
    .replace('order_by = ["no", "place"]\n', "")
)
TABLES = (
    "CREATE TABLE opd (no INTEGER, dept CHAR(6), id TEXT, birth DATE, kind TEXT, at TIMESTAMP, fee NUMERIC(8,2),"
    " changed TIMESTAMP)",
    "CREATE TABLE line (no INTEGER, place INTEGER, code TEXT, total NUMERIC(8,2))",
    "INSERT INTO opd VALUES"
    " (1, '家醫', 'A123456789', '1981-01-15', 'W', '2026-11-19 09:30:15', 470, '2026-11-19 09:31:00'),"
    " (2, NULL, 'A223456781', '2024-05-01', 'AC', '2026-11-19 10:15:00', NULL, '2026-11-19 12:00:00')",
    "INSERT INTO line VALUES (2, 1, 'C', 1), (1, 2, 'B', 1.5), (1, 1, 'A', 9), (3, 1, 'D', 1)",
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[URL]:
    """A database with two visits, three orders of theirs, and one of no visit."""
    if request.param == "sqlite":
        found = URL.create("sqlite", database=str(tmp_path / "his.db"))
    else:
        found = request.getfixturevalue("postgresql")
    engine = create_engine(urls.database_url(found.render_as_string(hide_password=False), tmp_path))
    with engine.begin() as connection:
        for statement in TABLES:
            connection.exec_driver_sql(statement)
    yield found
    with engine.begin() as connection:
        for table in ("opd", "line"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
    engine.dispose()


def mapping_of(tmp_path: Path, url: URL, content: str) -> SqlMapping:
    path = tmp_path / "his.toml"
    path.write_text(content, encoding="utf-8")
    return load_mapping(path, {"HIS": url.render_as_string(hide_password=False)})


@pytest.mark.parametrize("content", [BY_TABLE, BY_QUERY], ids=["table", "query"])
def test_visits_are_read_with_their_orders(tmp_path: Path, url: URL, content: str) -> None:
    told = SqlSource(mapping_of(tmp_path, url, content)).read()
    assert told.keys.to_list() == ["1", "2"]
    assert told.department is not None
    assert told.department.to_list() == ["家醫", None]
    wanted = ["patient_id", "birth_date", "institution", "visit_category", "visit_time", "outpatient_fee"]
    assert told.visits.visits.select(wanted).rows() == [
        ("A123456789", "0700115", "3501990014", "01", "1151119093015", "480"),
        ("A223456781", "1130501", "3501990014", "AC", "1151119101500", None),
    ]
    assert told.visits.orders.select("visit", "order_code", "total").rows() == [
        (0, "A", "9.0"),
        (0, "B", "1.5"),
        (1, "C", "1.0"),
    ]
    strays = [] if content == BY_QUERY else [("orders", "3", "visit")]
    assert told.doubts.select("table", "key", "column").rows() == strays


@pytest.mark.parametrize("content", [BY_TABLE, BY_QUERY], ids=["table", "query"])
@pytest.mark.parametrize(
    ("since", "keys"),
    [
        (datetime(2026, 11, 19, 9, 31), ["1", "2"]),
        (datetime(2026, 11, 19, 9, 31, 1), ["2"]),
        (datetime(2026, 11, 19, 12, 0, 1), []),
    ],
)
def test_what_changed_since_is_read(tmp_path: Path, url: URL, content: str, since: datetime, keys: list[str]) -> None:
    told = SqlSource(mapping_of(tmp_path, url, content)).read(since)
    assert told.keys.to_list() == keys
    assert told.doubts.is_empty()
    assert set(told.visits.orders["visit"]) == set(range(len(keys)))


def test_a_mapping_says_whether_it_can_tell_what_changed(tmp_path: Path) -> None:
    database = URL.create("sqlite", database="x")
    for content, told in ((BY_TABLE, True), (BY_QUERY, True), (BY_TABLE.replace('since = "changed"\n', ""), False)):
        assert SqlSource(mapping_of(tmp_path, database, content)).is_incremental is told


@pytest.mark.parametrize(
    ("form", "kept"), [("text", "2026-11-19 09:31:00"), ("roc", "1151119093100")], ids=["text", "roc"]
)
def test_times_kept_as_text_are_compared_as_text(tmp_path: Path, url: URL, form: str, kept: str) -> None:
    content = BY_TABLE.replace('since = "changed"', f'since = "birth"\nsince_form = "{form}"')
    engine = create_engine(urls.database_url(url.render_as_string(hide_password=False), tmp_path))
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE opd RENAME COLUMN birth TO born")
        connection.exec_driver_sql("ALTER TABLE opd ADD COLUMN birth TEXT")
        connection.execute(text("UPDATE opd SET birth = :kept WHERE no = 1"), {"kept": kept})
    source = SqlSource(mapping_of(tmp_path, url, content.replace('birth_date = "birth"', 'birth_date = "born"')))
    assert source.read(datetime(2026, 11, 19, 9, 31)).keys.to_list() == ["1"]
    assert source.read(datetime(2026, 11, 19, 9, 31, 1)).keys.to_list() == []
    engine.dispose()


def test_visits_by_way_of_a_database_are_what_they_were(
    tmp_path: Path, url: URL, made_up: Batch, frames: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    engine = create_engine(urls.database_url(url.render_as_string(hide_password=False), tmp_path))
    sections = []
    for section, of, frame in zip(("visits", "orders"), ("visit", "order"), frames, strict=True):
        _store(engine, f"all_{section}", frame)
        sections.append(_section(section, of, f"all_{section}"))  # type: ignore[arg-type]
    told = SqlSource(mapping_of(tmp_path, url, "\n".join(['url_env = "HIS"', *sections]))).read()
    with engine.begin() as connection:
        for section in ("visits", "orders"):
            connection.exec_driver_sql(f"DROP TABLE all_{section}")
    engine.dispose()
    assert told.doubts.is_empty()
    again = write20(told.visits)
    assert again.visits.equals(made_up.visits, null_equal=True)
    assert again.orders.equals(made_up.orders, null_equal=True)


def _store(engine: Engine, table: str, frame: pl.DataFrame) -> None:
    rows = frame.with_row_index("place").to_dicts()
    with engine.begin() as connection:
        kinds = ", ".join(f'"{name}" {"INTEGER" if name == "place" else "TEXT"}' for name in rows[0])
        connection.exec_driver_sql(f"CREATE TABLE {table} ({kinds})")
        connection.execute(text(f"INSERT INTO {table} VALUES ({', '.join(f':{name}' for name in rows[0])})"), rows)


def _section(section: str, of: Owner, table: str) -> str:
    plain = "\n".join(f'{name} = "{name}"' for name in names(of))
    head = f'[{section}]\ntable = "{table}"\nkey = "visit"\norder_by = ["place"]'
    return f"{head}\n[{section}.columns]\n{plain}"


@pytest.mark.parametrize(
    ("good", "bad", "line", "told"),
    [
        ('table = "opd"', 'table = "odp"', 4, "odp"),
        ('patient_id = "id"', 'patient_id = "idd"', 9, "是否為 id"),
        ('since = "changed"', 'since = "chnged"', 6, "是否為 changed"),
        ('department = "dept"', 'department = "detp"', 7, "是否為 dept"),
        ('["no", "place"]', '["no", "plaec"]', 20, "是否為 place"),
        ('"fee + 10"', '"fee +"', 4, "讀取失敗"),
        ('key = "no"', 'key = "kind"', 5, "key"),
    ],
)
def test_what_the_database_does_not_have_is_told_with_the_line(
    tmp_path: Path, url: URL, good: str, bad: str, line: int, told: str
) -> None:
    source = SqlSource(mapping_of(tmp_path, url, BY_TABLE.replace(good, bad, 1)))
    if bad == 'key = "kind"':
        engine = create_engine(urls.database_url(url.render_as_string(hide_password=False), tmp_path))
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE opd SET kind = 'W'")
        engine.dispose()
    with pytest.raises(UnreadableDatabase) as caught:
        source.read(datetime(2026, 11, 19))
    assert f"his.toml 第 {line} 行：" in caught.value.zh
    assert f"his.toml, line {line}: " in caught.value.en
    assert told in caught.value.zh


@pytest.mark.parametrize(
    ("good", "bad", "line", "told"),
    [
        ("SELECT no, dept", "SELECT nope, dept", 4, "查詢失敗"),
        ('patient_id = "id"', 'patient_id = "idd"', 8, "是否為 id"),
        ("SELECT no, code", "SELECT no, nope AS code", 17, "查詢失敗"),
    ],
)
def test_a_query_that_fails_is_told_with_the_line(
    tmp_path: Path, url: URL, good: str, bad: str, line: int, told: str
) -> None:
    with pytest.raises(UnreadableDatabase) as caught:
        SqlSource(mapping_of(tmp_path, url, BY_QUERY.replace(good, bad, 1))).read()
    assert f"his.toml 第 {line} 行：" in caught.value.zh
    assert told in caught.value.zh


def test_nothing_is_written(tmp_path: Path, url: URL) -> None:
    source = SqlSource(mapping_of(tmp_path, url, BY_TABLE))
    with source._connected() as connection, pytest.raises(DBAPIError, match=r"read.?only"):
        connection.exec_driver_sql("DELETE FROM opd")
    assert source.read().keys.len() == 2


def test_an_id_in_a_message_of_the_driver_is_hidden(tmp_path: Path, postgresql: URL) -> None:
    content = BY_QUERY.replace(
        "SELECT no, dept", "SELECT CAST(''A123456789'' AS INTEGER), no, dept".replace("''", "$q$")
    )
    content = content.replace("FROM opd WHERE changed >= :since", "FROM (SELECT 1) AS o")
    with pytest.raises(UnreadableDatabase) as caught:
        SqlSource(mapping_of(tmp_path, postgresql, content)).read()
    assert "A******789" in caught.value.zh
    assert "A123456789" not in str(caught.value)


def test_times_with_a_zone_are_taipei_s(tmp_path: Path, postgresql: URL) -> None:
    moment = "TIMESTAMPTZ $q$2026-11-19 01:30:15+00$q$ AS at"
    content = BY_QUERY[: BY_QUERY.index("[orders]")].replace(
        "kind, at, fee + 10 AS fee FROM opd", f"kind, {moment}, fee FROM o"
    )
    rows = "WITH o AS (SELECT 1 AS no, $q$$q$ AS dept, $q$A$q$ AS id, 2 AS birth, $q$W$q$ AS kind, 3 AS fee,"
    changed = f"{rows} TIMESTAMPTZ $q$2026-11-19 01:31:00+00$q$ AS changed) SELECT"
    source = SqlSource(mapping_of(tmp_path, postgresql, content.replace("SELECT", changed, 1)))
    assert source.read(datetime(2026, 11, 19, 9, 31)).visits.visits["visit_time"].to_list() == ["1151119093015"]
    assert source.read(datetime(2026, 11, 19, 9, 31, 1)).keys.to_list() == []


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "his.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(UnreadableDatabase, match=r"連不上資料庫|讀取失敗"):
        SqlSource(mapping_of(tmp_path, URL.create("sqlite", database="his.db"), BY_TABLE)).read()


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:///missing.db",
        "postgresql://reader:opensesame@127.0.0.1:1/his",
        "mysql://reader:opensesame@127.0.0.1:1/his",
        "mssql://reader:opensesame@127.0.0.1:1/his",
    ],
)
def test_a_database_that_is_not_there_is_told_without_the_password(tmp_path: Path, address: str) -> None:
    path = tmp_path / "his.toml"
    path.write_text(BY_TABLE, encoding="utf-8")
    with pytest.raises(UnreadableDatabase) as caught:
        SqlSource(load_mapping(path, {"HIS": address})).read()
    assert "his.toml 第 2 行：連不上資料庫" in caught.value.zh
    assert "cannot be reached" in caught.value.en
    assert "opensesame" not in str(caught.value)
    assert not (tmp_path / "missing.db").exists()


def test_values_of_any_type_sqlite_may_hold(tmp_path: Path) -> None:
    """SQLite's columns hold whatever they are given."""
    database = tmp_path / "his.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE opd (no, dept, id, birth, kind, at, fee, changed)")
        for row in (
            (1, "甲", "A123456789", 700115, "W", 1151119093015, 470.0, None),
            ("2b", 3, "A223456781", "1130501", "AC", "1151119101500", None, None),
        ):
            connection.execute("INSERT INTO opd VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    connection.close()
    content = BY_TABLE[: BY_TABLE.index("[orders]")]
    told = SqlSource(mapping_of(tmp_path, URL.create("sqlite", database=str(database)), content)).read()
    assert told.keys.to_list() == ["1", "2b"]
    assert told.visits.visits.select("birth_date", "visit_time", "outpatient_fee").rows() == [
        ("0700115", "1151119093015", "480"),
        ("1130501", "1151119101500", None),
    ]
