"""The insurer's records for the rules on history (``nhicard.checks.history.History``): fetched, never judged here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import polars as pl
from django.db.models import F, Q, QuerySet

from nhicard.checks.history import ORDERS, REFILLS, STANDING, STORED
from nhicard.insurer.intake.models import EditionState, Order, Refill, Visit
from nhicard.insurer.registry.models import UploadAddress

_AT_ONCE: Final = 5000  # parameters of one query; SQLite takes 32,766
_VISIT_COLUMNS: Final = [name for name in STORED if name != "visit"]


class StoredHistory:
    """Reads the tables of the intake; one query a few thousand things that are looked for."""

    def visits(self, wanted: pl.DataFrame) -> pl.DataFrame:
        """Rows of ``STORED`` that a row of ``wanted`` speaks of, and perhaps some more."""
        at_moments = wanted.filter(pl.col("visit_time").is_not_null())
        persons = wanted.filter(pl.col("visit_time").is_null() & pl.col("patient_id").is_not_null())["patient_id"]
        identifiers = wanted["identifier"].drop_nulls().unique().to_list()
        conditions = [
            *(
                Q(patient_id__in=part["patient_id"].to_list(), visit_time__in=part["visit_time"].unique().to_list())
                for part in at_moments.iter_slices(_AT_ONCE)
            ),
            *(Q(patient_id__in=part) for part in _parts(persons.unique().to_list())),
            *(Q(identifier__in=part) for part in _parts(identifiers)),
            *(Q(actual_identifier__in=part) for part in _parts(identifiers)),
        ]
        rows = [
            row
            for condition in conditions
            for row in Visit.objects.filter(condition).values_list("id", *_VISIT_COLUMNS)
        ]
        return _frame(rows, STORED).unique("visit", maintain_order=True)

    def orders(self, visits: pl.Series) -> pl.DataFrame:
        """Rows of ``ORDERS`` of these visits."""
        frames = []
        for part in _parts(visits.to_list()):
            places = _frame(
                Visit.objects.filter(pk__in=part).values_list("id", "submission_id", "record"),
                {"visit": pl.Int64, "submission": pl.Int64, "record": pl.Int64},
            )
            stored: QuerySet[Order, Any] = Order.objects.filter(submission__in=places["submission"].unique().to_list())
            orders = _frame(
                stored.filter(record__in=places["record"].unique().to_list()).values_list(
                    "submission_id", "record", "code", "fields"
                ),
                {"submission": pl.Int64, "record": pl.Int64, "code": pl.String, "fields": pl.String},
            )
            frames.append(places.join(orders, on=["submission", "record"]))
        if not frames:
            return pl.DataFrame(schema=dict(ORDERS))
        allergy = [
            pl.col("fields").str.json_path_match(f"$.{name}").fill_null("").alias(name)
            for name in ORDERS
            if name not in ("visit", "code")
        ]
        return pl.concat(frames).select("visit", "code", *allergy)

    def refills(self, identifiers: pl.Series) -> pl.DataFrame:
        """Rows of ``REFILLS`` of the prescriptions issued under these identifiers."""
        names = list(REFILLS)
        rows = [
            row
            for part in _parts(identifiers.unique().to_list())
            for row in Refill.objects.filter(identifier__in=part).values_list(*names)
        ]
        frame = _frame(rows, REFILLS)
        nobody = [pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in _DISPENSED]
        return frame.with_columns(nobody)

    def standing(self, institutions: pl.Series) -> pl.DataFrame:
        """Rows of ``STANDING`` of the institutions that have one."""
        codes = institutions.unique().to_list()
        states = _frame(
            EditionState.objects.filter(institution__in=codes).values_list(
                "institution", "qualified_at", "switched_at"
            ),
            {name: STANDING[name] for name in ("institution", "qualified_at", "switched_at")},
        )
        addresses = _frame(
            UploadAddress.objects.filter(institution__code__in=codes)
            .annotate(code=F("institution__code"))
            .values_list("code", "network"),
            {"institution": pl.String, "addresses": pl.String},
        )
        grouped = addresses.group_by("institution").agg("addresses")
        return states.join(grouped, on="institution", how="full", coalesce=True).select(list(STANDING))


_DISPENSED: Final = ("dispensed_by", "dispensed_identifier")


def _parts(values: Sequence[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), _AT_ONCE):
        yield list(values[start : start + _AT_ONCE])


def _frame(rows: Any, schema: Any) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict(schema), orient="row")
