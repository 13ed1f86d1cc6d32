"""What the rules look at, read from the uploads: real records in force, few columns, few rows."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, Final

import polars as pl
from django.db.models import Q, QuerySet

from nhicard.formats import rocdate
from nhicard.insurer.followup.limits import GeneTest
from nhicard.insurer.followup.models import Birth, BirthList
from nhicard.insurer.followup.rules import gene_test, newborn
from nhicard.insurer.intake.models import Order, Visit, VisitState
from nhicard.insurer.many import one_of

_AT_ONCE: Final = 5000
#: Mark, birth and count of an edition's record.
_NEWBORN: Final = {"1.0": ("A24", "A20", "A21"), "2.0": ("M10", "M08", "M09")}


def in_force(since: date, as_of: date) -> QuerySet[Visit]:
    """Real records in force of visits on these days, received by the end of the last."""
    end = datetime.combine(as_of, time.max)
    return Visit.objects.filter(
        state=VisitState.ACCEPTED,
        is_precheck=False,
        visit_date__gte=since,
        visit_date__lte=as_of,
        received_at__lte=end,
    )


def newborn_visits(since: date, as_of: date) -> pl.DataFrame:
    """Visits with a newborn mark: columns of ``newborn.VISITS``."""
    has_mark = Q(fields__contains='"A24":"') | Q(fields__contains='"M10":"')
    rows = in_force(since, as_of).filter(has_mark).values_list("pk", "edition", "patient_id", "visit_date", "fields")
    names = ("visit", "edition", "patient", "visit_date")
    schema: dict[str, Any] = {name: newborn.VISITS[name] for name in names} | {"fields": pl.String}
    found = pl.DataFrame(list(rows.iterator(chunk_size=_AT_ONCE)), schema=schema, orient="row")
    mark, birth, count = (_of_edition(place) for place in range(3))
    told = found.with_columns(mark=mark, birth=rocdate.as_date(birth), count=count.cast(pl.Int64, strict=False))
    return told.filter(pl.col("mark") != "").select(list(newborn.VISITS))


def _of_edition(place: int) -> pl.Expr:
    old, new = (pl.col("fields").str.json_path_match(f"$.{fields[place]}") for fields in _NEWBORN.values())
    return pl.when(pl.col("edition") == "1.0").then(old).otherwise(new).fill_null("").str.strip_chars()


def births(of_list: BirthList) -> pl.DataFrame:
    """The list's children: columns of ``newborn.BIRTHS``."""
    rows = Birth.objects.filter(of_list=of_list).values_list(*newborn.BIRTHS)
    return pl.DataFrame(list(rows.iterator(chunk_size=_AT_ONCE)), schema=dict(newborn.BIRTHS), orient="row")


def gene_tests(since: date, as_of: date, limits: GeneTest) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Visits of the people for whom the test was ordered, and the orders in them that order or report it."""
    begins = datetime.combine(since, time.min)
    tested = Order.objects.filter(submission__received_at__gte=begins, code=limits.code)
    places = _frame(tested.values_list("submission_id", "record"), {"submission_id": pl.Int64, "record": pl.Int64})
    people = _frame(
        (
            row
            for part in _parts(places)
            for row in in_force(since, as_of).filter(one_of(part)).values_list("patient_id").iterator()
        ),
        {"patient_id": pl.String},
    )
    names = ("pk", "submission_id", "record", "edition", "patient_id", "visit_date")
    visits = _frame(
        (row for part in _parts(people) for row in in_force(since, as_of).filter(one_of(part)).values_list(*names)),
        gene_test.VISITS,
    )
    wanted = Q(code=limits.code) | Q(fields__contains='"A81":"') | Q(fields__contains='"E13":"')
    of_visits = visits.select("record", submission_id="submission")
    orders = _frame(
        (
            row
            for part in _parts(of_visits)
            for row in Order.objects.filter(one_of(part))
            .filter(wanted)
            .values_list("submission_id", "record", "code", "fields")
        ),
        gene_test.ORDERS,
    )
    return visits, orders


def _parts(values: pl.DataFrame) -> Any:
    yield from values.unique(maintain_order=True).iter_slices(_AT_ONCE)


def _frame(rows: Any, schema: Any) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict(schema), orient="row")
