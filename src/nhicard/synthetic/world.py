"""What stays the same through a file: its institutions, their staff, the people, the kinds of visits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

import numpy as np
import polars as pl

from nhicard.synthetic.draw import Choice
from nhicard.synthetic.institutions import institutions, staff
from nhicard.synthetic.people import population
from nhicard.synthetic.tables import settings, table

_FEWEST_PEOPLE: Final = 500
_MOST_PEOPLE: Final = 200_000


@dataclass(frozen=True, slots=True)
class World:
    """Who may meet whom. Two worlds of one seed, size and moment are equal."""

    as_of: datetime
    institutions: Choice
    kinds_at: Choice
    staff: Choice
    bands: Choice
    people: Choice
    women: Choice
    remarks: pl.Series


def world(seed: int, visits: int, as_of: datetime, count: int, *, rare_characters: bool) -> World:
    """The world of a file with so many visits before ``as_of`` at ``count`` institutions."""
    rng = np.random.default_rng([seed, 0])
    places = institutions(rng, count)
    size = min(max(visits // 2, _FEWEST_PEOPLE), _MOST_PEOPLE)
    people = population(rng, size, as_of.date())
    remarks = settings("remarks")
    return World(
        as_of=as_of,
        institutions=Choice(places.with_columns(anywhere=pl.lit("*"), weight="share"), "anywhere"),
        kinds_at=Choice(kinds().with_columns(letter=pl.col("at").str.split("")).explode("letter"), "letter"),
        staff=Choice(staff(rng, places), "institution"),
        bands=_bands(),
        people=Choice(people, "band"),
        women=Choice(people.filter("female"), "band"),
        remarks=pl.Series(remarks["common"] + (remarks["rare"] if rare_characters else [])),
    )


@cache
def kinds() -> pl.DataFrame:
    """The kinds of visits: ``fee`` as fee_low and fee_high; ``bands``, ``copay`` and ``may`` as lists."""
    bounds = pl.col("fee").str.split("-")
    return table("kinds").with_columns(
        pl.col("bands", "may").str.split(" "),
        pl.col("copay").str.split(" "),
        fee_low=bounds.list.first().cast(pl.Int64, strict=False),
        fee_high=bounds.list.last().cast(pl.Int64, strict=False),
        stay=(pl.col("fee") == "stay").fill_null(False),
    )


def _bands() -> Choice:
    """Age bands by kind of visit, as often as people of that age are."""
    allowed = kinds().select("kind", band="bands").explode("band")
    return Choice(allowed.join(table("bands"), on="band", maintain_order="left"), "kind")
