"""What an institution takes home: the report as CSV, and results with error details as an encrypted ZIP."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TextIO

import pyzipper

from nhicard.checks.wording import sentences_of
from nhicard.formats import rocdate
from nhicard.insurer.intake.models import Finding, Submission, Visit
from nhicard.insurer.monitoring.services import categories
from nhicard.insurer.monitoring.services.records import LISTED, Asked, behind, twins_of
from nhicard.insurer.monitoring.services.report import Counts, Report

_AT_ONCE: Final = 500
Pair = tuple[Visit, Visit | None]
#: What makes a spreadsheet take a text for a formula.
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_COUNTS: Final = ("1.0上傳成功資料件數(A)", "對應1.0成功資料之2.0預檢成功件數(B)", "(B)/(A)", "VPN", "Web-API")
_RESULTS: Final = (
    *("就醫日期", "就醫時間", "就醫類別", "身分證號", "就醫序號", "1.0作業代碼", "1.0第幾筆"),
    *("2.0預檢", "2.0上傳方式", "2.0就醫識別碼", "2.0作業代碼", "2.0第幾筆"),
)
_ERRORS: Final = (
    *("格式", "作業代碼", "第幾筆", "醫令序", "身分證號", "就醫時間", "就醫類別"),
    *("欄位", "錯誤代碼", "類型", "內容", "說明", "Explanation"),
)
_STATES: Final = {
    "accepted": "預檢成功",
    "rejected": "退件",
    "replaced": "已被取代",
    "deleted": "已刪除",
    "done": "已執行",
}
_SEVERITIES: Final = {"reject": "退件", "warn": "提示，仍收載", "file": "整檔退件"}


def harmless(value: Any) -> str:
    """The text of a cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULAS) else text


def report_csv(report: Report) -> bytes:
    """The three parts of the report as one table, UTF-8 with a byte order mark."""
    rows = [("合計", "", report.total)]
    rows += [("就醫日期(過卡日期)", rocdate.format_date(day), counts) for day, counts in report.by_day.items()]
    rows += [("就醫類別", categories.label(code, english=False), counts) for code, counts in report.by_category.items()]
    stream = io.StringIO()
    _write(stream, ("項目", "日期/類別", *_COUNTS), ((part, name, *_figures(counts)) for part, name, counts in rows))
    return stream.getvalue().encode("utf-8-sig")


def details_zip(report: Report, password: str) -> bytes:
    """``results.csv`` (a row a 1.0 record and what became of its pre-check) and ``errors.csv`` (a row a finding).

    Encrypted with AES-256; nothing of it is on disk in the clear. Raises ValueError for an empty password.
    """
    if not password:
        raise ValueError("a file with personal data needs a password")
    packed, errors, receipts = io.BytesIO(), list[tuple[Any, ...]](), _Receipts()
    with pyzipper.AESZipFile(packed, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(password.encode())
        with _member(archive, "results.csv") as stream:
            _write(stream, _RESULTS, ())
            for pairs in _pairs(report):
                _write(stream, None, (_result(*pair, receipts) for pair in pairs))
                errors += _errors(pairs, receipts)
        with _member(archive, "errors.csv") as stream:
            _write(stream, _ERRORS, errors)
    return packed.getvalue()


def _member(archive: Any, name: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(archive.open(name, "w"), encoding="utf-8-sig", newline="")


class _Receipts(dict[int, str]):
    """Receipts by submission, each read once: thousands of records share a few uploads."""

    def __missing__(self, submission: int) -> str:
        self[submission] = str(Submission.objects.values_list("receipt", flat=True).get(pk=submission)).strip()
        return self[submission]


def _write(stream: TextIO, header: Sequence[str] | None, rows: Iterable[Sequence[Any]]) -> None:
    writer = csv.writer(stream)
    if header:
        writer.writerow(header)
    writer.writerows([harmless(value) for value in row] for row in rows)


def _figures(counts: Counts) -> tuple[int | str, ...]:
    percent = "" if counts.percent is None else f"{counts.percent}%"
    return counts.a, counts.b, percent, counts.by_vpn, counts.by_web


def _result(record: Visit, twin: Visit | None, receipts: _Receipts) -> tuple[Any, ...]:
    told: tuple[Any, ...] = ("尚未上傳", "", "", "", "")
    if twin:
        told = (_STATES[twin.state], twin.channel, twin.identifier, receipts[twin.submission_id], twin.record)
    return (*_of_visit(record), record.sequence, receipts[record.submission_id], record.record, *told)


def _errors(pairs: Sequence[Pair], receipts: _Receipts) -> Iterator[tuple[Any, ...]]:
    visits = {(each.submission_id, each.record): each for pair in pairs for each in pair if each}
    found = Finding.objects.filter(
        submission__in={submission for submission, _ in visits}, record__in={record for _, record in visits}
    )
    for finding in found.order_by("submission", "record", "id"):
        if visit := visits.get((finding.submission_id, finding.record or 0)):
            _, time, category, patient = _of_visit(visit)
            yield (
                *(visit.edition, receipts[visit.submission_id], visit.record, finding.order, patient, time, category),
                *(finding.field, finding.code, _SEVERITIES.get(finding.severity, finding.severity), finding.value),
                *sentences_of("1.0" if visit.edition == "1.0" else "2.0", finding.code, finding.field),
            )


def _of_visit(visit: Visit) -> tuple[str, str, str, str]:
    day = rocdate.format_date(visit.visit_date) if visit.visit_date else ""
    return day, visit.visit_time, categories.label(visit.category, english=False), visit.patient_id


def _pairs(report: Report) -> Iterator[list[Pair]]:
    """The 1.0 records of the report, some at a time, each with its pre-check in force, else the newest one tried."""
    records = behind(Asked(report.institution, report.as_of)).only(*LISTED).iterator(chunk_size=_AT_ONCE)
    while part := list(islice(records, _AT_ONCE)):
        found = twins_of(part)
        yield [(record, found.get((record.patient_id, record.visit_time))) for record in part]
