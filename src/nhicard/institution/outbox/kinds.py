"""The kinds of upload an institution makes, and which of them are due when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from nhicard.formats.tables import Edition

Way = Literal["web", "vpn"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind (sType). ``must``: it is the one that has to be accepted within 24 hours."""

    code: str
    edition: Edition
    is_precheck: bool
    way: Way
    must: bool
    zh: str
    en: str


REAL10: Final = Kind("B1", "1.0", False, "vpn", True, "1.0 正式上傳", "1.0 for real")
PRECHECK20: Final = Kind("A2", "2.0", True, "web", False, "2.0 預檢", "2.0 pre-check")
REAL20: Final = Kind("A1", "2.0", False, "web", True, "2.0 正式上傳", "2.0 for real")
KINDS: Final = {kind.code: kind for kind in (REAL10, PRECHECK20, REAL20)}


def kinds_on(now: datetime, switched_at: datetime | None) -> tuple[Kind, ...]:
    """What is to be uploaded: both editions before the switch, 2.0 for real from then on."""
    return (REAL20,) if switched_at and now >= switched_at else (REAL10, PRECHECK20)
