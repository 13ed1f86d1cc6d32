"""A result to take home: ``result.txt`` and ``findings.csv``, encrypted, for values may name persons."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final

import polars as pl
import pyzipper

from nhicard.formats import rocdate
from nhicard.insurer.claims.models import ClaimFile, ClaimFinding, Format, Meaning, State
from nhicard.insurer.claims.services.visits import fetched

_RULE: Final = "=" * 75
_SEVERITIES: Final = {"reject": "退件", "warn": "提示，仍收載", "file": "整檔退件"}
_FINDING: Final = {
    "case": pl.Int64,
    "order": pl.Int64,
    "meaning": pl.Int64,
    "value": pl.String,
    "line": pl.Int64,
    "key": pl.String,
}
_MEANING: Final = {
    "meaning": pl.Int64,
    "code": pl.String,
    "element": pl.String,
    "severity": pl.String,
    "text_zh": pl.String,
    "text_en": pl.String,
}
_COLUMNS: Final = {
    "case": "第幾件",
    "order": "醫令序",
    "line": "行",
    "key": "案件",
    "element": "欄位",
    "value": "內容",
    "code": "代碼",
    "severity": "類型",
    "text_zh": "說明",
    "text_en": "Explanation",
}
#: What makes a spreadsheet take a text for a formula.
_FORMULA: Final = r"^[=+\-@\t\r\n]"


def result_zip(file: ClaimFile, password: str) -> bytes:
    """The result as text and all findings as CSV (UTF-8 with a byte order mark), encrypted with AES-256.

    Nothing of it is on disk in the clear. Raises ValueError for an empty password.
    """
    if not password:
        raise ValueError("a file with personal data needs a password")
    packed = io.BytesIO()
    with pyzipper.AESZipFile(packed, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(password.encode())
        archive.writestr("result.txt", as_text(file).encode("utf-8-sig"))
        archive.writestr("findings.csv", as_csv(file))
    return packed.getvalue()


def as_text(file: ClaimFile) -> str:
    """Who, which month, the counts, then each sentence with how often it is said; no person stands in it."""
    return "\n".join(_lines(file)) + "\n"


def as_csv(file: ClaimFile) -> bytes:
    """A row a finding, in file order; cells that a spreadsheet would take for a formula begin with an apostrophe."""
    rows = fetched(ClaimFinding.objects.filter(file=file).order_by("pk").values_list(*_FINDING), _FINDING)
    said = fetched(Meaning.objects.filter(file=file).values_list("number", *list(_MEANING)[1:]), _MEANING)
    told = rows.join(said, on="meaning", how="left", maintain_order="left")
    texts = [name for name, dtype in told.schema.items() if dtype == pl.String]
    harmless = [
        pl.when(pl.col(name).str.contains(_FORMULA))
        .then(pl.lit("'") + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name in texts
    ]
    named = pl.col("severity").replace(_SEVERITIES)
    table = told.with_columns(named).with_columns(harmless).select(**{zh: name for name, zh in _COLUMNS.items()})
    return b"\xef\xbb\xbf" + table.write_csv(line_terminator="\r\n").encode()


def _lines(file: ClaimFile) -> Iterator[str]:
    month = file.month
    yield "費用申報檔檢核結果 Result of a claim file"
    yield f"院所代碼 institution[{file.institution.code}] 格式 format[{Format(month.format).label} {month.format}]"
    yield f"費用年月 month[{rocdate.format_date(month.month)[:5]}] 申報類別 claim type[{month.part[0]}]"
    yield f"收檔時間 received[{file.received_at:%Y-%m-%d %H:%M:%S}] 檔案 file[{file.pk}] SHA-256[{file.digest}]"
    if file.checked_at:
        yield f"檢核時間 checked[{file.checked_at:%Y-%m-%d %H:%M:%S}]"
        yield f"狀態 state[{State(file.state).label} {file.state}]"
        yield f"案件 cases[{file.cases}] 醫令 orders[{file.orders}] 比對的就醫上傳 visits compared[{file.compared}]"
        yield f"收載 accepted[{file.accepted}] 有提示 with remarks[{file.warned}] 退件 rejected[{file.rejected}]"
    for item, (asked, revised) in sorted(file.revised.items()):
        yield f"新格式 revised {item}[{revised}/{asked}]"
    for each in Meaning.objects.filter(file=file).order_by("number"):
        yield _RULE
        kind = _SEVERITIES.get(each.severity, each.severity)
        yield f"{each.code} {each.element} {kind} 件數 cases[{each.cases}] 次數 times[{each.findings}]"
        yield each.text_zh
        yield each.text_en
