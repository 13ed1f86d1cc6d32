"""Where records lie that are looked for without their month: what ``InForce`` and ``Trace`` say of visits, and ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl
from django.db.models import Q

from nhicard.insurer.intake.models import InForce, Trace, Visit
from nhicard.insurer.many import one_of

#: What a visit's moment is called among the traces; PostgreSQL's SQL says the same in ``counting``.
MOMENT: Final = pl.concat_str("patient_id", "visit_time", separator=" ")
_AT_ONCE: Final = 20_000  # things looked for by one query


def traces(visits: pl.DataFrame) -> pl.DataFrame:
    """``value visit_month`` of all that these visits may be looked for by."""
    moment = pl.when((pl.col("patient_id") != "") & (pl.col("visit_time") != "")).then(MOMENT)
    values = (moment, pl.col("identifier"), pl.col("actual_identifier"))
    told = pl.concat(visits.select(value.alias("value"), "visit_month") for value in values)
    return told.filter(pl.col("value") != "").unique(maintain_order=True)


def places(wanted: pl.DataFrame, value: pl.Expr) -> Iterator[Q]:
    """Conditions for visits that have a row of ``wanted`` in its columns, month by month in which there may be some.

    ``value``: of a row of ``wanted``, as the traces have it.
    """
    rows = wanted.unique(maintain_order=True).with_columns(value.alias("_value"))
    for part in rows.iter_slices(_AT_ONCE):
        asked = Trace.objects.filter(one_of(part.select(value="_value"))).values_list("value", "visit_month")
        known = pl.DataFrame(list(asked), schema={"_value": pl.String, "visit_month": pl.Date}, orient="row")
        for (month,), of_month in part.join(known.unique(), on="_value").group_by("visit_month"):
            yield Q(one_of(of_month.select(wanted.columns)), visit_month=month)


def put_down(visit: Visit) -> None:
    """What is to be known of a visit in force that was made without the worker."""
    InForce.objects.create(
        key=visit.key, submission=visit.submission, record=visit.record, visit_month=visit.visit_month
    )
    names = ("patient_id", "visit_time", "identifier", "actual_identifier", "visit_month")
    told = traces(pl.DataFrame([{name: getattr(visit, name) for name in names}]))
    Trace.objects.bulk_create(Trace(**row) for row in told.iter_rows(named=True))
