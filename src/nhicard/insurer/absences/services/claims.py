"""Claim files, as far as days and people go: what is compared with absences, and what detectors look at."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Final

import polars as pl
from django.db import transaction
from django.db.models import Q

from nhicard.formats import rocdate
from nhicard.formats.claims import Claims, read
from nhicard.insurer.absences.models import Claim, ClaimFile
from nhicard.insurer.absences.services.lists import BadList
from nhicard.insurer.audit import chain
from nhicard.insurer.intake.services import bulk

#: Roles (or elements) of the first and the last day of a case, the first that is sent: a long stay is claimed in parts.
_DAYS: Final = {
    "outpatient": (("visit_day",), ("end_day", "visit_day")),
    "inpatient": (("d12", "visit_day"), ("end_day", "discharge_day", "visit_day")),
}
_INSTITUTION: Final = 10  # characters of a code
_WIDTHS: Final = {"category": 2, "serial": 6, "person": 10, "physician": 10}


def rows_of(claims: Claims) -> pl.DataFrame:
    """``category serial person physician first_day last_day``, a row a case, empty where nothing usable was sent."""
    roles = claims.table.roles
    first, last = (
        pl.coalesce(rocdate.as_date(pl.col(roles.get(name, name)).str.strip_chars()) for name in each)
        for each in _DAYS[claims.kind]
    )
    texts = {
        "category": pl.col("d1"),
        "serial": pl.col("d2"),
        "person": pl.col(roles["person"]),
        "physician": pl.col(roles["physician"]),
    }
    return claims.cases.select(
        *(each.fill_null("").str.strip_chars().str.head(_WIDTHS[name]).alias(name) for name, each in texts.items()),
        first_day=first,
        last_day=last,
    )


@transaction.atomic
def load(content: bytes, now: datetime) -> ClaimFile | None:
    """Keep a claim file in place of an earlier one of the same institution, kind and month; None for a pharmacy's.

    A pharmacy treats nobody. Raises BadList for a file that names no institution or month, UnusableInput for no XML.
    """
    claims = read(content)
    if claims.kind not in _DAYS:
        return None
    totals = claims.totals.select(
        institution=pl.col("t2").fill_null("").str.strip_chars(),
        month=rocdate.as_month(pl.col("t3").str.strip_chars()),
        submission=pl.col("t5").fill_null("1").str.strip_chars().str.head(1),
    )
    place: dict[str, Any] = totals.row(0, named=True) | {"kind": claims.kind}
    if len(place["institution"]) != _INSTITUTION or place["month"] is None:
        raise BadList("申報檔沒有院所代碼或費用年月。", "The claim file names no institution or month.")
    digest = hashlib.sha256(content).hexdigest()
    before = ClaimFile.objects.filter(**place).first()
    if before and before.digest == digest:
        return before
    if before:
        before.delete()
    rows = rows_of(claims)
    made = ClaimFile.objects.create(**place, loaded_at=now, digest=digest, cases=rows.height)
    bulk.insert(Claim, rows.with_columns(of_file_id=pl.lit(made.pk, pl.Int64)))
    chain.record(
        at=now,
        actor="absences claims",
        action="claims.loaded",
        subject=f"claim file {made.pk}",
        institution=made.institution,
        facts={"kind": made.kind, "month": f"{made.month:%Y-%m}", "cases": made.cases},
    )
    return made


_FRAME: Final = {
    "claim": pl.Int64,
    "institution": pl.String,
    "kind": pl.String,
    "month": pl.Date,
    "category": pl.String,
    "serial": pl.String,
    "person": pl.String,
    "physician": pl.String,
    "first_day": pl.Date,
    "last_day": pl.Date,
}


def frame(wanted: Q) -> pl.DataFrame:
    """Claims as a frame: ``claim`` (number), ``institution kind month category serial person physician`` and days.

    ``reference`` names the claim for good, also when its file is replaced: kind, month, 案件分類 and 流水號.
    """
    found = Claim.objects.filter(wanted).values_list(
        *("pk", "of_file__institution", "of_file__kind", "of_file__month", "category", "serial", "person"),
        *("physician", "first_day", "last_day"),
    )
    told = pl.DataFrame(list(found.iterator(chunk_size=5000)), schema=dict(_FRAME), orient="row")
    place = (pl.col("kind"), pl.col("month").dt.strftime("%Y-%m"), pl.col("category"), pl.col("serial"))
    return told.with_columns(reference=pl.concat_str(*place, separator=" "))
