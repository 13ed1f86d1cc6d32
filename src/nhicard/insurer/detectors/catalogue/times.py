"""Visits on days and at times that do not fit."""

from __future__ import annotations

import polars as pl

from nhicard.insurer.detectors.detector import VISITS_SHOWN, detector
from nhicard.insurer.detectors.frames import Frames


@detector("medium")
def closed_day(frames: Frames, categories: list[str], least: int) -> pl.LazyFrame:
    """登錄休診日有就醫

    院所登錄整天休診的日子有就醫上傳。可能是看診時段未更新，或就醫日期不實。

    Visits on a closing day

    An institution uploaded visits of a day that it registered as closed. The registered hours may be out of date, or
    the day of the visit untrue.
    """
    told = frames.visits.filter(pl.col("category").is_in(categories))
    days = told.join(frames.closed.unique(), on=["institution", "day"], how="semi")
    found = days.group_by("institution", "day").agg(VISITS_SHOWN, measured=pl.len())
    return found.filter(pl.col("measured") >= least).with_columns(
        about=pl.col("day").dt.to_string("%Y-%m-%d"), bound=pl.lit(least - 1)
    )


@detector("low")
def late_upload(frames: Frames, hours: int, least: int, share: float) -> pl.LazyFrame:
    """逾時上傳

    就醫後超過時限才第一次上傳的筆數與占比，一天內都達下限。以第一次上傳的時間計算，之後的更正不算逾時。

    Late uploads

    On a day, the visits that were first uploaded after the time limit are at least so many and such a share. The first
    upload counts; later corrections are not late.
    """
    is_late = (pl.col("received") - pl.col("time")) > pl.duration(hours=hours)
    days = frames.visits.group_by("institution", "day").agg(
        visits=pl.col("visit").filter(is_late).sort(), measured=is_late.sum(), all=pl.len()
    )
    found = days.filter(pl.col("measured") >= least, pl.col("measured") >= share * pl.col("all"))
    return found.with_columns(about=pl.col("day").dt.to_string("%Y-%m-%d"), bound=pl.lit(least - 1))
