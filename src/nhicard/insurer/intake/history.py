"""The insurer's records for the rules on history (``nhicard.checks.history.History``): fetched, never judged here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import polars as pl
from django.db.models import F, Q

from nhicard.checks.history import ORDERS, REFILLS, STANDING, STORED
from nhicard.insurer.intake.models import EditionState, Order, Refill, Visit
from nhicard.insurer.many import one_of
from nhicard.insurer.registry.models import UploadAddress

_AT_ONCE: Final = 20_000  # things looked for by one query
_VISIT_COLUMNS: Final = [name for name in STORED if name != "visit"]


class StoredHistory:
    """Reads the tables of the intake; one query for thousands of things that are looked for."""

    def visits(self, wanted: pl.DataFrame) -> pl.DataFrame:
        """Rows of ``STORED`` that a row of ``wanted`` speaks of, and perhaps some more."""
        at_moments = wanted.filter(pl.col("visit_time").is_not_null()).select("patient_id", "visit_time")
        persons = wanted.filter(pl.col("visit_time").is_null())["patient_id"].drop_nulls()
        identifiers = wanted["identifier"].drop_nulls()
        frames = [
            *(self._visits(Q(one_of(part))) for part in _parts(at_moments)),
            *(self._visits(Q(one_of(part))) for part in _parts(persons.to_frame())),
            # the indexes leave out records that have no identifier; said here, or they could not be used
            *(self._visits(~Q(identifier="") & Q(one_of(part))) for part in _parts(identifiers.to_frame())),
            *(
                self._visits(~Q(actual_identifier="") & Q(one_of(part)))
                for part in _parts(identifiers.to_frame("actual_identifier"))
            ),
        ]
        return pl.concat([_frame([], STORED), *frames]).unique("visit", maintain_order=True)

    def _visits(self, condition: Q) -> pl.DataFrame:
        return _frame(Visit.objects.filter(condition).values_list("id", *_VISIT_COLUMNS), STORED)

    def orders(self, visits: pl.Series) -> pl.DataFrame:
        """Rows of ``ORDERS`` of these visits."""
        frames = []
        for part in _parts(visits.to_frame("id")):
            places = _frame(
                Visit.objects.filter(one_of(part)).values_list("id", "submission_id", "record"),
                {"visit": pl.Int64, "submission": pl.Int64, "record": pl.Int64},
            )
            of_visits = places.select(submission_id="submission", record="record")
            orders = _frame(
                Order.objects.filter(one_of(of_visits)).values_list("submission_id", "record", "code", "fields"),
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
            for part in _parts(identifiers.to_frame("identifier"))
            for row in Refill.objects.filter(one_of(part)).values_list(*names)
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


def _parts(values: pl.DataFrame) -> Iterator[pl.DataFrame]:
    yield from values.unique(maintain_order=True).iter_slices(_AT_ONCE)


def _frame(rows: Any, schema: Any) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict(schema), orient="row")
