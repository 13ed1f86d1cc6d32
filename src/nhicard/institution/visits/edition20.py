"""Visits as edition 2.0 tells them. The columns are in its wire form, so telling is naming."""

from __future__ import annotations

from typing import Final

import polars as pl

from nhicard.checks.requirement import cells
from nhicard.formats.batch import Batch
from nhicard.institution.visits import telling
from nhicard.institution.visits.derivations import complete
from nhicard.institution.visits.derivations.prescriptions import DISPENSING
from nhicard.institution.visits.table import Visits

_DELETION: Final = "D"
_REFILLS: Final = ("M33", "M34")
_IS_DISPENSING: Final = pl.col("M07").is_in(DISPENSING)


def write20(told: Visits) -> Batch:
    """The visits as records of edition 2.0, numbered from 1, with all that can be derived."""
    return telling.batch("2.0", *telling.as_fields(complete(told), "2.0"))


def read20(batch: Batch) -> Visits:
    """The visits of a batch of edition 2.0; values as sent."""
    if batch.edition != "2.0":
        raise ValueError(f"a batch of edition 2.0 is needed, this one is of {batch.edition}")
    return telling.as_columns(batch.visits, batch.orders, "2.0")


def deletion20(told: Visits) -> Batch:
    """Records that delete the visits as stored (H01=D): what such a record needs, and no orders.

    The refill that a dispensing took goes along, so that it is free again (D035). Edition 2.0 corrects by deleting and
    sending the mended record (assumption corrections_resend_the_record).
    """
    visits, orders = telling.as_fields(complete(told), "2.0")
    needed = {cell.field for cell in cells("2.0") if cell.upload_kind == _DELETION and cell.requirement == "V"}
    kept = visits.select(name for name in visits.columns if name in needed or name in _REFILLS)
    taken = [pl.when(_IS_DISPENSING).then(name).alias(name) for name in _REFILLS]
    return telling.batch("2.0", kept.with_columns(*taken, H01=pl.lit(_DELETION)), orders.clear())
