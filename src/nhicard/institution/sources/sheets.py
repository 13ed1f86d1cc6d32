"""Files as tables of texts: CSV in UTF-8 or Big5, and sheets of Excel workbooks."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import polars as pl

from nhicard.formats import encoding
from nhicard.institution.visits.columns import Owner

SHEETS: Final[dict[Owner, tuple[str, ...]]] = {"visit": ("就醫", "visits"), "order": ("醫令", "orders")}
_SEPARATORS: Final = (",", ";", "\t")
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_EXCEL: Final = (".xlsx", ".xlsm")


class UnusableTable(ValueError):
    """A file that is no table of visits or orders; ``zh`` and ``en`` name the file, the place and the remedy."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} {en}")
        self.zh = zh
        self.en = en


def is_workbook(path: Path) -> bool:
    """Whether the file is an Excel workbook, by its name."""
    return path.suffix.lower() in _EXCEL


def csv_rows(path: Path) -> pl.DataFrame:
    """All rows of a CSV as texts, the heading among them; blanks are null, a blank line is a row of nulls.

    Raises UnusableTable and OSError.
    """
    text = _text(path.read_bytes(), path.name)
    if not text.strip():
        return pl.DataFrame()
    first = text.lstrip().partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    try:
        return pl.read_csv(
            io.BytesIO(text.encode("utf-8")),
            has_header=False,
            infer_schema=False,
            separator=separator,
            missing_columns="insert",
        )
    except (pl.exceptions.PolarsError, ValueError):
        raise UnusableTable(
            f"{path.name} 不是完整的 CSV：請檢查引號是否成對，每列欄數是否不超過標題列。",
            f"{path.name} is no sound CSV: check that quotes are paired and no row has more cells than the heading.",
        ) from None


def sheet_names(path: Path) -> list[str]:
    """Names of a workbook's sheets. Raises UnusableTable and OSError."""
    import fastexcel

    with path.open("rb") as file:  # what cannot be opened is no fault of the workbook
        content = file.read()
    try:
        return list(fastexcel.read_excel(content).sheet_names)
    except fastexcel.FastExcelError:
        raise _no_workbook(path) from None


def sheet_rows(path: Path, name: str) -> pl.DataFrame:
    """All rows of a sheet as texts, as ``csv_rows``; dates are ``yyyy-MM-dd HH:mm:ss``, numbers have no ``.0``.

    Raises UnusableTable.
    """
    import fastexcel

    try:
        # without skip_rows leading blank rows would not count
        sheet = fastexcel.read_excel(path).load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
        return sheet.to_polars()
    except fastexcel.FastExcelError:
        raise _no_workbook(path) from None


def named(of: Owner, sheets: list[str]) -> str | None:
    """The sheet that is meant for visits or orders."""
    return next((name for name in sheets if name.strip().lower() in SHEETS[of]), None)


def _no_workbook(path: Path) -> UnusableTable:
    return UnusableTable(
        f"{path.name} 讀不出來；請確認是沒有加密的 .xlsx 檔。",
        f"{path.name} cannot be read; it must be an .xlsx workbook without a password.",
    )


def _text(data: bytes, name: str) -> str:
    if data.startswith(_UTF16):
        return data.decode("utf-16", "strict")
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return encoding.decode(data)
    except encoding.UndecodableBytes as error:
        line = data.count(b"\n", 0, error.offset) + 1
        raise UnusableTable(
            f"{name} 第 {line} 行有無法辨識的字元；請另存成 UTF-8。",
            f"{name}, line {line}: bytes that are neither UTF-8 nor Big5; save the file as UTF-8.",
        ) from None
