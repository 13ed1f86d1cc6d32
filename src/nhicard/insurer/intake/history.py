"""The insurer's records for the rules on history (``nhicard.checks.history.History``): fetched, never judged here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import polars as pl
from django.db.models import F, Q

from nhicard.checks.history import ORDERS, REFILLS, STANDING, STORED
from nhicard.insurer.intake.models import EditionState, InForce, Order, Refill, Visit, VisitState
from nhicard.insurer.intake.tracing import MOMENT, places
from nhicard.insurer.many import one_of
from nhicard.insurer.partitions.models import archived_months
from nhicard.insurer.registry.models import UploadAddress

_AT_ONCE: Final = 20_000  # things looked for by one query
_IDENTIFIERS: Final = ("identifier", "actual_identifier")
_VISIT_COLUMNS: Final = [name for name in STORED if name != "visit"]
#: Where a visit's orders lie; none of it ever changes.
_PLACE: Final = {"submission_id": pl.Int64, "record": pl.Int64, "visit_month": pl.Date}
#: A01 and H01 of a record that is neither a correction nor an instruction.
_USUAL: Final = {"1.0": "1", "2.0": "A"}
_FETCHED: Final = {**STORED, **_PLACE}


class StoredHistory:
    """Reads the tables of the intake; one query for thousands of things that are looked for."""

    def __init__(self, batch: pl.DataFrame | None = None) -> None:
        """``batch``: the visits that are checked (``storing.typed``); without them no archived month is looked into."""
        self._batch = batch
        self._places = pl.DataFrame(schema={"visit": pl.Int64, **_PLACE})

    def visits(self, wanted: pl.DataFrame) -> pl.DataFrame:
        """Rows of ``STORED`` that a row of ``wanted`` speaks of, and perhaps some more."""
        at_moments = wanted.filter(pl.col("visit_time").is_not_null()).select("patient_id", "visit_time")
        persons = wanted.filter(pl.col("visit_time").is_null())["patient_id"].drop_nulls()
        identifiers = wanted["identifier"].drop_nulls()
        frames = [
            *(self._visits(Q(one_of(part))) for part in _parts(persons.to_frame())),
            *(self._visits(place) for place in places(at_moments, MOMENT)),
            # the indexes leave out records that have no identifier; said here, or they could not be used
            *(
                self._visits(~Q(**{name: ""}) & place)
                for name in _IDENTIFIERS
                for place in places(identifiers.to_frame(name), pl.col(name))
            ),
        ]
        found = pl.concat([_frame([], _FETCHED), *frames]).unique("visit", maintain_order=True)
        self._places = pl.concat([self._places, found.select(self._places.columns)]).unique("visit")
        return pl.concat([found.select(list(STORED)), *self._archived()])

    def _archived(self) -> Iterator[pl.DataFrame]:
        """Records in force that are in the archive, known by their keys alone: each as the batch's record of its key,
        for that is what may be a duplicate of it, correct it or delete it. They have no orders."""
        months = archived_months()
        if self._batch is None or not months:
            return
        for part in _parts(self._batch.select("key")):
            standing = InForce.objects.filter(Q(one_of(part)), visit_month__in=months)
            away = _frame(standing.values_list("key", "id"), {"key": pl.String, "id": pl.Int64})
            rows = self._batch.unique("key").join(away, on="key").with_columns(visit=-pl.col("id"))
            state, kind = pl.lit(VisitState.ACCEPTED.value), pl.col("edition").replace(_USUAL)
            yield rows.with_columns(state=state, upload_kind=kind).select(list(STORED))

    def _visits(self, condition: Q) -> pl.DataFrame:
        return _frame(Visit.objects.filter(condition).values_list("id", *_VISIT_COLUMNS, *_PLACE), _FETCHED)

    def orders(self, visits: pl.Series) -> pl.DataFrame:
        """Rows of ``ORDERS`` of these visits."""
        wanted = visits.unique().to_frame("visit")
        unknown = wanted.join(self._places, on="visit", how="anti").select(id="visit")
        fetched = [self._visits(Q(one_of(part))).select(self._places.columns) for part in _parts(unknown)]
        places = wanted.join(pl.concat([self._places, *fetched]), on="visit")
        frames = []
        for (month,), of_month in places.group_by("visit_month"):
            for part in _parts(of_month.select("submission_id", "record")):
                orders = Order.objects.filter(Q(one_of(part)), visit_month=month)
                frame = _frame(orders.values_list("submission_id", "record", "code", "fields"), _ORDER)
                frames.append(of_month.join(frame, on=["submission_id", "record"]))
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


_ORDER: Final = {"submission_id": pl.Int64, "record": pl.Int64, "code": pl.String, "fields": pl.String}
_DISPENSED: Final = ("dispensed_by", "dispensed_identifier")


def _parts(values: pl.DataFrame) -> Iterator[pl.DataFrame]:
    yield from values.unique(maintain_order=True).iter_slices(_AT_ONCE)


def _frame(rows: Any, schema: Any) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict(schema), orient="row")
