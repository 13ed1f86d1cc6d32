"""What the incentive engine learns from here: the images that were verified."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import polars as pl
from django.db.models import OuterRef, Subquery

from nhicard.insurer.prescriptions.models import Judgement, Outcome, QrImage
from nhicard.prescriptions import Prescription
from nhicard.prescriptions.tables import kinds

KIND: Final = "qr_image_verified"
SCHEMA: Final[dict[str, Any]] = {
    "institution": pl.String,
    "kind": pl.String,
    "happened_on": pl.Date,
    "recorded_at": pl.Datetime("us"),
    "detail": pl.String,
    "evidence": pl.String,
}


def events(as_of: datetime) -> pl.DataFrame:
    """A row an image that counts as verified at the moment; columns of ``SCHEMA``, oldest first.

    ``happened_on``: the day of the upload; ``recorded_at``: when it was verified or confirmed; ``evidence``: the image.
    """
    known = Judgement.objects.filter(image=OuterRef("pk"), as_of__lte=as_of).order_by("-number")
    found = (
        QrImage.objects.filter(recorded_at__lte=as_of)
        .annotate(outcome=Subquery(known.values("outcome")[:1]), verified_at=Subquery(known.values("as_of")[:1]))
        .filter(outcome=Outcome.VERIFIED)
        .order_by("verified_at", "pk")
        .values_list("institution__code", "recorded_at", "verified_at", "text", "pk")
    )
    rows = [
        (code, KIND, recorded_at.date(), verified_at, _detail(text), f"qr-image {pk}")
        for code, recorded_at, verified_at, text, pk in found
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _detail(text: str) -> str:
    """Kind and day of the prescription, nothing of the patient."""
    prescription = Prescription.of_text(text)
    return f"{kinds()[prescription.header['kind']].zh} {prescription.visit_date.isoformat()}"
