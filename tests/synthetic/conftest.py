"""What the tests of made-up files share."""

from __future__ import annotations

from datetime import datetime
from functools import cache

import polars as pl

from nhicard.checks import Context, Findings, check
from nhicard.formats import Batch
from nhicard.formats.tables import Edition
from nhicard.synthetic import generate

AS_OF = datetime(2026, 11, 20, 12)


@cache
def made_up(edition: Edition, seed: int = 1, visits: int = 2_000, institutions: int = 6) -> Batch:
    """A batch without errors, made once for all tests."""
    return generate(edition, visits, seed, AS_OF, institutions)


def checked(batch: Batch, as_of: datetime = AS_OF) -> Findings:
    """What the rules say of an upload at that moment."""
    return check(batch, Context(as_of=as_of))


def counts(findings: pl.DataFrame) -> list[tuple[str, str, int]]:
    """Findings by code and field, to be read in a failed assertion."""
    return findings.group_by("code", "field").len().sort("code", "field").rows()
