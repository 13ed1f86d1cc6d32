"""More than anybody can do."""

from __future__ import annotations

import polars as pl

from nhicard.insurer.detectors.detector import VISITS_SHOWN, detector
from nhicard.insurer.detectors.frames import Frames


@detector("high")
def impossible_volume(frames: Frames, most: int, categories: list[str]) -> pl.LazyFrame:
    """一小時看診人次過多

    同一位醫師在同一院所、同一個小時內的就醫人次超過上限，不可能逐一親自診察。可能是以他人名義申報，或病患未到診。

    Too many visits in an hour

    A physician has more visits in one hour at one institution than anybody can see. Somebody else may have treated the
    patients, or nobody came.
    """
    counted = frames.visits.filter(pl.col("category").is_in(categories), pl.col("physician") != "")
    hours = counted.group_by("institution", "physician", hour=pl.col("time").dt.truncate("1h")).agg(
        VISITS_SHOWN, measured=pl.len(), day=pl.col("day").max()
    )
    about = pl.concat_str("physician", pl.col("hour").dt.to_string("%Y-%m-%dT%H"), separator=" ")
    return hours.filter(pl.col("measured") > most).with_columns(about=about, bound=pl.lit(most))
