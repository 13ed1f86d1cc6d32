"""Identifiers and signatures as the data centre would have issued them, for whoever has the insurer's keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import polars as pl
from polars import col

from nhicard.checks.verification import IDENTIFIERS, SIGNATURES
from nhicard.formats import rocdate
from nhicard.formats.batch import Batch
from nhicard.formats.tables import codes
from nhicard.identity import visit_identifier, visit_signatures
from nhicard.identity.keyring import KeyRing


def keyed(batch: Batch, keys: KeyRing) -> Batch:
    """The batch with genuine identifiers and signatures in place of those told; what was not told stays so.

    Security signatures cost one call a row. Raises ValueError where the keys do not serve the time of a visit.
    """
    visits, orders = batch.visits, batch.orders
    visits = visits.with_columns(_identifiers(visits, field, keys) for field in IDENTIFIERS if field in visits.columns)
    visits = visits.with_columns(_signatures(visits, field, keys) for field in _of("visit") if field in visits.columns)
    wide = orders.hstack(visits.drop("record")[orders["visit"]].get_columns())
    orders = orders.with_columns(_signatures(wide, field, keys) for field in _of("order") if field in orders.columns)
    return replace(batch, visits=visits, orders=orders, sources=())


def _of(scope: str) -> list[str]:
    return [field for field, signature in SIGNATURES.items() if signature.of == scope]


def _identifiers(visits: pl.DataFrame, field: str, keys: KeyRing) -> pl.Series:
    """The field with every identifier issued for the visit it speaks of; stand-ins stay."""
    told = visits[field]
    rows = (told.is_not_null() & ~told.is_in(list(codes("2.0", "visit-id-special")))).arg_true()
    institution, time = IDENTIFIERS[field]
    facts = visits[rows].select(
        person="M03", institution=institution, time=rocdate.as_datetime(col(time)), service=_service(field)
    )
    issued = visit_identifier.issue(keys, **{name: facts[name] for name in facts.columns})
    if issued.has_nulls():
        raise _no_key(facts["time"].filter(issued.is_null()))
    return told.scatter(rows, issued)


def _service(field: str) -> pl.Expr:
    """The service that issued it: with a card for the original visit, without for the actual visit of a late card."""
    this_visit = (
        pl.when(col.H01 == "B")
        .then(pl.lit("no_card"))
        .when(col.M12 != "1")
        .then(pl.lit("late_tap"))
        .when(col.M13.str.starts_with("W"))
        .then(pl.lit("virtual_tap"))
        .otherwise(pl.lit("tap"))
    )
    return {"M15": this_visit, "M16": pl.lit("tap"), "M52": pl.lit("no_card")}[field]


def _signatures(frame: pl.DataFrame, field: str, keys: KeyRing) -> pl.Series:
    """The field with every signature made for the facts beside it."""
    of, sources = SIGNATURES[field]
    sign = visit_signatures.sign_visits if of == "visit" else visit_signatures.sign_orders
    facts = frame.select(**{fact: col(source) for fact, source in sources.items()})
    moments = facts.select(rocdate.as_datetime(col.time)).to_series()
    told = frame[field]
    waiting = told.is_not_null()
    for key in keys:
        served = waiting & (moments >= key.since) & (moments < (key.until or datetime.max))
        told = told.scatter(served.arg_true(), sign(key, facts.filter(served)))
        waiting &= ~served
    if waiting.any():
        raise _no_key(moments.filter(waiting))
    return told


def _no_key(times: pl.Series) -> ValueError:
    return ValueError(f"no key serves the visits of {times.sort()[0]}")
