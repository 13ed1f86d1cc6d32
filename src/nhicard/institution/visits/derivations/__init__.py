"""What follows from what is known: each function fills columns where they are null; a given value always wins.

A derivation is a pure function of ``Visits`` to the columns that it can tell; ``complete`` applies all in an order in
which each finds what it rests on. Each docstring says in Chinese and English what is derived and from which source;
docs/visits.md is made from them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import polars as pl

from nhicard.institution.visits.derivations import examinations, original, prescriptions, record, supply
from nhicard.institution.visits.table import Visits

Derivation = Callable[[Visits], dict[str, pl.Series]]

STEPS: Final[tuple[Derivation, ...]] = (
    record.data_type,
    record.upload_kind,
    record.late_card,
    record.medical_category,
    record.copayment,
    original.original_visit,
    original.original_institution,
    prescriptions.order_time,
    prescriptions.order_number,
    prescriptions.prescription_kind,
    prescriptions.dispensing,
    supply.prescription_mode,
    supply.days_supplied,
    supply.continuous_prescription,
    supply.allowed_dispensings,
    supply.refill,
    supply.therapies,
    examinations.examination,
    examinations.examination_place,
    examinations.vaccination,
    examinations.allergy,
    examinations.cancelled_time,
)


def complete(told: Visits) -> Visits:
    """The visits with every column filled that follows from others."""
    for derive in STEPS:
        told = told.filled(derive(told))
    return told
