"""The table that a qualification rests on, frozen as JSON, and read back as the report that it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from nhicard.insurer.intake.models import State, Submission
from nhicard.insurer.monitoring.services.report import Cell, Counts, Report


def frozen(report: Report) -> dict[str, Any]:
    """Everything that decided: dates, cells, totals, conditions, up to which upload was counted, and a digest of it."""
    facts = {
        "institution": report.institution,
        "as_of": report.as_of.isoformat(),
        "cells": [
            [each.day.isoformat(), each.category, each.counts.a, each.counts.by_vpn, each.counts.by_web]
            for each in report.cells
        ],
        "total": {
            "a": report.total.a,
            "b": report.total.b,
            "by_vpn": report.total.by_vpn,
            "by_web": report.total.by_web,
        },
        "conditions": {"all_matched": report.all_matched, "all_by_web": report.all_by_web},
        "counted_up_to": _last_upload(report.institution),
    }
    return facts | {"digest": digest(facts)}


def thawed(evidence: Mapping[str, Any]) -> Report:
    """The report as it stood."""
    cells = [Cell(date.fromisoformat(day), category, Counts(*counts)) for day, category, *counts in evidence["cells"]]
    return Report(evidence["institution"], date.fromisoformat(evidence["as_of"]), cells)


def digest(evidence: Mapping[str, Any]) -> str:
    """SHA-256 of the facts, in hex; the digest itself is none of them."""
    facts = {name: value for name, value in evidence.items() if name != "digest"}
    return hashlib.sha256(json.dumps(facts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _last_upload(institution: str) -> dict[str, Any] | None:
    """The newest checked upload: the counters were right up to it."""
    checked = Submission.objects.filter(institution=institution, state=State.CHECKED)
    last = checked.order_by("-checked_at", "-id").only("id", "checked_at").first()
    if last is None or last.checked_at is None:
        return None
    return {"submission": last.pk, "checked_at": last.checked_at.isoformat()}
