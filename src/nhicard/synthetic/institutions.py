"""Institutions that do not exist, with their staff and security modules."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from numpy.random import Generator

from nhicard.identity.institution_code import with_check_digit
from nhicard.synthetic.draw import CAPITALS_AND_DIGITS, texts
from nhicard.synthetic.people import FIRST_STAFF_NUMBER, identities
from nhicard.synthetic.tables import settings

_TOWNSHIP: Final = "99"
_SERIALS: Final = 1000
_ONCE: Final = 1  # kinds that are not repeated: the hospital


def institutions(rng: Generator, count: int) -> pl.DataFrame:
    """``count`` institutions: institution (code), letter (its kind in kinds.csv), sam, share, staff (how many).

    One alone is a hospital, which has every kind of visit but a pharmacy's.
    """
    kinds = list(settings("institutions").values())
    places = [place if place < len(kinds) else _ONCE + (place - _ONCE) % (len(kinds) - _ONCE) for place in range(count)]
    chosen = pl.DataFrame([kinds[place] for place in places])
    number = np.arange(count)
    stem = pl.concat_str(
        "kind",
        pl.Series(1 + number // _SERIALS % 20).cast(pl.String).str.zfill(2),
        pl.lit(_TOWNSHIP),
        pl.Series(number % _SERIALS).cast(pl.String).str.zfill(3),
    )
    return chosen.select(
        institution=with_check_digit(chosen.select(stem).to_series()),
        letter="letter",
        sam=texts(rng, count, 12, CAPITALS_AND_DIGITS),
        share=pl.col("share").cast(pl.Float64),
        staff="staff",
    )


def staff(rng: Generator, employers: pl.DataFrame) -> pl.DataFrame:
    """The staff of each institution: institution, physician (id)."""
    employed = employers.select(pl.col("institution").repeat_by("staff").explode())
    height = employed.height
    female = pl.Series(rng.random(height) < 0.5)
    numbers = pl.Series(FIRST_STAFF_NUMBER + np.arange(height))
    return employed.with_columns(physician=identities(rng, numbers, female))
