"""What a check knows besides the file: the moment, the uploader, the reference lists, the assumptions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from nhicard.checks.history import History
from nhicard.checks.reference import References, shipped
from nhicard.checks.verification import Verifier
from nhicard.formats import assumptions, rocdate
from nhicard.formats.assumptions import Assumptions


@cache
def _default_assumptions() -> Assumptions:
    return assumptions.load()


@dataclass(frozen=True, slots=True)
class Context:
    """``as_of``: the moment of upload, naive Taipei time. ``institution``: the code that belongs to the
    uploading SAM, None if unknown (rule 07 is then off). ``references``: the loaded lists. ``verifier``: who opens
    identifiers and verifies signatures, None without the insurer's keys (rules on them are then off). ``history``: the
    insurer's records, None for everybody else (the same). ``is_precheck``: whether the upload is a pre-check;
    ``sender``: the IP address that it came from, None if unknown."""

    as_of: datetime = field(default_factory=rocdate.now)
    institution: str | None = None
    references: References = field(default_factory=shipped)
    assumptions: Assumptions = field(default_factory=_default_assumptions)
    verifier: Verifier | None = None
    history: History | None = None
    is_precheck: bool = False
    sender: str | None = None
