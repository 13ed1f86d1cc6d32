"""The uploaded visits that a claim file is compared with, fetched as columns (``checks.claims.VISITS``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from operator import or_
from typing import Any, Final

import polars as pl
from django.db import connection
from django.db.models import Case, Q, QuerySet, Value, When
from django.db.models.fields import BooleanField

from nhicard.checks.claims import VISITS
from nhicard.formats import rocdate
from nhicard.formats.claims import Claims
from nhicard.insurer.intake.models import Order, Visit, VisitState
from nhicard.insurer.many import one_of

_AT_ONCE: Final = 20_000
_VISIT: Final[Mapping[str, Any]] = {
    "id": pl.Int64,
    "identifier": pl.String,
    "person": pl.String,
    "institution": pl.String,
    "day": pl.Date,
    "original_identifier": pl.String,
    "late": pl.Boolean,
    "physician": pl.String,
    "is_precheck": pl.Boolean,
}
_COLUMNS: Final = (
    *("id", "identifier", "patient_id", "institution", "visit_date"),
    *("actual_identifier", "late", "staff_id", "is_precheck"),
)
#: A late card, as the visit's fields say it in either edition: JSON as ``intake`` writes it.
_LATE: Final = reduce(or_, (Q(fields__contains=f'"{field}":"{value}"') for field in ("M12", "A19") for value in "234"))


def reported(claims: Claims, institution: str) -> pl.DataFrame:
    """Visits in force, pre-checks of 2.0 included, in the schema ``VISITS``.

    Those of the institution within the days of the claim, and wherever they are those whose identifiers the claim
    names. Three queries, however many cases there are.
    """
    first, last = _days(claims)
    own = _own(institution, first, last)
    found = fetched(_told(own), _VISIT)
    elsewhere = _identifiers(claims).filter(~pl.col("identifier").is_in(found["identifier"].implode()))
    more = [
        fetched(_told(Visit.objects.filter(~Q(identifier=""), Q(one_of(part)), state=VisitState.ACCEPTED)), _VISIT)
        for part in elsewhere.iter_slices(_AT_ONCE)
        if part.height
    ]
    codes = _codes(institution, first, last)
    return (
        pl.concat([found, *more])
        .sort("is_precheck", descending=True, maintain_order=True)  # what is for real is looked at last, and counts
        .join(codes, on="id", how="left", maintain_order="left")
        .with_columns(_blank_as_null(name) for name in ("identifier", "person", "original_identifier", "physician"))
        .select(pl.col(name).cast(dtype) for name, dtype in VISITS.items())
    )


def _days(claims: Claims) -> tuple[date, date]:
    """First and last day that a case of the claim speaks of; an empty span where none tells any."""
    roles = claims.table.roles
    names = [roles[role] for role in ("visit_day", "end_day", "discharge_day") if role in roles]
    days = claims.cases.select(rocdate.as_date(pl.col(name)) for name in names)
    ends = days.select(first=pl.min_horizontal(pl.all().min()), last=pl.max_horizontal(pl.all().max()))
    first, last = ends.row(0)
    return (first, last) if first else (date.max, date.min)


def _own(institution: str, first: date, last: date) -> QuerySet[Visit]:
    return Visit.objects.filter(institution=institution, visit_date__range=(first, last), state=VisitState.ACCEPTED)


def _told(visits: QuerySet[Visit]) -> QuerySet[Visit, Any]:
    late = Case(When(_LATE, then=Value(True)), default=Value(False), output_field=BooleanField())
    return visits.annotate(late=late).order_by("pk").values_list(*_COLUMNS)


def _identifiers(claims: Claims) -> pl.DataFrame:
    """The identifiers that the claim's cases name."""
    element = claims.table.roles.get("identifier")
    if element is None:
        return pl.DataFrame(schema={"identifier": pl.String})
    return claims.cases.select(identifier=pl.col(element).str.strip_chars()).drop_nulls().unique()


def _codes(institution: str, first: date, last: date) -> pl.DataFrame:
    """The item codes reported with the institution's visits: ``id orders``."""
    visit, order = (connection.ops.quote_name(model._meta.db_table) for model in (Visit, Order))
    statement = (
        f"SELECT v.id, o.code FROM {visit} v JOIN {order} o ON o.submission_id = v.submission_id "  # noqa: S608  # names of our own models
        "AND o.record = v.record WHERE v.institution = %s AND v.visit_date BETWEEN %s AND %s AND v.state = %s"
    )
    asked = [institution, first.isoformat(), last.isoformat(), str(VisitState.ACCEPTED)]
    rows = _rows(statement, asked, {"id": pl.Int64, "code": pl.String})
    return rows.filter(pl.col("code") != "").group_by("id").agg(orders=pl.col("code").unique())


def fetched(query: QuerySet[Any, Any], schema: Mapping[str, Any]) -> pl.DataFrame:
    """What a query's ``values_list`` gives, as columns of these names and types."""
    statement, parameters = query.query.sql_with_params()
    return _rows(statement, parameters, schema)


def _rows(statement: str, parameters: Sequence[Any], schema: Mapping[str, Any]) -> pl.DataFrame:
    """A query's rows as columns: COPY on PostgreSQL, without a Python object for each value."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with (
                connection.wrap_database_errors,
                cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT csv, NULL '\\N')", parameters) as copy,
            ):
                content = b"".join(copy)
            return _read(content, schema)
        cursor.execute(statement, parameters)
        rows = pl.DataFrame(cursor.fetchall(), schema=list(schema), orient="row", infer_schema_length=None)
    return rows.select(_typed(name, dtype, rows.schema[name]) for name, dtype in schema.items())


def _read(content: bytes, schema: Mapping[str, Any]) -> pl.DataFrame:
    if not content:
        return pl.DataFrame(schema=dict(schema))
    texts = {name: pl.String if dtype == pl.Boolean else dtype for name, dtype in schema.items()}
    rows = pl.read_csv(content, has_header=False, schema=texts, null_values="\\N", empty_string_is_null=False)
    return rows.with_columns(pl.col(name) == "t" for name, dtype in schema.items() if dtype == pl.Boolean)


def _typed(name: str, dtype: Any, got: Any) -> pl.Expr:
    """SQLite keeps days as text and truths as numbers."""
    value = pl.col(name)
    if dtype == pl.Date and got == pl.String:
        return value.str.to_date("%Y-%m-%d")
    return value.cast(dtype)


def _blank_as_null(name: str) -> pl.Expr:
    return pl.when(pl.col(name) != "").then(pl.col(name)).alias(name)
