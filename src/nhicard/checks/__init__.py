"""Checks: every rule that can be decided from a file, reference lists and the moment of upload."""

from nhicard.checks.context import Context
from nhicard.checks.engine import Checker, check
from nhicard.checks.findings import Findings

__all__ = ["Checker", "Context", "Findings", "check"]
