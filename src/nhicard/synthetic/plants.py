"""Known errors planted in right records, so that it can be measured whether a check finds them.

``data/plants.csv`` declares them: the code that must be found, the one field that is changed, its wrong value
and which records the plant fits. In ``fits`` all terms must hold; a term on an order's field is about the
order that is changed, or, where a visit's field is changed, about any order of the visit:

=============  ====================================================
``F``          the field was sent
``!F``         it was not
``F=a|b``      it is one of these values
``F!=a|b``     it is none of them, or was not sent
``F^=a|b``     it begins with one of these
``F!^=a|b``    it begins with none of them
``F=@G``       it is what the field G is
=============  ====================================================

``value``: as it stands; ``-`` leaves the field out; ``<F-3d>`` is the ROC date or time of field F moved by days.
``data/plants_keyed.csv`` declares those that only whoever has the insurer's keys can find.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, reduce
from operator import and_
from typing import Final

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from nhicard.formats import rocdate
from nhicard.formats.batch import Batch
from nhicard.formats.tables import Edition, forms, order_fields
from nhicard.synthetic.tables import table
from nhicard.synthetic.telling import roc_date

SCHEMA: Final = {"record": pl.UInt32, "order": pl.UInt32, "field": pl.String, "code": pl.String, "value": pl.String}
_TERM: Final = re.compile(r"(?P<absent>!?)(?P<field>[A-Z][0-9]{2})(?:(?P<how>!?\^?=)(?P<values>.+))?")
_MOVED: Final = re.compile(r"<(?P<field>[A-Z][0-9]{2})(?P<days>[+-][0-9]+)d>")
_CLOCK: Final = "093015"  # where a moved date has no time of day of its own

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Plant:
    """One kind of error. ``value`` is an expression over visits, or over orders with the fields of their visits."""

    code: str
    field: str
    of_order: bool
    fits_visit: pl.Expr
    fits_order: pl.Expr | None
    value: pl.Expr


@cache
def plants(edition: Edition, *, keyed: bool = False) -> tuple[Plant, ...]:
    """All plants of an edition, those found with keys only where ``keyed``; raises ValueError for an unreadable row."""
    declared = pl.concat([table("plants"), table("plants_keyed")]) if keyed else table("plants")
    rows = declared.filter(pl.col("edition") == edition).rows(named=True)
    return tuple(_plant(edition, row["code"], row["field"], row["value"], row["fits"] or "") for row in rows)


def plant(batch: Batch, rate: float, seed: int, *, keyed: bool = False) -> tuple[Batch, pl.DataFrame]:
    """The batch with one error in each of a share ``rate`` (0 to 1) of its records, and what was planted.

    Every plant is used about equally often, as far as there are records that it fits. The frame has a row a
    planted error: record, order (null for a visit's field), field, code, value (null where left out). ``keyed``: the
    batch's identifiers and signatures are genuine, and some of the errors are wrong ones.
    """
    rng = np.random.default_rng([seed, batch.first_record])
    known = plants(batch.edition, keyed=keyed)
    wide = _orders_with_visits(batch)
    fitting = [_fitting(each, batch, wide) for each in known]
    visits, orders = batch.visits, batch.orders
    parts = [pl.DataFrame(schema=SCHEMA)]
    for each, rows in zip(known, _share_out(rng, fitting, batch.visits.height, rate), strict=True):
        if not len(rows):
            continue
        frame = wide if each.of_order else batch.visits
        changed = frame[rows].with_columns(value=each.value)
        if each.of_order:
            orders = orders.with_columns(orders[each.field].scatter(rows, changed["value"]))
        else:
            visits = visits.with_columns(visits[each.field].scatter(rows, changed["value"]))
        order = pl.col("order") if each.of_order else pl.lit(None, pl.UInt32).alias("order")
        parts.append(changed.select("record", order, field=pl.lit(each.field), code=pl.lit(each.code), value="value"))
    return replace(batch, visits=visits, orders=orders, sources=()), pl.concat(parts).sort("record")


def _orders_with_visits(batch: Batch) -> pl.DataFrame:
    """Orders with the fields of their visits."""
    lent = batch.visits.drop("record")[batch.orders["visit"]]
    return batch.orders.hstack(lent.get_columns())


def _fitting(each: Plant, batch: Batch, wide: pl.DataFrame) -> Rows:
    """Shape (2, n): visit rows that the plant fits, each once, and the row to be changed (of visit or order)."""
    rows = _true_rows(batch.visits, each.fits_visit)
    if each.fits_order is None:
        return np.stack([rows, rows])
    matching = _true_rows(wide, each.fits_order)
    visit, first = np.unique(batch.orders["visit"].to_numpy()[matching].astype(np.int64), return_index=True)
    keep = np.isin(visit, rows)
    return np.stack([visit[keep], matching[first[keep]] if each.of_order else visit[keep]])


def _true_rows(frame: pl.DataFrame, truth: pl.Expr) -> Rows:
    return np.flatnonzero(frame.with_columns(truth=truth.fill_null(False))["truth"].to_numpy())


def _share_out(rng: Generator, fitting: list[Rows], height: int, rate: float) -> list[Rows]:
    """Rows to be changed by each plant; no visit twice. Plants that fit few visits choose first."""
    free = np.ones(height, np.bool_)
    left = round(rate * height)
    chosen: list[Rows] = [np.empty(0, np.int64)] * len(fitting)
    by_scarcity = sorted(range(len(fitting)), key=lambda place: fitting[place].shape[1])
    for done, place in enumerate(by_scarcity):
        visit, row = fitting[place]
        usable = np.flatnonzero(free[visit])
        share = left / (len(fitting) - done)
        picked = rng.choice(usable, min(int(share + rng.random()), len(usable), left), replace=False)
        free[visit[picked]] = False
        left -= len(picked)
        chosen[place] = np.sort(row[picked])
    return chosen


def _plant(edition: Edition, code: str, field: str, value: str, fits: str) -> Plant:
    of_orders = set(order_fields(edition))
    terms = [_term(text) for text in fits.split()]
    of_order = field in of_orders
    on_orders = [truth for name, truth in terms if name in of_orders]
    return Plant(
        code=code,
        field=field,
        of_order=of_order,
        fits_visit=_all(truth for name, truth in terms if name not in of_orders),
        fits_order=_all(on_orders) if of_order or on_orders else None,
        value=_value(edition, field, value),
    )


def _term(text: str) -> tuple[str, pl.Expr]:
    """The field that a term is about, and whether it holds."""
    found = _TERM.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no term of plants.csv")
    name, how, values = found["field"], found["how"], (found["values"] or "").split("|")
    field = pl.col(name)
    if how is None:
        return name, field.is_null() if found["absent"] else field.is_not_null()
    if values[0].startswith("@"):
        truth = field == pl.col(values[0][1:])
    elif "^" in how:
        truth = pl.any_horizontal([field.str.starts_with(value) for value in values])
    else:
        truth = field.is_in(values)
    return name, ~truth.fill_null(False) if how.startswith("!") else truth


def _value(edition: Edition, field: str, text: str) -> pl.Expr:
    """The planted value."""
    moved = _MOVED.fullmatch(text)
    if not moved:
        return pl.lit(None if text == "-" else text, pl.String)
    source = pl.col(moved["field"])
    day = roc_date(rocdate.as_date(source.str.head(7)) + pl.duration(days=int(moved["days"])))
    if forms(edition)[field].form == "date":
        return day
    clock = source.str.slice(7)
    return day + pl.when(clock == "").then(pl.lit(_CLOCK)).otherwise(clock)


def _all(terms: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(and_, terms, pl.lit(True))
