"""The result of a submission, as clients read it: text in the insurer's layout, or the findings as JSON."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from nhicard.formats import encoding
from nhicard.insurer.intake.kinds import KINDS
from nhicard.insurer.intake.models import Finding, State, Submission, Visit

_RULE: Final = "=" * 75
#: What identifies a faulty record, by edition; fields that were not sent are left out.
_SHOWN: Final = {
    "1.0": ("A11", "A12", "A13", "A14", "A17", "A18", "A23"),
    "2.0": ("M03", "M04", "M05", "M07", "M11", "M13", "M15"),
}


class NotReady(Exception):
    """The result does not exist yet."""


class Expired(Exception):
    """The result was kept as long as promised; only its counts remain."""


@dataclass(frozen=True, slots=True)
class FaultyRecord:
    """A record with findings: its number (None: the file as a whole), what identifies it, its findings."""

    record: int | None
    fields: dict[str, str]
    findings: list[Finding]


def require_ready(submission: Submission, now: datetime) -> None:
    """Raises NotReady or Expired. A submission that could not be processed has a result that says so."""
    if submission.state == State.PENDING:
        raise NotReady
    if submission.result_until is not None and now > submission.result_until:
        raise Expired


def faulty_records(submission: Submission) -> Iterator[FaultyRecord]:
    """Records with findings in file order, the file's own findings first."""
    grouped: dict[int | None, list[Finding]] = {}
    for finding in Finding.objects.filter(submission=submission).order_by("record", "id"):
        grouped.setdefault(finding.record, []).append(finding)
    visits = {
        row.record: row
        for row in Visit.objects.filter(submission=submission, record__in=[r for r in grouped if r]).only(
            "record", "fields"
        )
    }
    for record in sorted(grouped, key=lambda number: number or 0):
        fields = json.loads(visits[record].fields) if record in visits else {}
        yield FaultyRecord(record, fields, grouped[record])


def as_text(submission: Submission) -> str:
    """The result in the layout of the insurer's result files.

    Twelve bracketed values lead: institution, SAM, receipt, upload time, file size, records and orders received,
    kind of upload, time of the check, valid records, valid orders, invalid records.
    """
    kind = KINDS[submission.kind]
    head = [
        f"健保卡就醫資料上傳檢核結果 院所代碼[{submission.institution}] 安全模組[{submission.sam}]",
        f"作業代碼[{submission.receipt}] 上傳時間[{submission.received_at:%Y%m%d%H%M%S}] 檔案大小[{submission.size}]",
        f"收檔就醫筆數[{submission.records or 0}] 收檔醫令筆數[{submission.orders or 0}] 上傳類別[{kind.zh}]",
        f"檢核時間[{_moment(submission.checked_at)}] 有效就醫筆數[{submission.accepted or 0}] "
        f"有效醫令筆數[{submission.accepted_orders or 0}] 無效就醫筆數[{submission.rejected or 0}]",
    ]
    if submission.state == State.SET_ASIDE:
        head.append("本檔無法處理，已通知維護人員，請勿重送。")
    blocks = ["\n".join(head)]
    blocks += ["\n".join(_lines(each, kind.edition)) for each in faulty_records(submission)]
    return f"\n{_RULE}\n".join(blocks) + "\n"


def as_json(submission: Submission) -> dict[str, Any]:
    """The same as the object that ``nhicard check --format json`` prints for a file, with the receipt."""
    from nhicard.checks.wording import sentences_of

    kind = KINDS[submission.kind]
    findings = []
    for each in Finding.objects.filter(submission=submission).order_by("record", "id"):
        zh, en = sentences_of(kind.edition, each.code, each.field)
        findings.append(
            {
                "record": each.record,
                "order": each.order,
                "field": each.field,
                "code": each.code,
                "severity": each.severity,
                "value": each.value,
                "line": each.line,
                "text_zh": zh,
                "text_en": en,
            }
        )
    warned = submission.accepted_with_warnings or 0
    return {
        "receipt": submission.receipt,
        "state": submission.state,
        "edition": kind.edition,
        "encoding": submission.encoding,
        "records": submission.records or 0,
        "orders": submission.orders or 0,
        "accepted": (submission.accepted or 0) - warned,
        "accepted_with_warnings": warned,
        "rejected": submission.rejected or 0,
        "findings": findings,
    }


def as_bytes(submission: Submission, *, utf8: bool) -> bytes:
    """The text, in Big5 unless UTF-8 was asked for; what Big5 lacks (values are quoted nowhere) cannot occur."""
    text = as_text(submission)
    return text.encode() if utf8 else encoding.encode(text)


def as_zip(submission: Submission) -> bytes:
    """The text, in Big5, as the one member of a ZIP file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{submission.receipt.strip()}.txt", as_bytes(submission, utf8=False))
    return packed.getvalue()


def counts(submission: Submission) -> str:
    """The counts as one line of JSON, for logs."""
    names = ("records", "orders", "accepted", "accepted_with_warnings", "rejected")
    return json.dumps({name: getattr(submission, name) for name in names})


def _lines(faulty: FaultyRecord, edition: str) -> Iterator[str]:
    if faulty.record is not None:
        yield f"第[{faulty.record}]筆"
        for name in _SHOWN[edition]:
            value = faulty.fields.get(name)
            if value is not None and not encoding.unencodable(value):
                yield f"{name}=[{value}]"
    yield "錯誤原因:"
    yield "".join(f"{_place(each)}:{each.code};" for each in faulty.findings)


def _place(finding: Finding) -> str:
    return finding.field if finding.order is None else f"{finding.field}[{finding.order}]"


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y%m%d%H%M%S}" if moment else ""
