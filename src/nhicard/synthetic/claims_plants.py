"""Known errors planted in made-up claims: what each does stands in ``data/claim_plants.csv``.

A change is ``d41+=1``, ``d8=-`` (not sent), ``d57=@d40`` (another element's value), ``d11=@after`` (a day of the month
after; also ``@before``, ``@first``, ``@last`` and ``@before_minute``) or a plain value; ``p13[2]=1`` means the second
order of the case, ``p13`` alone the first. The file's totals follow, so that each error is alone.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

import polars as pl
from numpy.random import default_rng

from nhicard.formats import rocdate
from nhicard.formats.claims import Claims
from nhicard.synthetic.claims import KIND_SEEDS, with_totals
from nhicard.synthetic.tables import table

_CHANGE: Final = re.compile(r"(?P<element>[dp][0-9]+)(?:\[(?P<order>[0-9])\])?(?P<how>\+?=)(?P<value>.*)")


def plant_claims(claims: Claims, rate: float, seed: int) -> tuple[Claims, pl.DataFrame]:
    """The claims with an error in the given share of cases, and which: columns ``case`` and ``code``.

    Only for claims as ``generate_claims`` makes them.
    """
    known = table("claim_plants").filter(pl.col("kind") == claims.kind)
    rng = default_rng([seed, KIND_SEEDS[claims.kind], 1])
    height = claims.cases.height
    drawn = pl.Series(rng.integers(0, known.height, height)).set(pl.Series(rng.random(height) >= rate), None)
    days = _days(claims)
    cases, orders = claims.cases, claims.orders
    for number, changes in enumerate(known["changes"]):
        chosen = (drawn == number).fill_null(False)
        if not chosen.any():
            continue
        of_orders = chosen.gather(orders["row"])
        before = cases
        for change in changes.split(";"):
            if (found := _CHANGE.fullmatch(change.strip())) is None:
                raise ValueError(f"claim_plants.csv: {change!r} is no change")
            element = found["element"]
            if element.startswith("p"):
                at = of_orders & (orders["order"] == int(found["order"] or 1))
                orders = orders.with_columns(_changed(element, found["how"], found["value"], days, at, orders))
            else:
                cases = cases.with_columns(_changed(element, found["how"], found["value"], days, chosen, before))
    planted = pl.DataFrame({"case": claims.cases["case"], "code": known["code"].gather(drawn)}).drop_nulls()
    return with_totals(replace(claims, cases=cases, orders=orders)), planted


def _changed(
    element: str, how: str, value: str, days: dict[str, str], where: pl.Series, source: pl.DataFrame
) -> pl.Series:
    own = source[element]
    if how == "+=":
        changed = (own.cast(pl.Int64) + int(value)).cast(pl.String)
    elif value.startswith("@d"):
        changed = source[value[1:]]
    else:
        text = None if value == "-" else days.get(value, value)
        changed = pl.Series([text], dtype=pl.String).new_from_index(0, len(own))
    return changed.zip_with(where, own).alias(element)


def _days(claims: Claims) -> dict[str, str]:
    first = rocdate.parse_date(claims.totals[claims.table.roles["month"]][0] + "01")
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    before = rocdate.format_date(first - timedelta(days=1))
    return {
        "@first": rocdate.format_date(first),
        "@last": rocdate.format_date(following - timedelta(days=1)),
        "@before": before,
        "@after": rocdate.format_date(following),
        "@before_minute": before + "0000",
    }
