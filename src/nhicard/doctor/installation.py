"""What is examined: one installation at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True, slots=True)
class Installation:
    """``home``: folder of the insurer's services; ``now``: naive Taipei time; ``database``: Django's default
    connection.
    """

    home: Path
    now: datetime
    database: BaseDatabaseWrapper
