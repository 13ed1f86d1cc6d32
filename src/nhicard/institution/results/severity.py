"""How heavy a finding is that the insurer reports by its code alone: by the official lists, on the day of upload."""

from __future__ import annotations

from datetime import date

from nhicard.checks.explanation import FOUND_WHILE_READING
from nhicard.checks.faults import severity as severity_of_fault
from nhicard.checks.official import official
from nhicard.checks.rule import Severity, rules
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import Edition


def severity(
    edition: Edition, code: str, field: str | None, day: date, assumptions: Assumptions, *, of_record: bool
) -> Severity:
    """``reject``, ``warn`` or ``file``. A code that no list has rejects, as one does of which the list says nothing."""
    if rule := rules(edition).get(code):
        return rule.severity_on(day, field or "*", assumptions) or rule.severity
    if code in FOUND_WHILE_READING:
        # A line is given so that Y014 is not taken for the notice that a readable file is UTF-8.
        return severity_of_fault(code, assumptions, of_record=of_record, line=1)
    entry = official(edition).get(code)
    if entry and entry.severity != "reject":
        return "warn"
    return "file" if entry and entry.scope == "file" else "reject"
