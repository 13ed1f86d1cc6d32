"""What must hold before a case may be handed in or agreed: each shown to the applicant as met or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from nhicard.insurer.applications.models import OPEN, Case
from nhicard.insurer.applications.services import switching
from nhicard.insurer.applications.tables import Kind
from nhicard.insurer.intake.models import EditionState
from nhicard.insurer.registry.models import Institution

#: Holds of who applies, not of the case that is being decided.
OF_APPLYING: Final = frozenset({"no_open_case"})


@dataclass(frozen=True, slots=True)
class Precondition:
    """``name``: text ``applications.precondition.<name>``; ``since``: since when it is met, where that is known."""

    name: str
    is_met: bool
    since: datetime | None = None


def of(kind: Kind, institution: Institution, now: datetime) -> list[Precondition]:
    """The kind's preconditions in the order of its table."""
    return [_HOLDS[name](kind, institution, now) for name in kind.preconditions]


def still(case: Case, kind: Kind, now: datetime) -> list[Precondition]:
    """Those that must hold at the decision too."""
    return [each for each in of(kind, case.institution, now) if each.name not in OF_APPLYING]


def qualified_at(institution: str, now: datetime) -> datetime | None:
    """Since when the institution meets H1; None where it does not yet."""
    found = EditionState.objects.filter(institution=institution, qualified_at__lte=now).first()
    return found.qualified_at if found else None


def _contracted(_: Kind, institution: Institution, now: datetime) -> Precondition:
    return Precondition("contracted", institution.is_contracted(now.date()))


def _not_suspended(_: Kind, institution: Institution, now: datetime) -> Precondition:
    return Precondition("not_suspended", not institution.is_suspended(now.date()))


def _no_open_case(kind: Kind, institution: Institution, _: datetime) -> Precondition:
    others = Case.objects.filter(institution=institution, kind=kind.code, state__in=OPEN)
    return Precondition("no_open_case", not others.exists())


def _qualified(_: Kind, institution: Institution, now: datetime) -> Precondition:
    since = qualified_at(institution.code, now)
    return Precondition("qualified", since is not None, since)


def _is_in(institution: Institution) -> bool:
    """Whether the last change on record, be it of a later day, leads to 2.0."""
    return switching.is_admitted(institution.code, datetime.max)


def _not_admitted(_: Kind, institution: Institution, __: datetime) -> Precondition:
    return Precondition("not_admitted", not _is_in(institution))


def _admitted(_: Kind, institution: Institution, __: datetime) -> Precondition:
    return Precondition("admitted", _is_in(institution))


_HOLDS: Final[Mapping[str, Callable[[Kind, Institution, datetime], Precondition]]] = {
    "contracted": _contracted,
    "not_suspended": _not_suspended,
    "no_open_case": _no_open_case,
    "qualified": _qualified,
    "not_admitted": _not_admitted,
    "admitted": _admitted,
}
