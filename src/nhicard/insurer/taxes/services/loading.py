"""Loading payments and owners: whole files or nothing; what changed is a new version, what did not is left alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any, Final

from django.db import transaction

from nhicard.insurer.audit import chain
from nhicard.insurer.registry.models import Institution
from nhicard.insurer.taxes.models import Load, Owner, Payment
from nhicard.insurer.taxes.services import current
from nhicard.insurer.taxes.services.files import Fault, Row, fault, read
from nhicard.insurer.taxes.tables import columns, kinds

JOB: Final = "nhicard taxes load"
_MODELS: Final[Mapping[str, Any]] = {"payments": Payment, "owners": Owner}
_AT_ONCE: Final = 1000


class Unusable(Exception):
    """Lines cannot be used, so nothing was loaded."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = sorted(faults, key=lambda each: (each.line, each.column))


@dataclass(frozen=True, slots=True)
class Loaded:
    """Numbers of rows: new, changed (a new version) and as they were."""

    new: int
    changed: int
    unchanged: int


@transaction.atomic
def load(file: str, name: str, content: bytes, now: datetime, actor: str = JOB) -> Loaded:
    """Load a ``payments`` or ``owners`` file. Raises Unusable with every fault; then nothing is loaded."""
    rows, faults = read(file, content)
    institutions = _locked({row.values["institution"] for row in rows})
    known = current.by_key(_MODELS[file], institutions.values())
    faults += _CHECKS[file](rows, institutions, known, now.date())
    if faults:
        raise Unusable(faults)
    fields = [column.field for column in columns(file) if column.field != "institution"]
    new: list[Any] = []
    for row in rows:
        facts = {field: row.values[field] for field in fields}
        facts["institution"] = institutions[row.values["institution"]]
        before = known.get(current.key(file, row.values))
        if before is None or any(getattr(before, field) != facts[field] for field in fields):
            new.append(_MODELS[file](**facts, version=before.version + 1 if before else 1))
    changed = sum(each.version > 1 for each in new)
    if new:
        made = Load(
            file=file,
            name=name[-200:],
            sha256=hashlib.sha256(content).hexdigest(),
            loaded_at=now,
            loaded_by=actor,
        )
        made.save()
        for each in new:
            each.load = made
        _MODELS[file].objects.bulk_create(new, batch_size=_AT_ONCE)
        facts = {"file": file, "sha256": made.sha256, "new": len(new) - changed, "changed": changed}
        chain.record(at=now, actor=actor, action="taxes.loaded", subject=f"taxes load {made.pk}", facts=facts)
    return Loaded(len(new) - changed, changed, len(rows) - len(new))


def _locked(codes: set[str]) -> dict[str, Institution]:
    """The institutions, so that two loads of the same rows wait for each other."""
    ordered = sorted(codes)
    found: dict[str, Institution] = {}
    for at in range(0, len(ordered), _AT_ONCE):
        part = Institution.objects.select_for_update().filter(code__in=ordered[at : at + _AT_ONCE])
        found |= {each.code: each for each in part.order_by("code")}
    return found


def _payment_faults(
    rows: Sequence[Row], institutions: Mapping[str, Institution], known: Mapping[Any, Any], today: date
) -> list[Fault]:
    found = [*_common("payments", rows, institutions)]
    for row in rows:
        found += [fault(row, "payments", field, remedy) for field, remedy in _broken(row.values, today)]
    return found


def _broken(paid: Mapping[str, Any], today: date) -> Iterator[tuple[str, str]]:
    """Fields of a payment that do not agree with others, each with its remedy."""
    parts = ("consultation", "drugs", "dispensing", "treatment")
    if sum(paid[part] for part in parts) != paid["total"]:
        yield "total", "sum_total"
    if paid["total"] - paid["copayment"] != paid["claimed"]:
        yield "claimed", "sum_claimed"
    if not kinds()[paid["kind"]].may_be_negative:
        amounts = [column.field for column in columns("payments") if column.form == "amount"]
        yield from ((field, "negative") for field in amounts if paid[field] < 0)
    if abs(paid["withheld"]) > abs(paid["paid"]) or paid["withheld"] * paid["paid"] < 0:
        yield "withheld", "withheld"
    if paid["paid_on"] < paid["fee_month"]:
        yield "paid_on", "paid_before"
    if paid["paid_on"] > today:
        yield "paid_on", "paid_later"


def _owner_faults(
    rows: Sequence[Row], institutions: Mapping[str, Institution], known: Mapping[Any, Any], today: date
) -> list[Fault]:
    found = [*_common("owners", rows, institutions)]
    for row in rows:
        owner = row.values
        if owner["birthday"] >= min(owner["valid_from"], today):
            found.append(fault(row, "owners", "birthday", "birthday_late"))
        if owner["valid_until"] and owner["valid_until"] < owner["valid_from"]:
            found.append(fault(row, "owners", "valid_until", "period"))
    return found + _overlaps(rows, known)


def _overlaps(rows: Sequence[Row], known: Mapping[Any, Any]) -> list[Fault]:
    """Rows whose period begins before another of the institution ends, what was loaded before included."""
    periods: dict[tuple[str, date], tuple[date | None, Row | None]] = {
        (each.institution.code, each.valid_from): (each.valid_until, None) for each in known.values()
    }
    for row in rows:
        periods[row.values["institution"], row.values["valid_from"]] = (row.values["valid_until"], row)
    found = []
    for one, two in pairwise(sorted(periods)):
        until, earlier = periods[one]
        loaded = periods[two][1] or earlier
        if loaded and one[0] == two[0] and (until is None or until >= two[1]):
            found.append(fault(loaded, "owners", "valid_from", "overlap"))
    return found


def _common(file: str, rows: Sequence[Row], institutions: Mapping[str, Institution]) -> Iterator[Fault]:
    seen: set[Any] = set()
    last = "number" if file == "payments" else "valid_from"
    for row in rows:
        if row.values["institution"] not in institutions:
            yield fault(row, file, "institution", "institution_unknown")
        if (told := current.key(file, row.values)) in seen:
            yield fault(row, file, last, "twice")
        seen.add(told)


_CHECKS: Final[Mapping[str, Callable[..., list[Fault]]]] = {"payments": _payment_faults, "owners": _owner_faults}
