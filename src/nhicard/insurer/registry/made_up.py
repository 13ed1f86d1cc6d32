"""A register of institutions, staff and persons who do not exist, of any size, for tests and load.

The same sizes and seed give the same lists, on whatever day. Codes and IDs have right check digits; the township 99
does not exist, so no code is a real institution's.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from nhicard.checks.reference.catalogue import catalogue
from nhicard.identity import institution_code, national_id
from nhicard.insurer.registry import versions
from nhicard.insurer.registry.loading import LoadRefused, Source
from nhicard.insurer.registry.tables import table

SOURCE: Final = "generated"
_TOWNSHIP: Final = "99"
_DIGITS, _LETTERS = "0123456789", "GHIJKLMNOPQRSTUVWXYZ"
_LETTERED_EVERY: Final = 40  # of the institutions of a kind and county, besides those that digits cannot number
_NUMERIC: Final = 1_000
_SERIALS: Final = _NUMERIC + len(_LETTERS) * 30 * 30
_ENDED, _SUSPENDED = 0.03, 0.005
_BEGINNING: Final = date(1995, 3, 1)  # of the National Health Insurance
_STRIDE: Final = 7_368_787  # shares no factor with 10**7, so multiples modulo 10**7 never repeat
_BODIES: Final = 10**7
_INITIALS: Final = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
MOST_PERSONS: Final = len(_INITIALS) * _BODIES // 2  # the other half numbers staff


def lists(institutions: int, persons: int, seed: int) -> list[Source]:
    """The lists of a made-up register: institutions, suspensions, staff, and insured persons where any are wanted.

    Raises LoadRefused for more than there are codes or IDs for.
    """
    if persons > MOST_PERSONS:
        raise LoadRefused(f"最多可產生 {MOST_PERSONS:,} 人。", f"At most {MOST_PERSONS:,} persons can be made up.")
    places = _institutions(np.random.default_rng([seed, 0]), institutions)
    frames = {
        "institutions": places.drop("staff"),
        "suspensions": _suspensions(np.random.default_rng([seed, 1]), places),
        "staff": _staff(places),
    }
    if persons:
        frames["insured"] = _insured(np.random.default_rng([seed, 2]), persons)
    name = f"{SOURCE} --institutions {institutions} --persons {persons} --seed {seed}"
    return [
        Source(catalogue()[each], versions.canonical([rows], catalogue()[each]), name) for each, rows in frames.items()
    ]


def _institutions(rng: Generator, count: int) -> pl.DataFrame:
    """The list of institutions, and ``staff``: how many each employs."""
    kinds, counties = table("made_up_kinds"), table("made_up_counties")
    kind = np.repeat(np.arange(kinds.height), _apportioned(kinds["share"].cast(pl.Int64).to_numpy(), count))
    shares = counties["share"].cast(pl.Float64).to_numpy()
    county = rng.choice(counties.height, count, p=shares / shares.sum())
    drawn = pl.DataFrame({"place": pl.Series(kind), "where": pl.Series(county)}).with_columns(
        rank=pl.int_range(pl.len()).over("place", "where")
    )
    if (drawn["rank"] >= _SERIALS).any():
        raise LoadRefused("院所數超過可編的代碼數。", "There are not enough codes for so many institutions.")
    of_kind, of_county = kinds[kind], counties[county]
    code = _with_check_digit(of_kind["prefix"] + of_county["county"] + _TOWNSHIP + _serials(drawn))
    start = _days(rng, _BEGINNING, date(2022, 12, 31), count)
    end = _days(rng, date(2023, 1, 1), date(2025, 12, 31), count)
    ended = pl.Series(rng.random(count) < _ENDED)
    return pl.DataFrame(
        {
            "code": code,
            "start": start,
            "end": end.set(~ended, None),
            "name": of_kind["name_zh"] + code.str.slice(2, 8),
            "kind": of_kind["category"],
            "division": of_county["division"],
            "county": of_county["county"],
            "staff": of_kind["staff"].cast(pl.Int64),
        }
    )


def _apportioned(shares: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """How many of each kind, the commonest first: one of each where there are enough, the rest in proportion."""
    if count < len(shares):
        return (np.arange(len(shares)) < count).astype(np.int64)
    numbers: NDArray[np.int64] = 1 + shares * (count - len(shares)) // shares.sum()
    numbers[0] += count - numbers.sum()
    return numbers


def _serials(drawn: pl.DataFrame) -> pl.Series:
    """Three characters, distinct within a kind and county: digits, and letters in the first place for some."""
    lettered = (pl.col("rank") % _LETTERED_EVERY == _LETTERED_EVERY - 1) | (pl.col("rank") >= _NUMERIC)
    among = (lettered.cast(pl.Int64).cum_sum() - 1).over("place", "where")
    return drawn.select(
        pl.when(lettered).then(_numeral(among)).otherwise(pl.col("rank").cast(pl.String).str.zfill(3))
    ).to_series()


def _numeral(number: pl.Expr) -> pl.Expr:
    """A letter, and two places of thirty characters each."""
    characters = _DIGITS + _LETTERS
    places = ((_LETTERS, number // 900), (characters, number // 30 % 30), (characters, number % 30))
    return pl.concat_str(
        place.replace_strict(dict(enumerate(alphabet)), default=None, return_dtype=pl.String)
        for alphabet, place in places
    )


def _with_check_digit(stems: pl.Series) -> pl.Series:
    """The check digit of a code with letters is known to nobody: they count as noughts."""
    digits = institution_code.with_check_digit(stems.str.replace_all("[A-Z]", "0"))
    return stems + digits.str.tail(1)


def _suspensions(rng: Generator, places: pl.DataFrame) -> pl.DataFrame:
    """A few institutions that are under contract."""
    count = places.height
    start = _days(rng, date(2024, 1, 1), date(2025, 12, 31), count)
    rows = pl.DataFrame(
        {
            "institution": places["code"],
            "start": start,
            "end": start.dt.offset_by("90d"),
        }
    )
    forever = pl.Series(rng.random(count) < 0.5)  # until further notice
    chosen = pl.Series(rng.random(count) < _SUSPENDED) & places["end"].is_null()
    return rows.with_columns(rows["end"].set(forever, None)).filter(chosen)


def _staff(places: pl.DataFrame) -> pl.DataFrame:
    """Everybody is employed for as long as the contract lasts."""
    employed = places.select("start", "end", "code", pl.col("staff").repeat_by("staff")).explode("staff")
    height = employed.height
    ids = _ids(len(_INITIALS) * _BODIES - 1 - np.arange(height))
    return employed.select(id=ids, start="start", end="end", institution="code")


def _insured(rng: Generator, count: int) -> pl.DataFrame:
    """Persons of all ages up to 95, each with one card; one in fifty is no longer insured."""
    birth = _days(rng, date(1930, 1, 1), date(2023, 12, 31), count)
    ids = _ids(np.arange(count))
    card = pl.Series(rng.integers(0, 10**12, count)).cast(pl.String).str.zfill(12)
    left = _days(rng, date(2024, 1, 1), date(2025, 12, 31), count)
    return pl.DataFrame(
        {
            "id": ids,
            "birth": (birth.dt.year() - 1911).cast(pl.String).str.zfill(3) + birth.dt.strftime("%m%d"),
            "card": card,
            "start": birth.clip(lower_bound=_BEGINNING),
            "end": left.set(pl.Series(rng.random(count) >= 0.02), None),
            "sex": ids.str.slice(1, 1).replace({"1": "M", "2": "F"}),
        }
    )


def _ids(numbers: NDArray[np.int64]) -> pl.Series:
    """National IDs, each number's its own; half of them women's."""
    initials = np.array(list(_INITIALS))[(numbers // _BODIES + numbers % _BODIES) % len(_INITIALS)]
    frame = pl.DataFrame({"initial": initials, "body": numbers % _BODIES * _STRIDE % _BODIES})
    stems = frame.select(
        pl.col("initial") + (1 + pl.col("body") // 2 % 2).cast(pl.String) + pl.col("body").cast(pl.String).str.zfill(7)
    )
    return national_id.with_check_digit(stems.to_series())


def _days(rng: Generator, first: date, last: date, count: int) -> pl.Series:
    drawn = np.datetime64(first, "D") + rng.integers(0, (last - first).days, count, endpoint=True)
    return pl.Series(drawn).cast(pl.Date)
