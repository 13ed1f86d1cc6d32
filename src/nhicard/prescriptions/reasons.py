"""Why a prescription is not to be dispensed, in sentences with a remedy (``data/reasons.csv``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from nhicard.prescriptions.tables import rows


@dataclass(frozen=True, slots=True)
class Reason:
    """A row of the table with what it speaks of. ``weight``: refuse, doubt or note."""

    code: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def weight(self) -> str:
        return _table()[self.code]["weight"]

    def sentence(self, language: str) -> str:
        """What is wrong; ``language`` zh or en."""
        return _table()[self.code][language].format(**self.facts)

    def remedy(self, language: str) -> str:
        """What to do about it."""
        return _table()[self.code][f"remedy_{language}"]

    def as_json(self) -> dict[str, str]:
        """For programs."""
        told = {f"text_{language}": self.sentence(language) for language in ("zh", "en")}
        remedies = {f"remedy_{language}": self.remedy(language) for language in ("zh", "en")}
        return {"code": self.code, "weight": self.weight} | told | remedies


class Refused(Exception):
    """Nothing could be read, or not all; ``reason`` says why."""

    def __init__(self, code: str, **facts: Any) -> None:
        self.reason = Reason(code, facts)
        super().__init__(f"{self.reason.sentence('zh')} {self.reason.sentence('en')}")


@cache
def _table() -> dict[str, dict[str, str]]:
    return {row["code"]: row for row in rows("reasons")}
