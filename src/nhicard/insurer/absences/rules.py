"""Which visits and claims name a physician who is abroad: one columnar join, and the table of what counts."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import polars as pl

#: Columns of ``absences``: a row a journey; ``institution`` null where it holds everywhere, ``entry_on`` while abroad.
ABSENCES: Final = {
    "absence": pl.Int64,
    "institution": pl.String,
    "physician": pl.String,
    "code": pl.String,
    "exit_on": pl.Date,
    "entry_on": pl.Date,
}
#: Columns of ``named``: a row a visit or claim with who treated; ``is_stay``: an inpatient claim, may name a code.
NAMED: Final = {
    "subject": pl.String,
    "institution": pl.String,
    "physician": pl.String,
    "first_day": pl.Date,
    "last_day": pl.Date,
    "is_stay": pl.Boolean,
}


@dataclass(frozen=True, slots=True)
class Rules:
    """``data/rules.toml``; counts of days."""

    exit_day_counts: bool
    entry_day_counts: bool
    claim_days: Literal["whole", "any"]
    look_back: int
    answer_within: int

    @property
    def travel_days(self) -> dict[str, bool]:
        """Whether the days of exit and entry count."""
        return {"exit": self.exit_day_counts, "entry": self.entry_day_counts}


@cache
def rules() -> Rules:
    """The packaged rules."""
    return Rules(**tomllib.loads((files(__package__) / "data" / "rules.toml").read_text(encoding="utf-8")))


def naming_absent(named: pl.LazyFrame, absences: pl.LazyFrame, as_of: date, told: Rules) -> pl.LazyFrame:
    """``absence``, ``institution``, ``subject`` and ``is_travel_day`` of what names an absent physician.

    Visits and outpatient claims name the ID, inpatient claims the ID or the code. ``is_travel_day``: all days of the
    row on which the physician is abroad are days of travel. Rows without a day name nobody.
    """
    codes = absences.filter(pl.col("code").fill_null("") != "").with_columns(physician=pl.col("code"), by_code=True)
    names = pl.concat([absences.with_columns(by_code=False), codes]).drop("code")
    rows = named.drop_nulls(["first_day", "last_day"])
    pairs = rows.join(names, on="physician", suffix="_of")
    here = pl.col("institution_of").is_null() | (pl.col("institution_of") == pl.col("institution"))
    left_out = {name: pl.duration(days=int(not counts)) for name, counts in told.travel_days.items()}
    begins = pl.col("exit_on") + left_out["exit"]
    ends = pl.when(pl.col("entry_on").is_null()).then(pl.lit(as_of)).otherwise(pl.col("entry_on") - left_out["entry"])
    first, last = pl.col("first_day"), pl.col("last_day")
    whole, touches = (first >= begins) & (last <= ends), (first <= ends) & (last >= begins)
    meets = (begins <= ends) & (whole if told.claim_days == "whole" else touches)
    from_day, to_day = pl.max_horizontal(first, begins), pl.min_horizontal(last, ends)
    only_exit = (from_day == pl.col("exit_on")) & (to_day == pl.col("exit_on"))
    only_entry = (from_day == pl.col("entry_on")) & (to_day == pl.col("entry_on"))
    found = pairs.filter(here, meets, ~pl.col("by_code") | pl.col("is_stay"))
    return (
        found.select("absence", "institution", "subject", is_travel_day=(only_exit | only_entry).fill_null(False))
        .unique(["absence", "institution", "subject"])
        .sort("absence", "institution", "subject")
    )


def without_doubles(listed: pl.DataFrame, reported: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The absences that hold: what lists say, and of what institutions reported that which no list speaks of."""
    far = pl.lit(as_of)
    pairs = reported.join(listed, on="physician", suffix="_listed")
    same = (pl.col("exit_on") <= pl.col("entry_on_listed").fill_null(far)) & (
        pl.col("exit_on_listed") <= pl.col("entry_on").fill_null(far)
    )
    return pl.concat([listed, reported.join(pairs.filter(same), on="absence", how="anti")])
