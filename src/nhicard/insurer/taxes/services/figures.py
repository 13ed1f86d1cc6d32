"""What a document says: payments of a year added up by month."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import date
from typing import Any

from nhicard.formats import rocdate
from nhicard.insurer.taxes.models import Payment
from nhicard.insurer.taxes.tables import DocumentKind

Figures = dict[str, Any]


def figures(payments: Iterable[Payment], kind: DocumentKind, year: int) -> Figures:
    """``{"rows": [{"month": "11401", measure: sum …}], "total": {measure: sum}}``; a row a month with payments."""
    sums: dict[str, dict[str, int]] = {}
    for payment in payments:
        if roc_year(getattr(payment, kind.year_of)) == year:
            row = sums.setdefault(month(getattr(payment, kind.row_of)), dict.fromkeys(kind.measures, 0))
            for measure in kind.measures:
                row[measure] += _value(payment, measure)
    rows = [{"month": each, **sums[each]} for each in sorted(sums)]
    return {"rows": rows, "total": {name: sum(row[name] for row in sums.values()) for name in kind.measures}}


def digest(names: Iterable[str], told: Figures) -> str:
    """SHA-256, in hexadecimal, of what a document shows."""
    return hashlib.sha256(json.dumps([*names, told], ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def roc_year(day: date) -> int:
    """The ROC year of a day."""
    return day.year - rocdate.YEAR_BEFORE_FIRST


def month(day: date) -> str:
    """``yyyMM``."""
    return rocdate.format_date(day)[:5]


def _value(payment: Payment, measure: str) -> int:
    value: int = payment.paid - payment.withheld if measure == "net" else getattr(payment, measure)
    return value
