"""What is read from cards: identifiers, and visits without a card."""

from __future__ import annotations

from typing import Final

import polars as pl

from nhicard.insurer.detectors.detector import VISITS_SHOWN, detector, sole
from nhicard.insurer.detectors.frames import Frames

#: What stands in where no identifier could be had.
_STAND_IN: Final = "^(MISS|SM|9{20}$)"


@detector("high")
def repeated_identifier(frames: Frames) -> pl.LazyFrame:
    """就醫識別碼重複使用

    同一個就醫識別碼出現在不同人、不同院所或不同天的就醫。識別碼由資料中心逐次核發，不應重複；可能是複製資料或系統錯誤。

    Visit identifiers used again

    One visit identifier stands in visits of different people, institutions or days. The data centre issues each once,
    so data was copied or a program is wrong.
    """
    told = frames.visits.filter(pl.col("identifier") != "", ~pl.col("identifier").str.contains(_STAND_IN))
    visit = pl.struct("person", "institution", "day").n_unique()
    groups = told.filter(pl.col("identifier").is_duplicated()).group_by("identifier")
    found = groups.agg(
        VISITS_SHOWN,
        sole("physician"),
        sole("person"),
        distinct=visit,
        measured=pl.len(),
        day=pl.col("day").max(),
        institution=pl.col("institution").sort_by("time", "visit").last(),  # the later one repeats
    )
    return found.filter(pl.col("distinct") > 1).with_columns(about=pl.col("identifier"), bound=pl.lit(1))


@detector("medium")
def cardless_rate(frames: Frames, share: float, least: int) -> pl.LazyFrame:
    """異常上傳（未過卡）比率過高

    院所一個月內以異常上傳（未完成過卡）的比率超過上限。偶有故障屬正常，比率偏高時病患可能未到診，或讀卡設備需檢修。

    Too many visits without a card

    The share of an institution's visits in a month that were uploaded without a card is above the bound. Now and then
    a reader fails; where it happens often, patients may not have come, or the reader needs repair.
    """
    months = frames.visits.group_by("institution", month=pl.col("day").dt.strftime("%Y-%m")).agg(
        visits=pl.col("visit").filter(pl.col("cardless")).sort(),
        measured=pl.col("cardless").mean(),
        all=pl.len(),
        day=pl.col("day").max(),
    )
    found = months.filter(pl.col("all") >= least, pl.col("measured") > share)
    return found.with_columns(about=pl.col("month"), bound=pl.lit(share))
