"""How far an institution is on its way to 2.0, as of any moment: H1 qualified, H2 applied, H3 approved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import OuterRef, Subquery

from nhicard.insurer.applications.models import Case, Change, EditionChange, Event, State
from nhicard.insurer.applications.tables import kinds
from nhicard.insurer.intake.models import EditionState

_AT_ONCE: Final = 2000
_STANDS: Final = (State.OFFICER, State.SUPERVISOR, State.AGREED)


@dataclass(frozen=True, slots=True)
class Progress:
    """Since when each holds; None where it does not. ``switched_at``: since when 1.0 is refused."""

    h1: datetime | None = None
    h2: datetime | None = None
    h3: datetime | None = None
    switched_at: datetime | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes that hold, as open data prints them."""
        held = {"H1": self.h1, "H2": self.h2, "H3": self.h3}
        return tuple(code for code, since in held.items() if since)


def of(institution: str, as_of: datetime) -> Progress:
    """One institution's."""
    return of_many([institution], as_of)[institution]


def of_many(institutions: Iterable[str], as_of: datetime) -> Mapping[str, Progress]:
    """Every asked institution's, whether it has begun or not; three queries for thousands."""
    codes = list(dict.fromkeys(institutions))
    found: dict[str, Progress] = {}
    for start in range(0, len(codes), _AT_ONCE):
        part = codes[start : start + _AT_ONCE]
        h1, h2 = _qualified(part, as_of), _applied(part, as_of)
        changed = _changed(part, as_of)
        for code in part:
            h3, switched, ended = changed.get(code, (None, None, None))
            applied = h2.get(code)
            if applied and ended and applied < ended and not h3:
                applied = None  # what was applied for has come to its end
            found[code] = Progress(h1.get(code), applied, h3, switched)
    return found


def _qualified(codes: list[str], as_of: datetime) -> dict[str, datetime]:
    rows = EditionState.objects.filter(institution__in=codes, qualified_at__lte=as_of)
    return {code: at for code, at in rows.values_list("institution", "qualified_at") if at}


def _applied(codes: list[str], as_of: datetime) -> dict[str, datetime]:
    """When the application that stood at the moment was handed in; replayed from the events."""
    admitting = [kind.code for kind in kinds().values() if kind.effect == Change.ADMITTED]
    last = Event.objects.filter(case=OuterRef("pk"), at__lte=as_of).order_by("-number").values("after")[:1]
    cases = Case.objects.filter(institution__code__in=codes, kind__in=admitting, submitted_at__lte=as_of)
    standing = cases.annotate(then=Subquery(last)).filter(then__in=_STANDS).order_by("submitted_at")
    return {code: at for code, at in standing.values_list("institution__code", "submitted_at") if at}


Since = datetime | None


def _changed(codes: list[str], as_of: datetime) -> dict[str, tuple[Since, Since, Since]]:
    """Since when approved, since when switched, when last returned; of changes recorded and in force by then."""
    rows = EditionChange.objects.filter(institution__in=codes, effective_at__lte=as_of, recorded_at__lte=as_of)
    found: dict[str, tuple[Since, Since, Since]] = {}
    for row in rows.order_by("effective_at", "number"):
        h3, _, ended = found.get(row.institution, (None, None, None))
        found[row.institution] = {
            Change.ADMITTED: (row.effective_at, None, ended),
            Change.SWITCHED: (h3, row.effective_at, ended),
            Change.RETURNED: (None, None, row.effective_at),
        }[Change(row.kind)]
    return found
