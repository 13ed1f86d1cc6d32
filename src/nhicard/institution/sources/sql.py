"""Visits from a HIS's database, by a checked mapping; nothing is ever written there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, Engine, Executable, create_engine
from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from nhicard.institution.results.masking import masked_text
from nhicard.institution.sources import statements, urls
from nhicard.institution.sources.driver_values import as_text
from nhicard.institution.sources.headings import KEY
from nhicard.institution.sources.mapping import Part, SqlMapping, UnreadableDatabase, Where
from nhicard.institution.sources.told import ROW, Table, Told, doubts, no_orders, tell

_ROWS_AT_ONCE: Final = 10_000
_SAID: Final = 300
_STRAY: Final = (
    "這筆醫令所屬的就醫不在讀到的就醫之中，沒有讀入",
    "its visit is not among the visits read, so this order is left out",
)


class SqlSource:
    """The database of a mapping."""

    def __init__(self, mapping: SqlMapping) -> None:
        self._mapping = mapping
        self._backend = mapping.url.get_backend_name()

    @property
    def is_incremental(self) -> bool:
        """Whether the mapping says what changed since a moment; if not, everything is read each time."""
        return statements.is_incremental(self._mapping.visits)

    def read(self, since: datetime | None = None) -> Told:
        """The visits with their orders; those changed since that moment (naive Taipei time) if the mapping says how.

        Visits and orders are of one moment where the database can do so (all but SQL Server). Raises
        UnreadableDatabase.
        """
        mapping = self._mapping
        with self._connected() as connection:
            asked = statements.visits(mapping.visits, since, self._backend)
            visits, keys = self._rows(connection, mapping.visits, [asked])
            self._refuse_repeated(visits)
            orders, strays = no_orders(), None
            if mapping.orders:
                lines, _ = self._rows(connection, mapping.orders, self._asked(mapping.orders, keys, since))
                known = visits.select(KEY)
                orders = Table(
                    "order", lines.join(known, on=KEY, how="semi", maintain_order="left"), mapping.orders.of_10
                )
                strays = lines.join(known, on=KEY, how="anti", maintain_order="left")
        told = tell(Table("visit", visits, mapping.visits.of_10), orders)
        # of visits that were not asked for, orders are not missing
        if since is None and strays is not None and strays.height:
            of_strays = doubts("order", strays, KEY, _STRAY).with_columns(value=None)
            return Told(told.visits, told.keys, told.department, pl.concat([told.doubts, of_strays]))
        return told

    def _asked(self, part: Part, keys: Sequence[Any], since: datetime | None) -> Iterator[Executable]:
        """The statements that ask for the orders of the visits."""
        form = self._mapping.visits.since_form
        if not statements.asks_by_key(part, since):
            yield statements.orders(part, None, since, form, self._backend)
            return
        for start in range(0, max(1, len(keys)), statements.KEYS_AT_ONCE):
            some = keys[start : start + statements.KEYS_AT_ONCE]
            yield statements.orders(part, some, since, form, self._backend)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        url = self._mapping.url
        if self._backend == "sqlite" and not Path(url.database or "").is_file():
            raise self._unreachable(f"no such file {url.database}")
        try:
            engine = create_engine(url, poolclass=NullPool, connect_args=urls.connecting(url))
            connection = engine.connect().execution_options(**urls.options(url))
        except (SQLAlchemyError, ImportError) as error:
            raise self._unreachable(self._told(error)) from None
        try:
            self._begin(connection)
            yield connection
        finally:
            connection.close()  # rolls back
            engine.dispose()

    def _begin(self, connection: Connection) -> None:
        try:
            for statement in urls.beginning(self._mapping.url):
                connection.exec_driver_sql(statement)
        except SQLAlchemyError as error:
            raise self._unreachable(self._told(error)) from None

    def _rows(self, connection: Connection, part: Part, asked: Iterable[Executable]) -> tuple[pl.DataFrame, list[Any]]:
        """Rows as texts by plain name, numbered from 1, and the keys as the database has them."""
        frames = [_frame(part, {}, [])]
        keys: list[Any] = []
        try:
            for statement in asked:
                with connection.execute(statement, execution_options={"stream_results": True}) as result:
                    places = self._places(part, list(result.keys()))
                    for rows in result.partitions(_ROWS_AT_ONCE):
                        frames.append(_frame(part, places, rows))
                        if KEY in places:
                            keys += [key for row in rows if (key := row[places[KEY]]) is not None]
        except SQLAlchemyError as error:
            raise self._failed(part, error, connection.engine) from None
        return pl.concat(frames).with_row_index(ROW, offset=1), keys

    def _places(self, part: Part, names: list[str]) -> dict[str, int]:
        """Where in a row of the result each column stands."""
        places = {}
        for column, cell in part.cells.items():
            if cell.kind == "value":
                continue
            name = column if part.query is None else cell.text
            if name not in names:
                raise self._no_column(part.names[column], name, names)
            places[column] = names.index(name)
        return places

    def _refuse_repeated(self, visits: pl.DataFrame) -> None:
        again = visits.filter(pl.col(KEY).is_not_null() & pl.col(KEY).is_duplicated())
        if again.height:
            raise self._error(
                self._mapping.visits.names[KEY],
                f"有 {again[KEY].n_unique():,} 個編號出現一次以上；key 須能分辨每一次就醫。",
                f"{again[KEY].n_unique():,} keys occur more than once; the key must tell one visit from another.",
            )

    def _failed(self, part: Part, error: SQLAlchemyError, engine: Engine) -> UnreadableDatabase:
        """The error of a statement; where a column or table is missing, at its line."""
        said = self._told(error)
        if part.query is not None:
            return self._error((part.section, "query"), *_both("查詢失敗", "the query failed", said))
        try:
            known = statements.columns_of(part, engine)
        except NoSuchTableError:
            told = _both(f"讀不到資料表 {part.table}", f"the table {part.table} cannot be read", said)
            return self._error((part.section, "table"), *told)
        except SQLAlchemyError:  # the driver's words must do
            known = []
        used = [(part.names[column], cell.text) for column, cell in part.cells.items() if cell.kind == "column"]
        used += [((part.section, "since"), part.since)] if part.since else []
        used += [((part.section, "order_by"), name) for name in part.order_by]
        for where, name in used if known else ():
            if name not in known:
                return self._no_column(where, name, known)
        return self._error((part.section, "table"), *_both("讀取失敗", "reading failed", said))

    def _no_column(self, where: Where, name: str, known: list[str]) -> UnreadableDatabase:
        near = get_close_matches(name, known, n=1)
        zh = f"資料庫沒有欄 {name}" + (f"，是否為 {near[0]}？" if near else "。")
        en = f"the database has no column {name}" + (f"; did you mean {near[0]}?" if near else ".")
        return self._error(where, zh, en)

    def _error(self, where: Where, zh: str, en: str) -> UnreadableDatabase:
        path, line = self._mapping.path, self._mapping.line(where)
        return UnreadableDatabase(f"{path} 第 {line} 行：{zh}", f"{path}, line {line}: {en}")

    def _unreachable(self, reason: str) -> UnreadableDatabase:
        where = ("url",) if ("url",) in self._mapping.lines else ("url_env",)
        url = self._mapping.url.render_as_string(hide_password=True)
        return self._error(where, *_both(f"連不上資料庫 {url}", f"the database {url} cannot be reached", reason))

    def _told(self, error: Exception) -> str:
        """What the driver says, without password and ID, in one line."""
        said = " ".join(str(getattr(error, "orig", None) or error).split())
        return masked_text(urls.without_password(said, self._mapping.url))[:_SAID]


def _both(zh: str, en: str, reason: str) -> tuple[str, str]:
    return f"{zh}：{reason}。", f"{en}: {reason}."


def _frame(part: Part, places: Mapping[str, int], rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
    """Rows as texts by plain name, with constants and with values become what the mapping says."""
    told = {}
    for column, cell in part.cells.items():
        if cell.kind == "value":
            told[column] = pl.repeat(cell.text, len(rows), dtype=pl.String, eager=True)
            continue
        place = places.get(column)
        texts = pl.Series([] if place is None else [as_text(row[place]) for row in rows], dtype=pl.String)
        told[column] = texts.str.strip_chars().replace(dict(part.values.get(column, {})))
    frame = pl.DataFrame(told)
    key = pl.col(KEY) if KEY in told else pl.lit("")
    return frame.with_columns(pl.when(key != "").then(key).alias(KEY))
