"""Visits and orders from CSV and Excel files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from nhicard.institution.results.masking import masked_text
from nhicard.institution.sources import sheets
from nhicard.institution.sources.headings import KEY, Heading, heading, suggestion
from nhicard.institution.sources.sheets import UnusableTable
from nhicard.institution.sources.told import ROW, Table, Told, no_orders, tell
from nhicard.institution.visits.columns import Owner

_SHOWN: Final = 5
_TITLE_SHOWN: Final = 30
_WORDS: Final[dict[Owner, tuple[str, str]]] = {"visit": ("就醫", "visits"), "order": ("醫令", "orders")}


def read_tables(visits: Path, orders: Path | None = None) -> Told:
    """The visits of a CSV or Excel file; their orders in another one, or in the sheet 醫令 (orders) of the workbook.

    The column ``visit`` (visit_no, 就醫編號) of both says whose an order is. Raises UnusableTable for what is no such
    table, all faults of a heading at once, and OSError.
    """
    told = _table("visit", visits, *_rows("visit", visits))
    listed = _order_rows(visits, orders)
    of_orders = _table("order", *listed) if listed else no_orders()
    if KEY not in told.rows.columns:
        if of_orders.rows.height:
            raise _no_key(visits)
        told = Table("visit", told.rows.with_columns(pl.lit(None, dtype=pl.String).alias(KEY)), told.of_10)
    _refuse_repeated(visits, told.rows)
    if listed:
        _refuse_strays(listed[0], told.rows, of_orders.rows)
    return tell(told, of_orders)


def _order_rows(visits: Path, orders: Path | None) -> tuple[Path, str, pl.DataFrame] | None:
    if orders is not None:
        return orders, *_rows("order", orders)
    if sheets.is_workbook(visits) and (name := sheets.named("order", sheets.sheet_names(visits))):
        return visits, name, sheets.sheet_rows(visits, name)
    return None


def _rows(of: Owner, path: Path) -> tuple[str, pl.DataFrame]:
    """The sheet's name (none for a CSV) and its rows."""
    if not sheets.is_workbook(path):
        return "", sheets.csv_rows(path)
    present = sheets.sheet_names(path)
    name = sheets.named(of, present) or (present[0] if len(present) == 1 else None)
    if name is None:
        zh, en = _WORDS[of]
        raise UnusableTable(
            f"{path.name} 有 {len(present)} 張工作表，不知哪一張是{zh}；請把它命名為「{zh}」。",
            f"{path.name} has {len(present)} sheets and none is called {en}; name the one with the {en} so.",
        )
    return name, sheets.sheet_rows(path, name)


def _table(of: Owner, path: Path, sheet: str, rows: pl.DataFrame) -> Table:
    """The rows below the heading, by plain names; blank rows are skipped, rows keep their numbers."""
    place = f"{path.name}（{sheet}）" if sheet else path.name
    numbered = rows.with_row_index(ROW, offset=1)
    filled = numbered.filter(~pl.all_horizontal(pl.col(rows.columns).str.strip_chars().fill_null("") == ""))
    if not rows.width or not filled.height:
        raise UnusableTable(f"{place} 是空的。", f"{place} is empty.")
    titles = filled.select(rows.columns).row(0)
    meant = _headings(of, place, titles, filled.slice(1))
    below = filled.slice(2 if _is_heading(of, filled.select(rows.columns).slice(1, 1), meant) else 1)
    kept = {name: found for name, found in zip(rows.columns, meant, strict=True) if found and found.column}
    told = below.select(ROW, **{str(found.column): pl.col(name) for name, found in kept.items()})
    if KEY in told.columns:
        key = pl.col(KEY).str.strip_chars()
        told = told.with_columns(pl.when(key != "").then(key).alias(KEY))
    of_10 = frozenset(str(found.column) for found in kept.values() if found.edition == "1.0")
    return Table(of, told, of_10)


def _headings(of: Owner, place: str, titles: tuple[str | None, ...], below: pl.DataFrame) -> list[Heading | None]:
    """What each column is; None for one without title and values. Raises UnusableTable with all faults."""
    found = [heading(of, title or "") for title in titles]
    if not any(found):
        zh, en = _WORDS[of]
        raise UnusableTable(
            f"{place} 第一列不是{zh}的欄名；請加上標題列（nhicard build --template 可產生範本）。",
            f"{place}: the first row names no column of {en}; add a heading (nhicard build --template makes one).",
        )
    zh_faults, en_faults = [], []
    first: dict[str | None, str] = {}
    left = ""
    for number, (title, each) in enumerate(zip(titles, found, strict=True), 1):
        shown = masked_text((title or "").strip())[:_TITLE_SHOWN]
        if each is None and shown:
            near = suggestion(of, title or "")
            zh_faults.append(f"欄名「{shown}」不認得" + (f"，是否為 {near}？" if near else "。"))
            en_faults.append(f"column {shown!r} is not known" + (f"; did you mean {near}?" if near else "."))
        elif each is None and not _is_blank(below.to_series(number)):
            zh_faults.append(f"「{left}」右邊的欄有資料卻沒有欄名。" if left else "最左邊的欄有資料卻沒有欄名。")
            en_faults.append(f"the column after {left!r} has values but no name.")
        elif each and each.column in first:
            zh_faults.append(f"「{first[each.column]}」與「{shown}」是同一欄 {each.column}，請只留一欄。")
            en_faults.append(f"columns {first[each.column]!r} and {shown!r} are both {each.column}; keep one.")
        elif each and each.column:
            first[each.column] = shown
        left = shown
    if of == "order" and KEY not in first:
        zh_faults.append("缺少 visit（就醫編號）欄，看不出醫令屬於哪一次就醫。")
        en_faults.append("there is no column visit (就醫編號), which says whose an order is.")
    if zh_faults:
        raise UnusableTable(f"{place}：" + " ".join(zh_faults), f"{place}: " + " ".join(en_faults))
    return found


def _is_heading(of: Owner, row: pl.DataFrame, meant: list[Heading | None]) -> bool:
    """Whether the row says the same as the heading above it, in other words."""
    if not row.height:
        return False
    again = [(heading(of, title), above) for title, above in zip(row.row(0), meant, strict=True) if title]
    return all(found is not None and found.column == above.column for found, above in again if above) and bool(again)


def _is_blank(values: pl.Series) -> bool:
    return bool((values.str.strip_chars().fill_null("") == "").all())


def _no_key(visits: Path) -> UnusableTable:
    return UnusableTable(
        f"{visits.name} 缺少 visit（就醫編號）欄，無法與醫令對應；請在就醫與醫令兩邊都加上。",
        f"{visits.name} has no column visit (就醫編號), so orders cannot be joined to it; add it on both sides.",
    )


def _refuse_repeated(path: Path, rows: pl.DataFrame) -> None:
    again = rows.filter(pl.col(KEY).is_not_null() & pl.col(KEY).is_duplicated())
    if again.height:
        raise UnusableTable(
            f"{path.name}：就醫編號重複（第 {_some(again)} 列）；每次就醫須有自己的編號。",
            f"{path.name}: rows {_some(again)} share a visit number; each visit needs its own.",
        )


def _refuse_strays(path: Path, visits: pl.DataFrame, orders: pl.DataFrame) -> None:
    stray = orders.join(visits, on=KEY, how="anti", maintain_order="left")
    if stray.height:
        raise UnusableTable(
            f"{path.name}：第 {_some(stray)} 列醫令的就醫編號在就醫表中找不到，共 {stray.height:,} 列。",
            f"{path.name}: the orders of rows {_some(stray)} name no visit; there are {stray.height:,} such rows.",
        )


def _some(rows: pl.DataFrame) -> str:
    numbers = rows[ROW].head(_SHOWN).to_list()
    return "、".join(map(str, numbers)) + (" …" if rows.height > _SHOWN else "")
