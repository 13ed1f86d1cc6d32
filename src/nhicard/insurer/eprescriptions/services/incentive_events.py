"""What the incentive engine learns from here: pharmacies that uploaded dispensing sheets by the API."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, Final

import polars as pl

from nhicard.insurer.eprescriptions.models import Dispensing
from nhicard.insurer.registry.models import Kind

KIND: Final = "e_prescription_uploaded"
SCHEMA: Final[dict[str, Any]] = {
    "institution": pl.String,
    "kind": pl.String,
    "happened_on": pl.Date,
    "recorded_at": pl.Datetime("us"),
    "detail": pl.String,
    "evidence": pl.String,
}


def events(as_of: datetime, institutions: Collection[str] | None = None) -> pl.DataFrame:
    """A row a pharmacy and day on which it uploaded; columns of ``SCHEMA``, oldest first.

    A sheet is only taken with an access token, so an upload shows that the pharmacy is connected. ``evidence``: the
    day's first sheet.
    """
    found = Dispensing.objects.filter(recorded_at__lte=as_of, institution__kind=Kind.PHARMACY)
    if institutions is not None:
        found = found.filter(institution__code__in=list(institutions))
    first: dict[tuple[str, date], tuple[datetime, str]] = {}
    for code, at, key in found.order_by("recorded_at", "pk").values_list("institution__code", "recorded_at", "key"):
        first.setdefault((code, at.date()), (at, f"dispensing {key}"))
    rows = [(code, KIND, on, at, "", evidence) for (code, on), (at, evidence) in first.items()]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
