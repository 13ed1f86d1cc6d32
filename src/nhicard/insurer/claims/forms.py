"""What a division asks its list of institutions for; whatever is not understood falls back to the newest month."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import urlencode

from nhicard.insurer.claims.models import Format, State

#: Beside the states: institutions that have sent nothing for the month.
NOTHING: Final = "nothing"


@dataclass(frozen=True, slots=True)
class Query:
    """``state`` and ``wanted`` may be empty; ``after`` is the code behind which the page begins."""

    format: str
    month: date
    state: str = ""
    wanted: str = ""
    after: str = ""

    def link(self, **changed: str) -> str:
        """The query string, with some of it changed and empty parts left out; a change begins at the first page."""
        told = {
            "format": self.format,
            "month": f"{self.month:%Y-%m}",
            "state": self.state,
            "q": self.wanted,
        } | changed
        return urlencode({name: value for name, value in told.items() if value})


def query(told: Mapping[str, str], known: Collection[date], today: date) -> Query:
    """The query of a request; ``known`` are the months that anything was sent for."""
    newest = max(known, default=today.replace(day=1))
    month = next((each for each in known if f"{each:%Y-%m}" == told.get("month", "")), newest)
    form = told.get("format", "")
    state = told.get("state", "")
    return Query(
        form if form in Format.values else Format.OUTPATIENT.value,
        month,
        state if state in (*State.values, NOTHING) else "",
        told.get("q", "").strip()[:40],
        told.get("after", "")[:10],
    )
