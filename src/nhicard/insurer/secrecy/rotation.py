"""Changing the key: a new version, then every payload under it, a few at a time, to be broken off and taken up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import BinaryField
from django.db.models.functions import Substr

from nhicard.insurer.audit import chain
from nhicard.insurer.intake.models import Payload
from nhicard.insurer.secrecy import envelope, payloads

_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Rotated:
    """Under which version everything is now, and how many payloads this run brought there."""

    version: int
    payloads: int


def add_key() -> int:
    """One more key, which nothing is sealed with until ``rotate``; its version.

    Where several machines serve, the file is copied to all of them in between. Raises WrongKey.
    """
    ring = payloads.writing_ring().with_another()
    ring.save(payloads.path())
    return max(ring.keys)


def rotate(now: datetime, told: Callable[[int], None] = lambda _: None) -> Rotated:
    """Bring every payload under the newest key; where all are, under a new one. Raises WrongKey, Tampered.

    A run that was broken off is finished by the next, which makes no further key. The services may run meanwhile.
    ``told`` hears how many payloads were brought over so far. Old keys stay in the file: backups need them.
    """
    ring = payloads.writing_ring()
    if max(ring.keys) == ring.current and not _others(envelope.head(ring), 0):
        add_key()
    newest = payloads.ring().with_newest_current()
    if newest != payloads.ring():
        newest.save(payloads.path())
    done = last = 0
    while batch := _others(envelope.head(newest), last):
        done += _reseal(batch)
        last = batch[-1]
        told(done)
    with transaction.atomic():
        chain.record(
            at=now,
            actor="secrecy",
            action="payloads.rotated",
            subject=f"key {newest.current}",
            facts={"version": newest.current, "payloads": done},
        )
    payloads.ring().without_plain().save(payloads.path())
    return Rotated(newest.current, done)


def counts() -> dict[str, int]:
    """How many payloads are under the current key, and how many under others or none."""
    current = payloads.beginning_with(envelope.head(payloads.writing_ring())).count()
    return {"current": current, "others": Payload.objects.count() - current}


def _others(head: bytes, after: int) -> list[int]:
    """The next payloads that do not begin so, by the submission's id."""
    cut = Substr("content", 1, len(head), output_field=BinaryField())
    rows = Payload.objects.alias(start=cut).filter(pk__gt=after).exclude(start=head).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:_AT_ONCE])


@transaction.atomic
def _reseal(batch: list[int]) -> int:
    chosen = list(Payload.objects.select_for_update().filter(pk__in=batch))
    for payload in chosen:
        payload.content = payloads.sealed(payloads.opened(bytes(payload.content), payload.pk), payload.pk)
    Payload.objects.bulk_update(chosen, ["content"])
    return len(chosen)
