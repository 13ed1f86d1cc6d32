"""From 1.0 to 2.0 and back: the dated changes, and what follows for ``intake.EditionState``, which the checks read.

An agreed application admits to 2.0 from its effective date; nothing is refused yet. The first 2.0 record accepted for
real from then on switches: 1.0 is refused (Y000). An agreed return ends both from its own date. Before H1 2.0 for
real is refused by the checks (Y016); between H1 and the approval no published code refuses it, so it is kept and
switches nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef

from nhicard.insurer.applications.models import Case, Change, EditionChange
from nhicard.insurer.applications.services.refusals import Refused
from nhicard.insurer.audit import chain
from nhicard.insurer.intake.kinds import Kind
from nhicard.insurer.intake.models import EditionState

WORKER: Final = "worker"
_IN_ORDER: Final = ("effective_at", "number")  # a return may be on record before the switch that it ends


def changes(institution: str, as_of: datetime, known_at: datetime | None = None) -> list[EditionChange]:
    """The changes in force by the moment, first to last; ``known_at``: only those recorded by then."""
    found = EditionChange.objects.filter(institution=institution, effective_at__lte=as_of)
    if known_at is not None:
        found = found.filter(recorded_at__lte=known_at)
    return list(found.order_by(*_IN_ORDER))


def standing(institution: str, as_of: datetime) -> Change | None:
    """How the institution stands at the moment; None: never admitted to 2.0."""
    found = changes(institution, as_of)
    return Change(found[-1].kind) if found else None


def is_admitted(institution: str, as_of: datetime) -> bool:
    """Whether an approval of 2.0 for real is in force at the moment (H3)."""
    return standing(institution, as_of) in (Change.ADMITTED, Change.SWITCHED)


@transaction.atomic
def decided(case: Case, effect: Change, effective_from: date, now: datetime) -> EditionChange:
    """Write what an agreed case changes, from the beginning of the day but never from before now.

    Raises Refused where a later change is on record already, or this one would change nothing.
    """
    code = case.institution.code
    _locked(code)
    effective_at = max(datetime.combine(effective_from, time()), now)
    last = _last(code)
    if last and last.effective_at > effective_at:
        raise Refused("later_change")
    is_in = last is not None and last.kind != Change.RETURNED
    if is_in == (effect == Change.ADMITTED):
        raise Refused("changes_nothing")
    written = _write(code, effect, effective_at, now, case)
    carry_out_due(now)
    return written


@transaction.atomic
def first_real_upload(institutions: Iterable[str], now: datetime) -> list[str]:
    """Switch those of the institutions that are admitted and not switched; whose 2.0 records for real were accepted.

    Called in the transaction in which the worker settles. Gives the codes that switched now.
    """
    codes = sorted(set(institutions))
    admitted = EditionChange.objects.filter(institution__in=codes, effective_at__lte=now)
    asked = sorted(set(admitted.values_list("institution", flat=True)))
    return [code for code in asked if _switch(code, now)]


def on_turning(*, now: datetime, **_: Any) -> None:
    """The worker turns to its queue: returns that are due come into force first."""
    carry_out_due(now)


def on_settled(*, kind: Kind, institutions: Sequence[str], now: datetime, **_: Any) -> None:
    """The worker has settled a batch, in whose transaction this is."""
    if kind.edition == "2.0" and not kind.is_precheck:
        first_real_upload(institutions, now)


def _switch(code: str, now: datetime) -> bool:
    if standing(code, now) != Change.ADMITTED:
        return False
    _locked(code)
    if standing(code, now) != Change.ADMITTED:  # another worker was faster
        return False
    written = _write(code, Change.SWITCHED, now, now, None)
    EditionState.objects.filter(institution=code).update(switched_at=now)
    subject = f"edition change {written.number}"
    chain.record(at=now, actor=WORKER, action="edition.switched", subject=subject, institution=code)
    return True


def carry_out_due(now: datetime) -> int:
    """Lift the refusal of 1.0 where a return has come into force; how many. Cheap: for every turn of a worker."""
    returned = EditionChange.objects.filter(
        institution=OuterRef("institution"),
        kind=Change.RETURNED,
        effective_at__lte=now,
        effective_at__gte=OuterRef("switched_at"),
    )
    due = EditionState.objects.filter(Exists(returned), switched_at__isnull=False)
    return due.update(switched_at=None) if due.exists() else 0  # a look takes no writer's turn


def _locked(code: str) -> EditionState:
    """The row that everybody who changes the institution's edition waits for."""
    EditionState.objects.bulk_create([EditionState(institution=code)], ignore_conflicts=True)
    return EditionState.objects.select_for_update().get(institution=code)


def _last(code: str) -> EditionChange | None:
    found: EditionChange | None = EditionChange.objects.filter(institution=code).order_by(*_IN_ORDER).last()
    return found


def _write(code: str, kind: Change, effective_at: datetime, now: datetime, case: Case | None) -> EditionChange:
    written = EditionChange(
        institution=code,
        number=EditionChange.objects.filter(institution=code).count() + 1,
        kind=kind,
        effective_at=effective_at,
        recorded_at=now,
        case=case,
    )
    written.save()
    return written
