"""What the tests of made-up files share."""

from __future__ import annotations

from datetime import datetime
from functools import cache

import polars as pl

from nhicard.checks import Context, Findings, check
from nhicard.checks.verification import KeyVerifier
from nhicard.formats import Batch
from nhicard.formats.tables import Edition
from nhicard.identity.keyring import Key, KeyRing
from nhicard.synthetic import generate

AS_OF = datetime(2026, 11, 20, 12)
# The second key begins among the visits of the file.
ROTATION = datetime(2026, 11, 16, 12)
KEYS = KeyRing((Key(1, datetime(2020, 1, 1), ROTATION, bytes(range(32))), Key(2, ROTATION, None, bytes(range(1, 33)))))


@cache
def made_up(edition: Edition, seed: int = 1, visits: int = 2_000, institutions: int = 6) -> Batch:
    """A batch without errors, made once for all tests."""
    return generate(edition, visits, seed, AS_OF, institutions)


@cache
def made_up_with_keys(edition: Edition) -> Batch:
    """500 visits with genuine identifiers and signatures."""
    return generate(edition, 500, 3, AS_OF, 6, keys=KEYS)


def checked_with_keys(batch: Batch, original: Batch, keys: KeyRing = KEYS) -> Findings:
    """What the rules say with the keys; the register holds the institutions of ``original``."""
    codes = [original.visits[field] for field in ("A14", "M05", "M17") if field in original.visits.columns]
    return check(batch, Context(as_of=AS_OF, verifier=KeyVerifier(keys, pl.concat(codes))))


def checked(batch: Batch, as_of: datetime = AS_OF) -> Findings:
    """What the rules say of an upload at that moment."""
    return check(batch, Context(as_of=as_of))


def counts(findings: pl.DataFrame) -> list[tuple[str, str, int]]:
    """Findings by code and field, to be read in a failed assertion."""
    return findings.group_by("code", "field").len().sort("code", "field").rows()
