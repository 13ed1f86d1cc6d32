"""Visits as edition 1.0 tells them: its fields, its codes, and what it cannot tell left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl
from polars import col

from nhicard.formats.batch import Batch
from nhicard.formats.tables import fields, forms
from nhicard.institution.visits import telling
from nhicard.institution.visits.code_pairs import order_columns20, order_fields10, told_as
from nhicard.institution.visits.columns import by_field, columns
from nhicard.institution.visits.derivations import complete
from nhicard.institution.visits.table import Visits
from nhicard.institution.visits.tellable10 import tellable

_VERSION: Final = "1.0"
_VACCINATION: Final = "2"
_CORRECTIONS: Final = {"1": "3", "2": "4"}
_DIAGNOSES: Final = ("A25", "A26", "A27", "A28", "A29", "A30")
_CANCELS_SOME: Final = "ZB"
_MIDNIGHT: Final = "000000"  # an unknown clock time
# By the field table visit data only; with vaccinations too they say who uploads (07).
_ALSO_OF_VACCINATIONS: Final = ("A14", "A15")
# Times in 2.0 that are days in 1.0.
_DAYS: Final = {
    each.column: each.field10
    for each in columns().values()
    if each.form == "roc time" and each.field10 and forms("1.0")[each.field10].form == "date"
}


@dataclass(frozen=True, slots=True)
class Told10:
    """``batch``: what edition 1.0 tells. ``rows``: the row in ``Visits.visits`` of each of its records.
    ``left_out``: what it cannot tell, and why (``tellable10.LEFT_OUT``)."""

    batch: Batch
    rows: pl.Series
    left_out: pl.DataFrame


def write10(told: Visits, *, correction: bool = False) -> Told10:
    """The visits as records of edition 1.0, numbered from 1, with all that can be derived.

    ``correction``: to correct earlier uploads of the same visits (A01 3 and 4).
    """
    known, rows, left_out = tellable(complete(told))
    visits, orders = telling.as_fields(known, "1.0")
    times = [field for field in _DIAGNOSES if field in visits.columns]
    untold = (known.visits["visit_category"] == _CANCELS_SOME) & visits.select(
        pl.all_horizontal(col(times).is_null())
    ).to_series()
    visits = visits.with_columns(
        col.A01.replace(told_as("1.0", "H01")).replace(_CORRECTIONS if correction else {}),
        col.A19.replace(told_as("1.0", "M12")),
        *(col(field).str.head(7) for field in _DAYS.values()),
        A02=pl.lit(_VERSION),
        A25=pl.when(pl.lit(untold)).then(known.visits["cancelled_time"]).otherwise("A25"),
    ).with_columns(_of_visits_only())
    category, mark = order_fields10(col.A72, pl.lit(known.orders["prescription_kind"]), col.A78)
    return Told10(telling.batch("1.0", visits, orders.with_columns(A72=category, A78=mark)), rows, left_out)


def _of_visits_only() -> list[pl.Expr]:
    """Fields that vaccination data does not have, blank there."""
    known = fields("1.0")
    return [
        pl.when(col.A00.ne_missing(_VACCINATION)).then(field).alias(field)
        for field in by_field("1.0", "visit")
        if known[field].data_type == "1" and field not in _ALSO_OF_VACCINATIONS
    ]


def read10(batch: Batch) -> Visits:
    """The visits of a batch of edition 1.0, in the codes of 2.0; what 1.0 does not tell is null.

    Of a vaccination, time and place are those of its first vaccine. A clock time that 1.0 does not tell is midnight.
    """
    if batch.edition != "1.0":
        raise ValueError(f"a batch of edition 1.0 is needed, this one is of {batch.edition}")
    told = telling.as_columns(batch.visits, batch.orders, "1.0").with_facts_of_orders(
        vaccination_day=col.vaccination_date.drop_nulls().first(),
        vaccination_place=col.vaccination_institution.drop_nulls().first(),
    )
    vaccination, cancels = (col.data_type == _VACCINATION), (col.visit_category == _CANCELS_SOME).fill_null(False)
    diagnoses = [by_field("1.0", "visit")[field] for field in _DIAGNOSES]
    visits = told.visits.with_columns(
        *((col(column) + _MIDNIGHT) for column in _DAYS),
        upload_kind=col.upload_kind.replace(told_as("2.0", "A01")),
        late_mark=col.late_mark.replace(told_as("2.0", "A19")),
        visit_time=pl.coalesce("visit_time", pl.when(vaccination).then(col.vaccination_day + _MIDNIGHT)),
        institution=pl.coalesce("institution", pl.when(vaccination).then("vaccination_place")),
        cancelled_time=pl.when(cancels).then(pl.coalesce(diagnoses)),
        # times of the cancelled visits stand where diagnoses do
        **{name: pl.when(~cancels).then(name) for name in diagnoses},
    ).drop("vaccination_day", "vaccination_place")
    orders = told.orders.with_columns(**order_columns20(col.order_category, col.dispensing))
    return Visits(visits, orders)
