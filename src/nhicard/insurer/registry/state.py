"""What tells that registers changed: one row, renewed in the transaction of every change.

Caches compare the mark, not the number: a number comes back after a rollback or a restored backup, a mark never does.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.db.models import F

from nhicard.insurer.registry.models import RegistryState

_ONLY: Final = 1


@dataclass(frozen=True, slots=True)
class Stamp:
    """A state of the registers; equal stamps mean equal registers."""

    version: int
    mark: str


UNTOUCHED: Final = Stamp(0, "")


def stamp() -> Stamp:
    """The present state. Take it before reading registers: what is read is then at least as new."""
    row = RegistryState.objects.filter(pk=_ONLY).values_list("version", "mark").first()
    return Stamp(*row) if row else UNTOUCHED


def lock() -> None:
    """Let nobody else change registers until the caller's transaction ends."""
    first = RegistryState(pk=_ONLY, version=UNTOUCHED.version, mark=UNTOUCHED.mark)
    RegistryState.objects.bulk_create([first], ignore_conflicts=True)
    RegistryState.objects.select_for_update().get(pk=_ONLY)


@transaction.atomic
def bump() -> None:
    """Say that registers change, within the caller's transaction."""
    lock()
    RegistryState.objects.filter(pk=_ONLY).update(version=F("version") + 1, mark=uuid.uuid4().hex)


def changed(**_: Any) -> None:
    """The same, as a receiver of the signals of single rows."""
    bump()
