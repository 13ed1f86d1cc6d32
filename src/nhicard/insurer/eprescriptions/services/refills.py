"""The dispensings of a prescription, and the refills (聯次) that it shares with uploaded visits.

What a visit's upload says of a refillable prescription stands in the intake's ``Refill``; the visit identifier and the
kind of list name the same one there. A dispensing here takes its refill there by the same step as an uploaded
dispensing record, so that each side sees what the other has dispensed or cancelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from nhicard.checks.facts.refills import LIST_KINDS
from nhicard.insurer.eprescriptions.models import EPrescription
from nhicard.insurer.eprescriptions.problems import Problem, Refused
from nhicard.insurer.intake.models import Refill, VisitState
from nhicard.insurer.intake.services import effects

_PRESCRIBING, _DISPENSING = "01", "AF"  # 就醫類別: any that prescribes; 交付調劑
_OPEN, _DISPENSED, _CANCELLED = "open", "dispensed", "cancelled"


@dataclass(frozen=True, slots=True)
class State:
    """One dispensing: ``open``, ``dispensed`` or ``cancelled``. ``identifier``: M15 of an uploaded dispensing."""

    number: int
    state: str
    institution: str = ""
    identifier: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it waits to be dispensed."""
        return self.state == _OPEN

    @property
    def is_dispensed(self) -> bool:
        """Whether it was dispensed."""
        return self.state == _DISPENSED

    @property
    def is_cancelled(self) -> bool:
        """Whether it never will be."""
        return self.state == _CANCELLED


def states(prescription: EPrescription) -> list[State]:
    """Every dispensing of the prescription, in order, as both sides know it."""
    here = dict(prescription.dispensed.values_list("number", "institution__code"))
    cancelled_here = hasattr(prescription, "cancellation")
    there = {row.number: row for row in _rows(prescription)}
    return [
        _state(number, here.get(number, ""), there.get(number), is_cancelled=cancelled_here)
        for number in range(1, prescription.dispensings + 1)
    ]


def take(prescription: EPrescription, number: int, institution: str, identifier: str) -> None:
    """Take a refill also for the uploads' rules. Raises Refused where an upload took it at this moment.

    Has to run in the transaction that records the dispensing.
    """
    if not _is_shared(prescription):
        return
    _issue(prescription)
    said = {**_NOTHING, LIST_KINDS[prescription.kind].number: str(number)}
    try:
        _act(
            said,
            category=_DISPENSING,
            institution=institution,
            identifier=identifier,
            original_identifier=prescription.visit_identifier,
        )
    except effects.Overtaken:
        raise Refused(Problem("dispensed")) from None


def cancel(prescription: EPrescription) -> None:
    """Cancel what is not dispensed also for the uploads' rules; in the transaction that records the cancellation."""
    if not _is_shared(prescription):
        return
    _issue(prescription)
    _rows(prescription).filter(dispensed_by="").update(cancelled=True)


def _state(number: int, here: str, there: Refill | None, *, is_cancelled: bool) -> State:
    if here:
        return State(number, _DISPENSED, here)
    if there is not None and there.dispensed_by:
        return State(number, _DISPENSED, there.dispensed_by, there.dispensed_identifier)
    return State(number, _CANCELLED if is_cancelled or (there is not None and there.cancelled) else _OPEN)


def _is_shared(prescription: EPrescription) -> bool:
    return prescription.kind in LIST_KINDS and bool(prescription.visit_identifier)


def _rows(prescription: EPrescription) -> Any:
    if not _is_shared(prescription):
        return Refill.objects.none()
    return Refill.objects.filter(
        identifier=prescription.visit_identifier, is_precheck=False, list_kind=prescription.kind
    )


def _issue(prescription: EPrescription) -> None:
    """Put the refills on record where no upload has done so yet; those of the other kind of list stay."""
    stored = Refill.objects.filter(identifier=prescription.visit_identifier, is_precheck=False)
    counts = {kind: stored.filter(list_kind=kind).count() for kind in LIST_KINDS}
    if counts[prescription.kind]:
        return
    counts[prescription.kind] = prescription.dispensings
    said = {**_NOTHING, **{LIST_KINDS[kind].count: str(count) for kind, count in counts.items() if count}}
    _act(
        said,
        category=_PRESCRIBING,
        institution=prescription.institution.code,
        identifier=prescription.visit_identifier,
        patient_id=prescription.patient_id,
    )


_NOTHING: Final = {field: "" for of in LIST_KINDS.values() for field in of.fields}
_COLUMNS: Final = ("category", "institution", "identifier", "original_identifier", "patient_id")


def _act(fields: dict[str, str], **columns: str) -> None:
    """What an accepted record with these columns and fields does to refills."""
    row = {**dict.fromkeys(_COLUMNS, ""), "upload_kind": "", "state": VisitState.ACCEPTED.value, **columns}
    effects.after(pl.DataFrame([row]), pl.DataFrame([fields]), is_precheck=False)
