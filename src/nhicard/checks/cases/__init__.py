"""Cases: for every implemented code, records that break it and neighbours that keep it.

They are tests (tests/checks/test_cases.py) and examples (``nhicard explain``). See docs/architecture.md for
the notation.
"""

from nhicard.checks.cases.cases import Case, all_cases, cases_of, changed

__all__ = ["Case", "all_cases", "cases_of", "changed"]
