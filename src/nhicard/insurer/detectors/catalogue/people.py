"""Visits and claims of people who cannot have come."""

from __future__ import annotations

import polars as pl

from nhicard.insurer.detectors.detector import CLAIMS_SHOWN, VISITS_SHOWN, detector, sole
from nhicard.insurer.detectors.frames import Frames


@detector("high")
def after_death(frames: Frames, days: int) -> pl.LazyFrame:
    """死亡日後仍有就醫或申報

    戶政死亡日之後仍有這個人的就醫上傳或申報。可能是冒用健保卡、虛報，或證號登打錯誤。

    Visits or claims after death

    A person has visits or claims on days after the death that the household registry knows. The card may be used by
    somebody else, the visit made up, or the ID mistyped.
    """
    dead = frames.deaths.select("person", "died")
    since = pl.col("died") + pl.duration(days=days)
    rows = _of_both(frames.visits, frames.claims).join(dead, on="person").filter(pl.col("day") > since)
    return _by_person(rows)


@detector("high")
def while_hospitalised(frames: Frames, categories: list[str]) -> pl.LazyFrame:
    """住院期間另有門診就醫或申報

    入院日與出院日之間（不含這兩天）另有門診就醫上傳或門診申報。住院中的病患應由住院院所照護。

    Outpatient visits during a stay

    A person has outpatient visits or claims between the days of admission and discharge, these two left out. Who is in
    hospital is looked after there.
    """
    stays = frames.stays.select("person", "admitted", "discharged").unique()
    outside = frames.visits.filter(pl.col("category").is_in(categories))
    rows = _of_both(outside, frames.claims.filter(pl.col("kind") == "outpatient")).join(stays, on="person")
    within = (pl.col("day") > pl.col("admitted")) & (
        pl.col("discharged").is_null() | (pl.col("last_day") < pl.col("discharged"))
    )
    return _by_person(rows.filter(within).unique(["visit", "claim"]))


def _of_both(visits: pl.LazyFrame, claims: pl.LazyFrame) -> pl.LazyFrame:
    """``institution person physician day last_day visit claim``: the visits and the claims below each other."""
    number = pl.lit(None, pl.Int64)
    shared = ("institution", "person", "physician")
    return pl.concat(
        [
            visits.select(*shared, "day", last_day="day", visit="visit", claim=number),
            claims.select(*shared, day="first_day", last_day="last_day", visit=number, claim="claim"),
        ]
    )


def _by_person(rows: pl.LazyFrame) -> pl.LazyFrame:
    """A finding a person, institution and month."""
    month = pl.col("day").dt.strftime("%Y-%m").alias("month")
    found = rows.group_by("institution", "person", month).agg(
        VISITS_SHOWN, CLAIMS_SHOWN, sole("physician"), measured=pl.len(), day=pl.col("day").max()
    )
    return found.with_columns(about=pl.concat_str("person", "month", separator=" "), bound=pl.lit(0))
