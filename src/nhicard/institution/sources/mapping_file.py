"""Reading a mapping file: all that is wrong is told at once, by line, before anything is asked of a database."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nhicard.institution.sources import toml_lines
from nhicard.institution.sources.headings import DEPARTMENT, KEY, heading, suggestion
from nhicard.institution.sources.mapping import (
    SINCE_FORMS,
    Cell,
    Part,
    Problem,
    SqlMapping,
    UnusableMapping,
    Where,
    line_of,
)
from nhicard.institution.sources.values import codes_of
from nhicard.institution.visits.columns import Owner, columns
from nhicard.institution.visits.visit import Visit

if TYPE_CHECKING:  # loaded when there is a URL
    from sqlalchemy import URL

_SECTIONS: Final[dict[str, Owner]] = {"visits": "visit", "orders": "order"}
_CELL: Final = (str, dict)
_OF_BOTH: Final[dict[str, Any]] = {"table": str, "query": str, "key": _CELL, "order_by": list, "columns": dict}
KEYS: Final[dict[str, dict[str, Any]]] = {
    "": {"url": str, "url_env": str, "visits": dict, "orders": dict},
    "visits": _OF_BOTH | {"values": dict, "department": _CELL, "since": str, "since_form": str},
    "orders": _OF_BOTH | {"values": dict},
}
_BESIDE: Final = {"key": KEY, "department": DEPARTMENT}
_TYPES: Final = {
    str: ("文字（加引號）", "text in quotes"),
    dict: ("一節（[…]）", "a table"),
    list: ("欄名的清單（[…]）", "a list of names"),
    _CELL: ("欄名或 { sql = … }、{ value = … }", "a column, { sql = … } or { value = … }"),
}
BINDS: Final[dict[str, frozenset[str]]] = {"visits": frozenset({"since"}), "orders": frozenset({"since", "visits"})}
_SELECT: Final = re.compile(r"\s*(?:--[^\n]*\n\s*)*(?:select|with)\b", re.IGNORECASE)
_REQUIRED: Final = tuple(
    each.name for each in fields(Visit) if each.default is MISSING and each.default_factory is MISSING
)


def load_mapping(path: Path, environment: Mapping[str, str] = os.environ) -> SqlMapping:
    """The mapping of the file. Raises UnusableMapping with all that is wrong, and OSError."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        data = tomllib.loads(text)
    except UnicodeDecodeError:
        raise UnusableMapping(path, [Problem(1, "須存成 UTF-8。", "the file must be UTF-8.")]) from None
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise UnusableMapping(
            path, [Problem(line, f"不是正確的 TOML：{error}。", f"no sound TOML: {error}.")]
        ) from None
    reading = _Reading(toml_lines.lines(text))
    reading.shape(data)
    url = reading.url(data, path, environment)
    visits, orders = (reading.part(name, data[name]) if _is(data.get(name), dict) else None for name in _SECTIONS)
    if "visits" not in data:
        reading.wrong((), "缺少 [visits]。", "there is no [visits].")
    if orders and visits and KEY not in visits.cells:
        reading.wrong(("visits",), "有 [orders] 時須有 key。", "with [orders] it needs a key.")
    if reading.problems or url is None or visits is None:
        raise UnusableMapping(path, reading.problems)
    return SqlMapping(path, url, visits, orders, reading.lines)


@dataclass(slots=True)
class _Reading:
    """Collects problems while the parts are read."""

    lines: Mapping[Where, int]
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, where: Where, zh: str, en: str) -> None:
        self.problems.append(Problem(line_of(self.lines, where), zh, en))

    def shape(self, data: dict[str, Any]) -> None:
        """Unknown keys and wrong types."""
        for section in ("", *_SECTIONS):
            found = data.get(section) if section else data
            for name, value in found.items() if isinstance(found, dict) else ():
                where = (section, name) if section else (name,)
                if name not in KEYS[section]:
                    near = get_close_matches(name, KEYS[section], n=1)
                    self.unknown(where, name, near[0] if near else None)
                elif not _is(value, KEYS[section][name]):
                    zh, en = _TYPES[KEYS[section][name]]
                    self.wrong(where, f"{name} 須為{zh}。", f"{name} must be {en}.")

    def unknown(self, where: Where, name: str, near: str | None) -> None:
        self.wrong(
            where,
            f"不認得「{name}」" + (f"，是否為 {near}？" if near else "。"),
            f"{name!r} is not known" + (f"; did you mean {near}?" if near else "."),
        )

    def url(self, data: dict[str, Any], path: Path, environment: Mapping[str, str]) -> URL | None:
        """The database's URL, from the file or the environment."""
        from nhicard.institution.sources.urls import BadUrl, database_url, is_exposed

        given = [name for name in ("url", "url_env") if _is(data.get(name), str)]
        if len(given) != 1:
            where = (given[-1],) if given else ()
            self.wrong(where, "url 與 url_env 須擇一填寫。", "give either url or url_env.")
            return None
        where, text = (given[0],), data[given[0]]
        if given[0] == "url_env":
            if not environment.get(text):
                self.wrong(where, f"環境變數 {text} 沒有設定。", f"the environment variable {text} is not set.")
                return None
            text = environment[text]
        try:
            url = database_url(text, path.parent)
        except BadUrl as error:
            self.wrong(where, error.zh, error.en)
            return None
        if given[0] == "url" and url.password and is_exposed(path):
            self.wrong(
                where,
                "檔案含密碼而其他使用者讀得到；請執行 chmod 600，或改用 url_env。",
                "the file holds a password and others may read it; run chmod 600 on it, or use url_env.",
            )
        return url

    def part(self, section: str, data: dict[str, Any]) -> Part:
        """``[visits]`` or ``[orders]``."""
        given = {name: value for name, value in data.items() if _is(value, KEYS[section].get(name, ()))}
        table, query = given.get("table"), given.get("query")
        self.source(section, table, query, given)
        cells, names, of_10 = self.cells(section, given, query is not None)
        return Part(
            section=section,
            of=_SECTIONS[section],
            table=table,
            query=query,
            order_by=tuple(given.get("order_by", ())),
            since=given.get("since"),
            since_form=given.get("since_form", "time"),
            cells=cells,
            of_10=of_10,
            values=self.values(section, given.get("values", {}), cells, of_10),
            names=names,
        )

    def source(self, section: str, table: str | None, query: str | None, given: dict[str, Any]) -> None:
        """What is read: a table or a query, and from when on."""
        if (table is None) == (query is None):
            zh, en = "table 與 query 須擇一填寫。", "give either table or query."
            self.wrong((section, "query") if query is not None else (section,), zh, en)
        if query is not None:
            self.query(section, query)
            for name in ("since", "order_by"):
                if name in given:
                    zh = f"使用 query 時請把 {name} 寫在查詢裡（時間用 :since）。"
                    self.wrong(
                        (section, name), zh, f"with a query, {name} belongs into the query (the time is :since)."
                    )
        if given.get("since_form", "time") not in SINCE_FORMS:
            zh, en = "、".join(SINCE_FORMS), ", ".join(SINCE_FORMS)
            self.wrong((section, "since_form"), f"since_form 只能是 {zh}。", f"since_form must be one of {en}.")
        if not all(isinstance(name, str) and name for name in given.get("order_by", ())):
            self.wrong((section, "order_by"), "order_by 的每一項須為欄名。", "each of order_by must be a column.")

    def query(self, section: str, query: str) -> None:
        from sqlalchemy import text

        where = (section, "query")
        if not _SELECT.match(query):
            self.wrong(where, "查詢須以 SELECT 或 WITH 開頭。", "the query must begin with SELECT or WITH.")
        for name in sorted(set(text(query).compile().params) - BINDS[section]):
            known = "、".join(f":{each}" for each in sorted(BINDS[section]))
            self.wrong(where, f"查詢只能用 {known}，不認得 :{name}。", f"unknown parameter :{name}; known: {known}.")

    def cells(
        self, section: str, given: dict[str, Any], is_query: bool
    ) -> tuple[dict[str, Cell], dict[str, Where], frozenset[str]]:
        """Where each column comes from, what the file calls it, and which are in the codes of 1.0."""
        cells: dict[str, Cell] = {}
        names: dict[str, Where] = {}
        of_10 = set()
        told: list[tuple[Where, str, Any]] = [
            ((section, "columns", name), name, value) for name, value in given.get("columns", {}).items()
        ]
        told += [((section, name), column, given[name]) for name, column in _BESIDE.items() if name in given]
        for where, name, value in told:
            meant = heading(_SECTIONS[section], name)
            if meant is None or (meant.column in (None, KEY, DEPARTMENT) and where[1] == "columns"):
                self.unknown(where, name, suggestion(_SECTIONS[section], name))
            elif meant.column in cells:
                before = names[meant.column][-1]
                zh, en = f"「{name}」與「{before}」是同一欄。", f"{name!r} and {before!r} are the same column."
                self.wrong(where, zh, en)
            elif meant.column and (cell := self.cell(where, value, is_query)):
                cells[meant.column], names[meant.column] = cell, where
                if meant.edition == "1.0":
                    of_10.add(meant.column)
                if cell.kind == "value":
                    self.code(where, _SECTIONS[section], meant.column, meant.edition == "1.0", cell.text)
        self.required(section, cells)
        return cells, names, frozenset(of_10)

    def required(self, section: str, cells: Mapping[str, Cell]) -> None:
        if section == "orders":
            if KEY not in cells:
                self.wrong((section,), "缺少 key（所屬就醫的編號）。", "there is no key, which says whose an order is.")
            if set(cells) <= {KEY}:
                self.wrong((section,), "缺少 [orders.columns]。", "there is no [orders.columns].")
            return
        missing = [name for name in _REQUIRED if name not in cells]
        if missing:
            zh = "、".join(f"{name}（{columns()[name].name_zh}）" for name in missing)
            where = (section, "columns")
            self.wrong(where, f"[visits.columns] 缺少 {zh}。", f"[visits.columns] lacks {', '.join(missing)}.")

    def cell(self, where: Where, value: Any, is_query: bool) -> Cell | None:
        """A column's source; None, with the problem told, where it is none."""
        kind, text = ("column", value) if isinstance(value, str) else _only(value)
        if kind not in ("column", "sql", "value") or not isinstance(text, str) or not text.strip():
            zh, en = _TYPES[_CELL]
            self.wrong(where, f"{where[-1]} 須為{zh}。", f"{where[-1]} must be {en}.")
            return None
        if kind == "sql" and is_query:
            zh = "使用 query 時請把運算寫在查詢裡，這裡填結果的欄名。"
            self.wrong(where, zh, "with a query, write the expression there and name the column of its result here.")
            return None
        return Cell(kind, text)  # type: ignore[arg-type]  # one of the three

    def values(
        self, section: str, data: dict[str, Any], cells: Mapping[str, Cell], of_10: frozenset[str]
    ) -> dict[str, dict[str, str]]:
        """What the source's values become, by plain name."""
        told: dict[str, dict[str, str]] = {}
        for name, pairs in data.items():
            where = (section, "values", name)
            meant = heading(_SECTIONS[section], name)
            column = meant.column if meant else None
            if column is None:
                self.unknown(where, name, suggestion(_SECTIONS[section], name))
            elif column not in cells:
                zh, en = f"{name} 不在 [{section}.columns] 裡。", f"{name} is not in [{section}.columns]."
                self.wrong(where, zh, en)
            elif not isinstance(pairs, dict) or not all(isinstance(value, str) for value in pairs.values()):
                zh, en = '每一項須為 "原值" = "新值"。', 'each must be "value" = "becomes".'
                self.wrong(where, zh, en)
            else:
                told[column] = pairs
                for value, becomes in pairs.items():
                    self.code((*where, value), _SECTIONS[section], column, column in of_10, becomes)
        return told

    def code(self, where: Where, of: Owner, column: str, is_10: bool, value: str) -> None:
        """A constant of a column of codes must be one."""
        known = codes_of(columns()[column], "1.0" if is_10 else "2.0") if column in columns() else []
        if known and value and value not in known:
            some = "、".join(known)
            zh, en = f"{column} 沒有代碼 {value}；可用的有：{some}。", f"{column} has no code {value}; known: {some}."
            self.wrong(where, zh, en)


def _is(value: Any, kind: Any) -> bool:
    return kind != () and isinstance(value, kind)


def _only(value: Any) -> tuple[str, Any]:
    """The only item of a table."""
    return next(iter(value.items())) if isinstance(value, dict) and len(value) == 1 else ("", None)
