"""What stored orders say: deliveries and allergy entries. These facts have a row an order."""

from __future__ import annotations

from typing import Final

import polars as pl

from nhicard.checks.facts.past import Past, day_of, trimmed
from nhicard.checks.facts.registry import fact
from nhicard.checks.history import ORDERS, nothing
from nhicard.formats.batch import Batch

_DAYS_BETWEEN_DELIVERIES: Final = 90


def _stored_orders(past: Past) -> pl.DataFrame:
    """Orders in force that a fact may speak of, with the columns of their visits."""
    return past.once("entries", lambda: _fetched(past))


def _fetched(past: Past) -> pl.DataFrame:
    deleting = past.orders.filter(pl.col("E01") == "D")["key"]
    persons = past.deliveries["patient_id"]
    spoken_of = pl.col("key").is_in(deleting.implode()) | pl.col("patient_id").is_in(persons.implode())
    visits = past.stored.filter(pl.col("state").is_in(["accepted", "done"]) & spoken_of)
    orders = past.history.orders(visits["visit"]).select(*ORDERS) if visits.height else nothing(ORDERS)
    return orders.join(visits, on="visit")


@fact("M03 M05 M11 D06")
def delivery_before(past: Past) -> pl.Series:
    """Whether another visit of the person within 90 days has a delivery order."""
    delivers = pl.col("code").is_in(list(past.assume["delivery_orders"]))
    kept = _stored_orders(past).filter(delivers & (pl.col("state") == "accepted"))
    both = past.deliveries.join(kept, on="patient_id", suffix=":stored")
    another = pl.any_horizontal(pl.col(name) != pl.col(f"{name}:stored") for name in ("institution", "visit_time"))
    days = (day_of("visit_time") - day_of("visit_time:stored")).dt.total_days().abs()
    return past.places(both.filter(another & (days <= _DAYS_BETWEEN_DELIVERIES)))


def only_deletes_entries(batch: Batch) -> pl.Series:
    """Whether a record does nothing but delete allergy entries (each of its MB2 has E01=D): Boolean, a row a visit.

    Such a record bears the key of the one that it changes and is no duplicate of it.
    """
    visits = pl.int_range(batch.visits.height, dtype=pl.UInt32, eager=True).alias("visit").to_frame()
    if batch.edition == "1.0":
        return pl.repeat(False, batch.visits.height, eager=True)
    only = batch.orders.group_by("visit").agg(only=(trimmed("E01") == "D").all())
    return visits.join(only, on="visit", how="left", maintain_order="left")["only"].fill_null(False)


@fact("M03 M05 M11 M15 E01 E02 E03 E04")
def entry_in_force(past: Past) -> pl.Series:
    """Whether the allergy entry that an order deletes was stored, under the same key, and not deleted since."""
    change = pl.when(pl.col("E01") == "N").then(1).when(pl.col("E01") == "D").then(-1).otherwise(0)
    same = ["key", "E02", "E03", "E04"]
    mine = _stored_orders(past).join(past.of_my_sort.select("visit"), on="visit", how="semi")
    left = mine.group_by(same).agg(left=change.sum()).filter(pl.col("left") > 0)
    return past.places(past.orders.filter(pl.col("E01") == "D").join(left, on=same, how="semi"))
