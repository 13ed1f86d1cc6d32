"""Records of edition 1.0 made into records of 2.0, as far as 1.0 tells what 2.0 asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from nhicard.checks import Context
from nhicard.formats.batch import Batch
from nhicard.institution.upgrading.identifiers import ANSWERS, Source, obtain
from nhicard.institution.upgrading.missing import missing
from nhicard.institution.visits import read10, write20


@dataclass(frozen=True, slots=True)
class Upgrade:
    """``batch``: the records in edition 2.0, under their numbers in the file of 1.0. ``missing``: what they lack and
    how it would be got (``missing.MISSING``). ``answers``: what a reader was asked (``identifiers.ANSWERS``)."""

    batch: Batch
    missing: pl.DataFrame
    answers: pl.DataFrame


def upgrade(batch: Batch, source: Source | None = None, context: Context | None = None) -> Upgrade:
    """Upgrade a batch of edition 1.0. ``source``: a reader that is asked for visit identifiers. ``context``: the
    moment and lists with which 2.0's rules say what is missing; its moment is today for the reader.

    Raises ValueError for a batch of another edition.
    """
    context = context or Context()
    told = _numbered_as(batch, write20(read10(batch)))
    answers = pl.DataFrame(schema=ANSWERS)
    if source is not None:
        told, answers = obtain(told, source, context)
    return Upgrade(told, missing(told, context), answers)


def _numbered_as(old: Batch, new: Batch) -> Batch:
    """The records under their old numbers: a slice goes on counting."""
    return replace(
        new,
        visits=new.visits.with_columns(old.visits["record"]),
        orders=new.orders.with_columns(old.visits["record"][new.orders["visit"]].alias("record")),
    )
