"""The report counted anew, without the counters: from the stored records, and from the bytes that came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date

from nhicard.formats import read, rocdate
from nhicard.insurer.intake.kinds import KINDS
from nhicard.insurer.intake.models import Finding, Submission, Visit
from nhicard.insurer.intake.services import receiving
from nhicard.insurer.monitoring.services.report import Counts, Report

Key = tuple[str, str]
Cells = Mapping[tuple[date, str], Counts]


def of_report(report: Report) -> Cells:
    """The report's cells."""
    return {(each.day, each.category): each.counts for each in report.cells}


def from_records(report: Report) -> Cells:
    """What is in force by the stored records."""
    mine = Visit.objects.filter(institution=report.institution, state="accepted")
    real = {
        (v.patient_id, v.visit_time): (v.visit_date, v.category)
        for v in mine
        if v.edition == "1.0" and not v.is_precheck
    }
    ways: dict[Key, str] = {}
    for visit in mine:
        if visit.is_precheck and visit.edition == "2.0":
            ways[visit.patient_id, visit.visit_time] = visit.channel
    return _counted(report, real, ways)


def from_payloads(report: Report) -> Cells:
    """What is in force by the uploads in their order, less the records that the check rejected."""
    real: dict[Key, tuple[date | None, str]] = {}
    ways: dict[Key, str] = {}
    for submission in Submission.objects.filter(institution=report.institution).order_by("id"):
        rejected = set(
            Finding.objects.filter(submission=submission, severity="reject").values_list("record", flat=True)
        )
        kind = KINDS[submission.kind]
        if kind.edition == "1.0" and kind.is_precheck:
            continue
        sent = read(receiving.content_of(submission)).visits
        for row in sent.iter_rows(named=True):
            if row["record"] in rejected:
                continue
            if kind.edition == "1.0":
                real[row["A12"], row["A17"]] = (rocdate.parse_date((row["A54"] or row["A17"])[:7]), row["A23"])
            elif row["H01"] == "D":
                ways.pop((row["M03"], row["M11"]), None)
            else:
                ways[row["M03"], row["M11"]] = submission.channel
    return _counted(report, real, ways)


def _counted(report: Report, real: Mapping[Key, tuple[date | None, str]], ways: Mapping[Key, str]) -> Cells:
    a: Counter[tuple[date, str]] = Counter()
    by: dict[str, Counter[tuple[date, str]]] = {"vpn": Counter(), "web": Counter()}
    for key, (day, category) in real.items():
        if day is not None and day in report.days:
            a[day, category] += 1
            if key in ways:
                by[ways[key]][day, category] += 1
    return {cell: Counts(count, by["vpn"][cell], by["web"][cell]) for cell, count in a.items()}
