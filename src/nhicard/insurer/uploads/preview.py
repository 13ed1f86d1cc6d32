"""A file checked before anything is kept: what the rules say without the insurer's records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from nhicard.checks import Context
from nhicard.checks.files import check_file
from nhicard.checks.findings import Findings
from nhicard.formats.reader import UnusableInput
from nhicard.insurer.intake.kinds import Kind
from nhicard.insurer.registry import references


@dataclass(frozen=True, slots=True)
class Preview:
    """``refusal``: why the file is no upload of this kind at all, Chinese and English; else what the check found."""

    records: int = 0
    accepted: int = 0
    rejected: int = 0
    findings: pl.DataFrame | None = None
    refusal: tuple[str, str] | None = None


def preview(content: bytes, kind: Kind, institution: str, now: datetime) -> Preview:
    """Check a file as if this institution uploaded it now; nothing is kept."""
    context = Context(
        as_of=now, institution=institution, references=references.current(now), is_precheck=kind.is_precheck
    )
    try:
        parts = list(check_file(content, context))
    except UnusableInput as error:
        return Preview(refusal=(error.zh, error.en))
    if parts and parts[0].edition != kind.edition:
        found = parts[0].edition
        return Preview(
            refusal=(
                f"檔案是 {found} 格式，與上傳類別不符。",
                f"The file is of edition {found}, not the one of this kind of upload.",
            )
        )
    return _together(parts)


def _together(parts: list[Findings]) -> Preview:
    frame = pl.concat([part.frame for part in parts])
    records = sum(part.records for part in parts)
    whole = bool((frame["severity"] == "file").any())
    rejected = records if whole else sum(part.rejected for part in parts)
    return Preview(records, records - rejected, rejected, frame)
