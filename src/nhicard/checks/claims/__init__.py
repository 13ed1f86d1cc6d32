"""Checks of claim files: rules, the cross-check with uploaded visits, and whether the revised format is completed."""

from nhicard.checks.claims.engine import ClaimContext, check, compare
from nhicard.checks.claims.findings import ClaimFindings
from nhicard.checks.claims.reported import VISITS, reported_visits
from nhicard.checks.claims.revised import Revision, is_revised

__all__ = [
    "VISITS", "ClaimContext", "ClaimFindings", "Revision", "check", "compare", "is_revised", "reported_visits",
]  # fmt: skip
