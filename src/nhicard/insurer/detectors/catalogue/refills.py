"""Refills of chronic continuous prescriptions (慢連箋)."""

from __future__ import annotations

import polars as pl

from nhicard.insurer.detectors.detector import VISITS_SHOWN, detector, sole
from nhicard.insurer.detectors.frames import Frames


def _refills(frames: Frames) -> pl.LazyFrame:
    """Visits that dispense a refill of a prescription that has an identifier (edition 2.0)."""
    return frames.visits.filter(pl.col("refill").is_not_null(), pl.col("original_identifier") != "")


@detector("high")
def refill_repeated(frames: Frames) -> pl.LazyFrame:
    """慢連箋同一聯次領藥一次以上

    同一張慢性病連續處方箋的同一聯次有一筆以上的調劑。可能是重複調劑、重複上傳或以遺失為由再領。

    The same refill dispensed again

    One refill of a chronic continuous prescription was dispensed more than once: dispensed again, uploaded again, or
    fetched again as lost.
    """
    found = (
        _refills(frames)
        .group_by("original_identifier", "refill")
        .agg(
            VISITS_SHOWN,
            sole("person"),
            sole("physician"),
            measured=pl.len(),
            day=pl.col("day").max(),
            institution=pl.col("institution").sort_by("time", "visit").last(),
        )
    )
    about = pl.concat_str("original_identifier", "refill", separator=" ")
    return found.filter(pl.col("measured") > 1).with_columns(about=about, bound=pl.lit(1))


@detector("medium")
def refill_early(frames: Frames, days: int) -> pl.LazyFrame:
    """慢連箋提前領藥

    同一張慢性病連續處方箋的下一聯次，距前一聯次領藥的天數少於下限。

    Refills fetched too soon

    The next refill of a chronic continuous prescription was fetched sooner after the one before than is allowed.
    """
    ordered = _refills(frames).sort("original_identifier", "refill", "time")
    before = ("day", "visit", "refill")
    gaps = ordered.with_columns(pl.col(before).shift().over("original_identifier").name.prefix("before_"))
    is_next = pl.col("refill") > pl.col("before_refill")
    gap = (pl.col("day") - pl.col("before_day")).dt.total_days()
    found = gaps.with_columns(measured=gap).filter(is_next, pl.col("measured") < days)
    return found.with_columns(
        about=pl.concat_str("original_identifier", "refill", separator=" "),
        bound=pl.lit(days),
        visits=pl.concat_list("before_visit", "visit"),
    )


@detector("high")
def refill_of_another(frames: Frames) -> pl.LazyFrame:
    """慢連箋由不同人領藥

    同一張慢性病連續處方箋以不同人的健保卡調劑。處方箋只能由開立對象使用（可由他人代領，但健保卡須為本人的）。

    Refills of one prescription for several people

    One chronic continuous prescription was dispensed with the cards of different people. It is for one person; others
    may fetch it, with that person's card.
    """
    found = (
        _refills(frames)
        .group_by("original_identifier")
        .agg(
            VISITS_SHOWN,
            measured=pl.col("person").n_unique(),
            day=pl.col("day").max(),
            institution=pl.col("institution").sort_by("time", "visit").last(),
        )
    )
    return found.filter(pl.col("measured") > 1).with_columns(about=pl.col("original_identifier"), bound=pl.lit(1))
