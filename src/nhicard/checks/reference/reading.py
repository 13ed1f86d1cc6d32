"""Reading one list file: CSV with a header, fields separated by a character, or fixed width in Big5.

Dates may be ROC (``yyyMMdd``, seven digits) or Western (``yyyyMMdd``), with or without ``-``, ``/`` or ``.``:
the length of the year tells which. ``-`` alone, an empty field and a year-end far away (999, 9999) are open.
"""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from nhicard.checks.reference.catalogue import VALIDITY, FixedWidth, ListSpec, Separated
from nhicard.formats import encoding, rocdate

LINE: Final = "line"  # where a row stands in its file, while it is being read
_NEVER: Final = date(2900, 1, 1)  # ROC 999 and Western 9999 mean that there is no end
_EMPTY: Final = ("", "-", "－")


class UnreadableList(ValueError):
    """A list file that cannot be understood; ``zh`` and ``en`` say where and what to do."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} {en}")
        self.zh = zh
        self.en = en


def read(path: Path, spec: ListSpec) -> pl.DataFrame:
    """The file's rows with the columns of the list; raises UnreadableList."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableList(
            f"無法讀取 {path.name}；請確認檔案存在且可讀。", f"{path.name} cannot be read: {error.strerror}."
        ) from None
    return parse(data, path.name, spec)


def parse(data: bytes, name: str, spec: ListSpec) -> pl.DataFrame:
    """``read`` on bytes; ``name`` is the file's name, for its layout and for messages."""
    if name.lower().endswith(".csv") or spec.layout is None:
        rows = _csv(data, name, spec)
    elif isinstance(spec.layout, Separated):
        rows = _separated(data, name, spec.layout)
    else:
        rows = _fixed_width(data, name, spec.layout)
    return _typed(rows, name, spec)


def _csv(data: bytes, name: str, spec: ListSpec) -> pl.DataFrame:
    text = _text(data, name)
    found = _columns(text.partition(b"\n")[0], name, spec)
    try:
        table = pl.read_csv(io.BytesIO(text), infer_schema=False)
    except (pl.exceptions.PolarsError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise UnreadableList(
            f"{name} 不是完整的 CSV；請檢查逗號、引號與每列欄數。",
            f"{name} is no sound CSV ({reason}); check commas, quotes and the number of columns in each row.",
        ) from None
    return table.select(
        *(pl.nth(place).alias(column) for column, place in found.items()),
        (pl.int_range(pl.len(), dtype=pl.Int64) + 2).alias(LINE),
    )


def _columns(header: bytes, name: str, spec: ListSpec) -> dict[str, int]:
    """Place of each column of the list in the file; of several accepted headers the first listed counts."""
    titles = [title.strip(' "\t\r\ufeff\u3000').lower() for title in header.decode("utf-8").split(",")]
    found = {
        column: titles.index(accepted.lower())
        for column, names in spec.headers.items()
        for accepted in reversed(names)
        if accepted.lower() in titles
    }
    missing = [column for column in spec.keys if column not in found]
    if missing:
        wanted = "、".join("／".join(spec.headers[column]) for column in missing)
        raise UnreadableList(
            f"{name} 第 1 行：缺少欄位 {wanted}；請補上標題列。",
            f"{name}, line 1: no column {', '.join(missing)} (accepted: {wanted}); add a header line.",
        )
    return found


def _separated(data: bytes, name: str, layout: Separated) -> pl.DataFrame:
    text = pl.Series(_text(data, name).decode("utf-8").splitlines(), dtype=pl.String)
    lines = pl.DataFrame({"text": text, LINE: pl.int_range(1, len(text) + 1, dtype=pl.Int64, eager=True)})
    parts = lines.filter(pl.col("text").str.strip_chars() != "").with_columns(
        pl.col("text").str.split(layout.separator)
    )
    needed = 1 + max(place for place, column in enumerate(layout.columns) if column in ("code", *VALIDITY))
    _refuse(
        parts.filter(pl.col("text").list.len() < needed),
        name,
        f"欄位不足，應以 {layout.separator} 分隔為 {'、'.join(layout.columns)}",
        f"too few fields; expected {', '.join(layout.columns)} separated by {layout.separator}",
    )
    return parts.select(
        *(
            pl.col("text").list.get(place, null_on_oob=True).alias(column)
            for place, column in enumerate(layout.columns)
        ),
        LINE,
    )


def _fixed_width(data: bytes, name: str, layout: FixedWidth) -> pl.DataFrame:
    """Only the named columns are cut out, by byte: Chinese names shift characters, not bytes."""
    content = np.frombuffer(data + b"\n", dtype=np.uint8)
    ends = np.flatnonzero(content == ord("\n"))
    starts = np.concatenate([[0], ends[:-1] + 1])
    ends = ends - (content[ends - 1] == ord("\r"))
    numbers = np.arange(1, len(starts) + 1)
    rows = (numbers >= layout.first_line) & (ends > starts)
    starts, ends, numbers = starts[rows], ends[rows], numbers[rows]
    lines = pl.DataFrame({LINE: numbers, "length": ends - starts})
    needed = max(last for _, last in layout.columns.values())
    _refuse(
        lines.filter(pl.col("length") < needed),
        name,
        f"長度不足 {needed} 位元組；請確認是健保署原始檔，或改用 CSV",
        f"shorter than {needed} bytes; use the insurer's original file, or a CSV",
    )
    cut = {}
    for column, (first, last) in layout.columns.items():
        block = content[starts[:, None] + np.arange(first - 1, last)]
        _refuse(
            lines.filter(pl.Series((block >= 0x80).any(axis=1), dtype=pl.Boolean)),
            name,
            f"第 {first} 至 {last} 位元組應為 {column}，卻有中文；欄位位置不符，請改用 CSV",
            f"bytes {first} to {last} should be the {column} but hold Chinese; the layout differs, use a CSV",
        )
        cut[column] = pl.Series(block.view(f"S{last - first + 1}").ravel().astype(str), dtype=pl.String)
    return pl.DataFrame({**cut, LINE: lines[LINE]})


def _text(data: bytes, name: str) -> bytes:
    """The text as UTF-8 without a byte order mark."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if encoding.guess(data) != "big5":
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            pass
        else:
            return data
    try:
        return encoding.decode(data).encode("utf-8")
    except ValueError as error:
        offset = getattr(error, "offset", 0)
        line = data.count(b"\n", 0, offset) + 1
        raise UnreadableList(
            f"{name} 第 {line} 行：有無法辨識的字元；請另存成 UTF-8。",
            f"{name}, line {line}: bytes that are neither UTF-8 nor Big5; save the file as UTF-8.",
        ) from None


def _typed(rows: pl.DataFrame, name: str, spec: ListSpec) -> pl.DataFrame:
    """Values stripped, keys checked, dates read, in the order of the list's columns."""
    columns = [column for column in spec.columns if column in rows.columns]
    days = [column for column in (*VALIDITY, *spec.roc) if column in columns]
    stripped = {column: pl.col(column).str.strip_chars(" \t\r\u3000") for column in columns}
    rows = rows.select(
        *(pl.when(~value.is_in(_EMPTY)).then(value).alias(column) for column, value in stripped.items()), LINE
    ).filter(~pl.all_horizontal(pl.col(column).is_null() for column in columns))
    for column in spec.keys:
        if column not in spec.optional:
            blank = rows.filter(pl.col(column).is_null())
            zh, en = f"{column} 是空的；請補上或刪除該行", f"{column} is blank; fill it in or drop the line"
            _refuse(blank, name, zh, en)
    typed = rows.with_columns(
        *(pl.col(column).str.replace_all(".", "", literal=True).str.to_uppercase() for column in spec.plain),
        *(pl.col(column).replace(dict(words)) for column, words in spec.values.items() if column in columns),
        *(_day(pl.col(column)).alias(f"day:{column}") for column in days),
    )
    for column in days:
        wrong = typed.filter(pl.col(column).is_not_null() & pl.col(f"day:{column}").is_null())
        zh, en = f"{column} 不是日期；請用 1121016 或 20231016", f"{column} is no date; write 1121016 or 20231016"
        _refuse(wrong, name, zh, en)
    return typed.select(_column(column, spec, given=column in columns).alias(column) for column in spec.columns)


def _column(column: str, spec: ListSpec, *, given: bool) -> pl.Expr:
    """A column of the finished list."""
    day = pl.col(f"day:{column}")
    if column in VALIDITY:
        return pl.when(day < _NEVER).then(day) if given else pl.lit(None, dtype=pl.Date)
    if column in spec.roc:
        year = (day.dt.year() - rocdate.YEAR_BEFORE_FIRST).cast(pl.String).str.zfill(3)
        return year + day.dt.strftime("%m%d")
    return pl.col(column) if given else pl.lit(None, dtype=pl.String)


def _refuse(bad: pl.DataFrame, name: str, zh: str, en: str) -> None:
    """Raise UnreadableList for the first of the bad rows, if there is one."""
    if bad.height:
        line = bad[LINE][0]
        raise UnreadableList(f"{name} 第 {line} 行：{zh}。", f"{name}, line {line}: {en}.")


def _day(value: pl.Expr) -> pl.Expr:
    """A date of either calendar; null where it is none."""
    parts = value.str.extract_groups(r"^(\d{2,4})[-/.](\d{1,2})[-/.](\d{1,2})$")
    year, month, day = (parts.struct.field(str(place)) for place in (1, 2, 3))
    long_year = pl.when(year.str.len_chars() == 4).then(year).otherwise(year.str.zfill(3))
    digits = pl.coalesce(long_year + month.str.zfill(2) + day.str.zfill(2), value)
    western = digits.str.to_date("%Y%m%d", strict=False)
    return pl.when(digits.str.len_chars() == 8).then(western).otherwise(rocdate.as_date(digits))
