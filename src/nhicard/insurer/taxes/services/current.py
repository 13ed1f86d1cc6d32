"""Which versions count: the newest, or the newest that was loaded by the end of a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet

from nhicard.insurer.registry.models import Institution
from nhicard.insurer.taxes.models import Document, Owner, Payment

#: What tells one payment, or one owner's period, from another, besides the institution.
KEYS: Final[Mapping[str, tuple[str, ...]]] = {"payments": ("fee_month", "kind", "number"), "owners": ("valid_from",)}
_FILES: Final[Mapping[Any, str]] = {Payment: "payments", Owner: "owners"}
_AT_ONCE: Final = 1000


def key(file: str, values: Mapping[str, Any]) -> tuple[Any, ...]:
    """The key of a row of a file; ``institution`` is its code."""
    return (values["institution"], *(values[field] for field in KEYS[file]))


def by_key(model: Any, institutions: Iterable[Institution]) -> dict[tuple[Any, ...], Any]:
    """The newest versions of these institutions' rows."""
    numbers, found = [each.pk for each in institutions], {}
    for at in range(0, len(numbers), _AT_ONCE):
        rows = _newest(model, model.objects.filter(institution__in=numbers[at : at + _AT_ONCE]), None)
        for each in rows.select_related("institution"):
            told = {field: getattr(each, field) for field in KEYS[_FILES[model]]}
            found[key(_FILES[model], told | {"institution": each.institution.code})] = each
    return found


def payments(as_of: date) -> QuerySet[Any]:
    """Payments as loaded by the end of the day."""
    return _newest(Payment, Payment.objects.all(), as_of)


def owners(as_of: date) -> QuerySet[Any]:
    """Owners as loaded by the end of the day."""
    return _newest(Owner, Owner.objects.all(), as_of)


def documents() -> QuerySet[Any]:
    """The newest version of each document."""
    newer = Document.objects.filter(
        institution=OuterRef("institution"),
        owner_id_no=OuterRef("owner_id_no"),
        year=OuterRef("year"),
        kind=OuterRef("kind"),
        version__gt=OuterRef("version"),
    )
    found: QuerySet[Any] = Document.objects.filter(~Exists(newer))
    return found


def _newest(model: Any, rows: QuerySet[Any], as_of: date | None) -> QuerySet[Any]:
    same = {field: OuterRef(field) for field in ("institution", *KEYS[_FILES[model]])}
    newer = model.objects.filter(**same, version__gt=OuterRef("version"))
    if as_of is not None:
        end = datetime.combine(as_of + timedelta(days=1), time())
        rows, newer = rows.filter(load__loaded_at__lt=end), newer.filter(load__loaded_at__lt=end)
    found: QuerySet[Any] = rows.filter(~Exists(newer))
    return found
