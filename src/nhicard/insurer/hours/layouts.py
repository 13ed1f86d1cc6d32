"""The insurer's open data on opening hours: the file of fixed hours, read and written, and the lists of clinics, read.

A file of fixed hours that was read and is written again is the same bytes, so long as no cell was quoted. Columns are
found by their header, in whatever order; blanks after a header's name do not matter. An empty cell is written ``-``.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime
from typing import Final

from nhicard.insurer.hours.week import Week

BOM: Final = "\N{BYTE ORDER MARK}"
NOTHING: Final = "-"
#: Columns of the file of fixed hours in its order; names of ``FixedHours`` beside them.
FIXED_HOURS: Final = {
    "醫事機構代碼": "code",
    "醫事機構名稱": "name",
    "業務組別": "division",
    "特約類別": "category",
    "看診年度": "year",
    "看診星期": "letters",
    "看診備註": "remark",
    "開業狀況": "state",
    "資料集更新時間": "updated",
}
#: Those of the lists of clinics that are read, under their Chinese and their JSON names.
CLINICS: Final = {
    "醫事機構代碼": "code",
    "HOSP_ID": "code",
    "電話": "telephone",
    "TEL": "telephone",
    "地址": "address",
    "ADDRESS": "address",
    "固定看診時段": "phrases",
    "HOLIDAYDUTY_CNAME": "phrases",
    "備註": "remark",
    "HOLIDAY_REMARK_CNAME": "remark",
}
_CODE: Final = re.compile(r"[0-9A-Z]{10}")
_YEAR: Final = re.compile(r"[0-9]{4}")
_STAMP: Final = "%Y%m%d%H%M%S"
#: What a cell must not hold, and what stands for it.
_INSTEAD: Final = str.maketrans({",": "，", '"': "＂", "\r": " ", "\n": " "})


class BadFile(ValueError):
    """Not one of the layouts; ``zh`` and ``en`` say why."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} {en}")
        self.zh = zh
        self.en = en


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that could not be used (from 1, the header included), and why."""

    line: int
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class FixedHours:
    """A row of the file of fixed hours, every cell as the file has it."""

    code: str
    name: str
    division: str
    category: str
    year: str
    letters: str
    remark: str
    state: str
    updated: str

    @property
    def week(self) -> Week:
        """The sessions."""
        return Week.of_letters(self.letters)

    @property
    def updated_at(self) -> datetime:
        """資料集更新時間."""
        return datetime.strptime(self.updated, _STAMP)

    @property
    def valid_from(self) -> date:
        """The day on which the file was made, not before the year that it is for."""
        return max(self.updated_at.date(), date(int(self.year), 1, 1))


@dataclass(frozen=True, slots=True)
class Clinic:
    """What is read of a row of a list of clinics; ``phrases`` and ``remark`` empty where it has none."""

    code: str
    telephone: str
    address: str
    phrases: str
    remark: str

    @property
    def week(self) -> Week | None:
        """The sessions; None where the list tells none."""
        return Week.of_phrases(self.phrases) if self.phrases else None


@dataclass(frozen=True, slots=True)
class Style:
    """How a file is written beside what it tells: its header cells as they stand, byte order mark, line ends."""

    header: tuple[str, ...] = tuple(FIXED_HOURS)
    has_bom: bool = True
    newline: str = "\r\n"
    ends_with_newline: bool = True


@dataclass(frozen=True, slots=True)
class Read:
    """A file: its rows that can be used, with their lines, its style, and its faults."""

    rows: tuple[FixedHours | Clinic, ...]
    style: Style
    faults: tuple[Fault, ...]


def told(cell: str) -> str:
    """What a cell says: nothing for ``-``."""
    return "" if cell.strip() in ("", NOTHING) else cell.strip()


def cell(text: str) -> str:
    """Text as a cell: commas and quotes full-width, no line breaks, ``-`` for nothing."""
    return text.strip().translate(_INSTEAD) or NOTHING


def stamp(moment: datetime) -> str:
    """資料集更新時間 of a moment."""
    return moment.strftime(_STAMP)


def read(data: bytes) -> Read:
    """The file of fixed hours or a list of clinics, told apart by the header. Raises BadFile for anything else."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadFile("檔案不是 UTF-8 編碼。", "The file is not UTF-8.") from None
    body = text.removeprefix(BOM)
    newline = "\r\n" if "\r\n" in body else "\n"
    lines = csv.reader(io.StringIO(body, newline=""))
    try:
        header = tuple(next(lines, ()))
        names = [each.strip() for each in header]
        style = Style(header, text.startswith(BOM), newline, body.endswith(newline))
        if set(FIXED_HOURS) <= set(names):
            places = {FIXED_HOURS[name]: place for place, name in enumerate(names) if name in FIXED_HOURS}
            rows, faults = _sorted(_fixed_hours(lines, places, len(header)))
        elif {"code", "phrases"} <= {CLINICS[name] for name in names if name in CLINICS}:
            places = {CLINICS[name]: place for place, name in enumerate(names) if name in CLINICS}
            rows, faults = _sorted(_clinics(lines, places, len(header)))
        else:
            raise BadFile(
                "不是固定看診時段或院所清單的檔案：欄位名稱不符。",
                "Neither fixed hours nor a list of clinics, by the header.",
            )
    except csv.Error as trouble:
        raise BadFile(f"不是可以讀取的 CSV：{trouble}", f"Not a CSV that can be read: {trouble}") from None
    return Read(tuple(rows), style, tuple(faults))


def write(rows: Iterable[FixedHours], style: Style | None = None) -> bytes:
    """The file of fixed hours. Columns of the style that are not of the layout are written as ``-``."""
    style = style or Style()
    order = [FIXED_HOURS.get(name.strip()) for name in style.header]
    names = [each.name for each in fields(FixedHours)]
    lines = [",".join(style.header)]
    for row in rows:
        cells = dict(zip(names, astuple(row), strict=True))
        lines.append(",".join(cells[name] if name else NOTHING for name in order))
    text = (BOM if style.has_bom else "") + style.newline.join(lines)
    return (text + (style.newline if style.ends_with_newline else "")).encode("utf-8")


_Found = tuple[FixedHours | Clinic | None, Fault | None]


def _fixed_hours(lines: Iterator[list[str]], places: dict[str, int], width: int) -> Iterator[_Found]:
    for number, cells in enumerate(lines, start=2):
        if len(cells) != width:
            yield None, _of_wrong_width(number, len(cells), width)
            continue
        row = FixedHours(**{name: cells[place] for name, place in places.items()})
        fault = _fault_of(row, number)
        yield (None, fault) if fault else (row, None)


def _clinics(lines: Iterator[list[str]], places: dict[str, int], width: int) -> Iterator[_Found]:
    for number, cells in enumerate(lines, start=2):
        if len(cells) != width:
            yield None, _of_wrong_width(number, len(cells), width)
            continue
        row = Clinic(
            **{each.name: told(cells[places[each.name]]) if each.name in places else "" for each in fields(Clinic)}
        )
        try:
            _ = row.week
        except ValueError:
            yield None, Fault(number, "固定看診時段不是 21 個時段", "固定看診時段 is not 21 sessions")
            continue
        yield (row, None) if _CODE.fullmatch(row.code) else (None, _of_code(number))


def _fault_of(row: FixedHours, line: int) -> Fault | None:
    if not _CODE.fullmatch(row.code):
        return _of_code(line)
    if not _YEAR.fullmatch(row.year) or not 1995 <= int(row.year) <= 9998:
        return Fault(line, "看診年度不是西元年", "看診年度 is no Western year")
    try:
        _ = row.week
    except ValueError:
        return Fault(line, "看診星期不是 21 個 N 或 Y", "看診星期 is not 21 letters N or Y")
    try:
        _ = row.updated_at
    except ValueError:
        return Fault(line, "資料集更新時間不是 yyyyMMddHHmmss", "資料集更新時間 is not yyyyMMddHHmmss")
    return None


def _of_code(line: int) -> Fault:
    return Fault(line, "醫事機構代碼不是 10 碼", "醫事機構代碼 is not 10 characters")


def _of_wrong_width(line: int, found: int, width: int) -> Fault:
    return Fault(line, f"有 {found} 欄，應為 {width} 欄", f"{found} cells instead of {width}")


def _sorted(found: Iterable[_Found]) -> tuple[Sequence[FixedHours | Clinic], Sequence[Fault]]:
    rows, faults = [], []
    for row, fault in found:
        if row is not None:
            rows.append(row)
        if fault is not None:
            faults.append(fault)
    return rows, faults
