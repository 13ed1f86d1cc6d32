"""People who do not exist: identity numbers with right check digits, cards, births."""

from __future__ import annotations

from datetime import date
from string import ascii_uppercase
from typing import Final

import numpy as np
import polars as pl
from numpy.random import Generator

from nhicard.identity.national_id import with_check_digit
from nhicard.synthetic.draw import texts
from nhicard.synthetic.tables import table

_STRIDE: Final = 7_368_787  # shares no factor with 10**7, so multiples modulo 10**7 never repeat
_RESIDENTS: Final = 0.03
_AT_LEAST_EACH: Final = 20
FIRST_STAFF_NUMBER: Final = 9_000_000  # patients are numbered from 0


def identities(rng: Generator, numbers: pl.Series, female: pl.Series) -> pl.Series:
    """Identity numbers, each of another person for each number below 10**7; a few are residents'."""
    height = len(numbers)
    letter = texts(rng, height, 1, ascii_uppercase)
    resident = pl.Series(rng.random(height) < _RESIDENTS)
    body = (numbers.cast(pl.Int64) * _STRIDE) % 10_000_000
    stems = pl.select(
        pl.concat_str(
            letter,
            pl.when(female)
            .then(pl.when(resident).then(pl.lit("9")).otherwise(pl.lit("2")))
            .otherwise(pl.when(resident).then(pl.lit("8")).otherwise(pl.lit("1"))),
            pl.lit(body).cast(pl.String).str.zfill(7),
        )
    ).to_series()
    return with_check_digit(stems)


def population(rng: Generator, size: int, as_of: date) -> pl.DataFrame:
    """At least ``size`` people in all age bands: person (id), birth (Date), card, band, female."""
    bands = table("bands").with_columns(pl.col("least_days", "most_days").cast(pl.Int64))
    shares = bands["weight"].to_numpy() / bands["weight"].sum()
    counts = np.maximum(np.ceil(shares * size).astype(np.int64), _AT_LEAST_EACH)
    of_band = bands[np.repeat(np.arange(bands.height), counts)]
    height = of_band.height
    age = rng.integers(of_band["least_days"].to_numpy(), of_band["most_days"].to_numpy(), endpoint=True)
    female = pl.Series(rng.random(height) < 0.5)
    return pl.DataFrame(
        {
            "person": identities(rng, pl.Series(np.arange(height)), female),
            "birth": pl.Series(np.datetime64(as_of, "D") - age),
            "card": texts(rng, height, 12, "0123456789"),
            "band": of_band["band"],
            "female": female,
        }
    )
