"""The workbook to fill in: a sheet for visits, one for orders, one that explains; ``read_tables`` reads it back."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import IO, Any, Final

import polars as pl

from nhicard.formats.tables import codes
from nhicard.institution.sources.headings import KEY
from nhicard.institution.sources.sheets import SHEETS
from nhicard.institution.sources.values import codes_of
from nhicard.institution.visits.columns import Column, Owner, columns, names

GUIDE_SHEET: Final = "說明"
_HEADING_ROWS: Final = 2
_LAST_ROW: Final = 20_000  # how far down cells are text and offer their codes
_FEW: Final = 40
_LIST_CHARACTERS: Final = 255  # what Excel takes in a list of choices
_WIDTH: Final = 16
_TEXT: Final = 49  # Excel's number for cells of text
_KEYS: Final[Mapping[Owner, str]] = {
    "visit": "就醫編號：自訂，每次就醫一個；醫令以它對應就醫。\nVisit number of your own; orders name it.",
    "order": "所屬就醫的就醫編號。\nThe number of its visit.",
}
_DEPARTMENT: Final = ("科別", "department")
_FORMS: Final = {
    "text": "文字 text",
    "code": "代碼 code",
    "roc date": "日期：1151119、20261119 或 2026/11/19 date",
    "roc time": "日期時間到秒：1151119093015 或 2026/11/19 09:30:15 time with seconds",
    "money": "整數 whole number",
    "count": "整數 whole number",
    "quantity": "數量，最多一位小數 quantity, one decimal at most",
}
_GUIDE: Final = (
    "就醫填在「就醫」，一列一次就醫；醫令填在「醫令」，一列一筆醫令，以就醫編號對應。",
    "空白表示不知道，能推得的會推得（docs/visits.md）；填了的值一律照用。不用的欄可以刪除，欄的順序可以調換。",
    "前兩列是欄名（中文與英文），請保留其中至少一列。各欄的說明在欄名的註解裡。示範的兩列請刪除。",
    "各欄已設為文字，前導 0 不會遺失。填好後執行：nhicard build --edition 2.0 --visits 這個檔 -o 上傳檔.xml",
    "Visits go into 就醫, one a row; orders into 醫令, one a row, joined to visits by the visit number.",
    "A blank is not known and is derived where it can be; what is given is used. Columns may be deleted or moved.",
    "The first two rows name the columns (keep at least one of them); their comments explain. Delete the two examples.",
    "All cells are text, so that leading zeros stay. Then run: nhicard build --edition 2.0 --visits FILE -o UPLOAD.xml",
)


def examples(of: Owner) -> list[dict[str, str]]:
    """The rows that the template shows, by column, with ``visit``."""
    known = set(names(of)) | {KEY, _DEPARTMENT[1]}
    content = (files(__package__) / "data" / "template_examples.csv").read_bytes()
    rows = pl.read_csv(content, infer_schema=False).filter(of=of).to_dicts()
    told: dict[str, dict[str, str]] = {}
    for row in rows:
        if row["column"] not in known:
            raise ValueError(f"the example names an unknown column {row['column']}")
        told.setdefault(row["row"], {})[row["column"]] = row["value"]
    return list(told.values())


def write_template(target: Path | IO[bytes]) -> None:
    """Write the workbook. Raises OSError."""
    from xlsxwriter import Workbook  # type: ignore[import-untyped]  # loaded only for Excel

    with Workbook(target, {"strings_to_numbers": False, "strings_to_formulas": False}) as book:
        for of, (title, _) in SHEETS.items():
            _fill(book, book.add_worksheet(title), of)
        guide = book.add_worksheet(GUIDE_SHEET)
        guide.set_column(0, 0, 120, book.add_format({"text_wrap": True}))
        guide.write_column(0, 0, _GUIDE)


def _fill(book: Any, sheet: Any, of: Owner) -> None:
    text = book.add_format({"num_format": _TEXT})
    bold = book.add_format(
        {"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#DDEBF7", "num_format": _TEXT}
    )
    headings = [("就醫編號", KEY, _KEYS[of])]
    if of == "visit":
        headings.append((*_DEPARTMENT, "看診科別，用於統計，不上傳。\nFor rankings; not uploaded."))
    headings += [(columns()[name].name_zh, name, _comment(columns()[name])) for name in names(of)]
    for place, (zh, name, comment) in enumerate(headings):
        sheet.write_string(0, place, zh, bold)
        sheet.write_string(1, place, name, bold)
        sheet.write_comment(0, place, comment, {"x_scale": 2.2, "y_scale": 1.6})
        if name in columns() and (choices := _choices(columns()[name])):
            sheet.data_validation(
                _HEADING_ROWS, place, _LAST_ROW, place, {"validate": "list", "source": choices, "error_type": "warning"}
            )
    sheet.set_column(0, len(headings) - 1, _WIDTH, text)
    sheet.freeze_panes(_HEADING_ROWS, 1)
    places = {name: place for place, (_, name, _) in enumerate(headings)}
    for number, row in enumerate(examples(of), _HEADING_ROWS):
        for name, value in row.items():
            sheet.write_string(number, places[name], value, text)


def _choices(column: Column) -> list[str]:
    """The codes to choose from, where they are few."""
    known = codes_of(column, "2.0") if column.values else []
    return known if len(known) <= _FEW and len(",".join(known)) <= _LIST_CHARACTERS else []


def _comment(column: Column) -> str:
    fields = " ".join(
        f"{edition} {field}" for edition, field in (("2.0", column.field20), ("1.0", column.field10)) if field
    )
    lines = [f"{column.name_zh}\n{column.name_en}", fields, _FORMS[column.form]]
    if column.example:
        lines.append(f"例 example: {column.example}")
    if column.note:
        lines.append(column.note)
    if column.values:
        known = codes("2.0", column.values)
        lines += [f"{code} {entry.name_zh}" for code, entry in known.items()] if len(known) <= _FEW else []
    return "\n".join(line for line in lines if line)
