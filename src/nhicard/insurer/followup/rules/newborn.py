"""Newborn marks against the household registry.

What a visit says: whom the newborn depends on (the card's person), the birth (A20, M08), how many children the birth
brought (A21, M09) and which of them this is (A24, M10: a letter for the place; in edition 2.0 a capital for a boy).
What the registry says: children by parents and day. Children of the same parent on one day or the next are one birth.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Final

import polars as pl

from nhicard.insurer.followup.limits import Newborn

#: Columns of ``visits``: a row a visit with a newborn mark.
VISITS: Final = {
    "visit": pl.Int64,
    "edition": pl.String,
    "patient": pl.String,
    "visit_date": pl.Date,
    "birth": pl.Date,
    "count": pl.Int64,
    "mark": pl.String,
}
#: Columns of ``births``: a row a child.
BIRTHS: Final = {"mother_id": pl.String, "father_id": pl.String, "born": pl.Date, "sex": pl.String}
_ONE_BIRTH: Final = timedelta(days=1)


class Code(StrEnum):
    """What contradicts; the words are ``followup.finding.<value>``."""

    NO_BIRTH = "no-birth"
    BIRTH_DATE = "birth-date"
    COUNT = "count"
    MARK = "mark"
    SEX = "sex"


def contradictions(
    visits: pl.DataFrame, births: pl.DataFrame, since: date, as_of: date, limits: Newborn
) -> pl.DataFrame:
    """Columns ``visit`` and ``code``, a row a contradiction; sorted.

    ``since`` and ``as_of``: the days that the registry's list covers. A birth before ``since`` is not judged, and what
    is missing in the registry is no contradiction until it had to be registered.
    """
    dated = visits.filter(pl.col("birth").is_not_null(), pl.col("birth") >= since)
    pairs = dated.join(_events(births), left_on="patient", right_on="parent", how="left")
    is_same = pl.col("birth").is_between(pl.col("first"), pl.col("last"))
    dependent = pl.duration(days=limits.depends_for)
    is_near = pl.col("first").is_between(pl.col("visit_date") - dependent, pl.col("visit_date"))
    judged = pairs.with_columns(is_same=is_same.fill_null(False), is_near=is_near.fill_null(False))
    best = judged.sort("visit", "is_same", "is_near", descending=[False, True, True]).unique(
        "visit", keep="first", maintain_order=True
    )
    is_registered = pl.lit(as_of) >= pl.col("birth") + pl.duration(days=limits.registered_within)
    same, near = pl.col("is_same"), pl.col("is_near")
    place = pl.col("mark").str.to_lowercase().str.head(1)
    ordinal = place.replace_strict(_ORDINALS, default=None, return_dtype=pl.Int64)
    is_boy = pl.col("mark").str.contains("^[A-Z]")
    wrong_sex = pl.when(is_boy).then(pl.col("boys") == 0).otherwise(pl.col("girls") == 0)
    broken = {
        Code.NO_BIRTH: ~same & ~near & is_registered,
        Code.BIRTH_DATE: ~same & near,
        Code.COUNT: same
        & ((pl.col("count") < pl.col("children")) | ((pl.col("count") > pl.col("children")) & is_registered)),
        Code.MARK: same & (ordinal > pl.col("children")) & is_registered,
        Code.SEX: same & (pl.col("edition") == "2.0") & wrong_sex & is_registered,
    }
    found = [best.filter(rule).select("visit", code=pl.lit(code.value)) for code, rule in broken.items()]
    return pl.concat(found).sort("visit", "code")


_ORDINALS: Final = {chr(ord("a") + place): place + 1 for place in range(26)}


def _events(births: pl.DataFrame) -> pl.DataFrame:
    """Births by parent: ``parent first last children boys girls``."""
    children = [
        births.select("born", "sex", parent=pl.col(column)).filter(pl.col("parent") != "")
        for column in ("mother_id", "father_id")
    ]
    ordered = pl.concat(children).sort("parent", "born")
    begins = (pl.col("born").diff() > _ONE_BIRTH).over("parent").fill_null(True)
    return (
        ordered.with_columns(event=begins.cum_sum().over("parent"))
        .group_by("parent", "event", maintain_order=True)
        .agg(
            first=pl.col("born").min(),
            last=pl.col("born").max(),
            children=pl.len().cast(pl.Int64),
            boys=(pl.col("sex") == "M").sum(),
            girls=(pl.col("sex") == "F").sum(),
        )
        .drop("event")
    )
