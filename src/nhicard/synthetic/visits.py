"""What happened at each visit, told without regard to an edition: who, where, when, why, with what card."""

from __future__ import annotations

from string import digits
from typing import Final

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from nhicard.identity.institution_code import with_check_digit
from nhicard.synthetic.draw import CAPITALS_AND_DIGITS, HEXADECIMAL, Choice, numbers, texts
from nhicard.synthetic.tables import table
from nhicard.synthetic.world import World, kinds

DAYS_BEFORE: Final = 7  # the visits are of so many days before the upload
_SECONDS_A_DAY: Final = 86_400
_VIRTUAL_CARDS: Final = 0.03
_HIGHEST_NUMBER: Final = 90
_LATE: Final = ("late", "late_lost", "first_card")
_DIAGNOSES: Final = 3
_DAYS_AS_NEWBORN: Final = 55  # within the 60 that a parent's card serves


def visits(rng: Generator, height: int, world: World) -> pl.DataFrame:
    """``height`` visits, a row each. Times are Datetime("us"), amounts and counts Int64, the rest strings;
    null where something does not belong to the visit. ``modifier`` says what is out of the ordinary."""
    frame = _scene(rng, height, world)
    frame = frame.with_columns(modifier=_modifier(rng, frame)).with_columns(**_identifiers(rng, frame))
    frame = frame.with_columns(**_times(rng, frame, world))
    return frame.with_columns(
        **_original(rng, frame),
        **_newborn(rng, frame),
        **_diagnoses(rng, frame),
        **_fees(rng, frame),
        **_prescription(rng, frame),
        **_number(rng, frame),
    )


def _scene(rng: Generator, height: int, world: World) -> pl.DataFrame:
    """Where it was, what kind of visit, who came and who treated them."""
    anywhere = pl.Series(["*"]).new_from_index(0, height)
    place = world.institutions.draw(rng, anywhere).select("institution", "letter", "sam")
    kind = world.kinds_at.draw(rng, place["letter"]).drop("letter", "weight")
    band = world.bands.draw(rng, kind["kind"])["band"]
    anybody = world.people.draw(rng, band).select("person", "birth", "card")
    woman = world.women.draw(rng, band).select("person", "birth", "card")
    only_women = (kind["sex"] == "F").fill_null(False)
    person = anybody.select(
        pl.when(pl.lit(only_women)).then(woman[name]).otherwise(pl.col(name)).alias(name) for name in anybody.columns
    )
    physician = world.staff.draw(rng, place["institution"]).select("physician")
    return pl.concat([place, kind, person, physician], how="horizontal")


def _modifier(rng: Generator, frame: pl.DataFrame) -> pl.Series:
    """At most one thing out of the ordinary a visit, of those that its kind allows."""
    chosen = pl.Series([""]).new_from_index(0, frame.height)
    for name, share in table("modifiers").select("modifier", "share").iter_rows():
        happens = pl.Series(rng.random(frame.height) < share) & frame["may"].list.contains(name).fill_null(False)
        chosen = chosen.set(happens & (chosen == ""), name)
    return chosen


def _identifiers(rng: Generator, frame: pl.DataFrame) -> dict[str, pl.Series]:
    """Identifiers of this visit, of the actual and of the original one; the security signature."""
    height = frame.height
    return {
        "identifier": texts(rng, height, 20, CAPITALS_AND_DIGITS),
        "actual_identifier": texts(rng, height, 20, CAPITALS_AND_DIGITS),
        "original_identifier": texts(rng, height, 20, CAPITALS_AND_DIGITS),
        "signature": texts(rng, height, 128, HEXADECIMAL),
    }


def _times(rng: Generator, frame: pl.DataFrame, world: World) -> dict[str, pl.Series]:
    """When the card was presented, and before that the actual visit of a late card."""
    height = frame.height
    hours = Choice(table("hours").with_columns(daily=pl.lit("*")), "daily")
    hour = hours.draw(rng, pl.Series(["*"]).new_from_index(0, height))["hour"].cast(pl.Int64).to_numpy()
    days = rng.integers(1, DAYS_BEFORE, height, endpoint=True)
    # A test result is reported by the day after.
    days = np.where(frame["data_type"].to_numpy() == "5", 1, days)
    midnight = np.datetime64(world.as_of.date(), "us")
    seconds = hour * 3600 + rng.integers(0, 3600, height) - days * _SECONDS_A_DAY
    time = pl.Series(midnight + _seconds(seconds))
    earlier = rng.integers(1, 4, height, endpoint=True) * _SECONDS_A_DAY + rng.integers(0, 3 * 3600, height)
    late = frame["modifier"].is_in(_LATE)
    return {"time": time, "actual_time": (time - pl.Series(_seconds(earlier))).set(~late, None)}


def _seconds(count: NDArray[np.int64]) -> NDArray[np.timedelta64]:
    return count * np.timedelta64(1_000_000, "us")


def _original(rng: Generator, frame: pl.DataFrame) -> dict[str, pl.Series]:
    """The visit that prescribed or ordered what this one carries out; null where nothing did."""
    height = frame.height
    bounds = frame.select("original").join(
        table("originals").with_columns(pl.col("least_hours", "most_hours").cast(pl.Int64)),
        on="original",
        how="left",
        maintain_order="left",
    )
    back = numbers(rng, bounds["least_hours"] * 3600, bounds["most_hours"] * 3600)
    stem = pl.concat_str(pl.lit("35"), texts(rng, height, 2, digits), pl.lit("99"), texts(rng, height, 3, digits))
    other = with_check_digit(pl.select(stem).to_series())
    none = back.is_null()
    return {
        "original_identifier": frame["original_identifier"].set(none, None),
        "original_institution": frame["institution"].zip_with(bounds["elsewhere"] == "no", other).set(none, None),
        "original_number": _card_number(rng, height).set(none, None),
        "original_time": frame["time"] - (back * 1_000_000).cast(pl.Duration("us")),
    }


def _newborn(rng: Generator, frame: pl.DataFrame) -> dict[str, pl.Series]:
    """A child seen on its parent's card: its birth, how many were born, which of them it is (a girl's in small)."""
    height = frame.height
    none = frame["modifier"] != "newborn"
    count = np.minimum(rng.geometric(0.9, height), 5)
    place = rng.integers(1, count, endpoint=True)
    first = np.where(rng.random(height) < 0.5, ord("A"), ord("a"))
    letters = (first + place - 1).astype(np.uint32).view("U1")
    age = pl.Series(rng.integers(0, _DAYS_AS_NEWBORN, height)).cast(pl.Int64) * _SECONDS_A_DAY * 1_000_000
    return {
        "newborn_birth": (frame["time"] - age.cast(pl.Duration("us"))).cast(pl.Date).set(none, None),
        "newborn_count": pl.Series(count).set(none, None),
        "newborn_mark": pl.Series(letters).set(none, None),
    }


def _diagnoses(rng: Generator, frame: pl.DataFrame) -> dict[str, pl.Series]:
    """``diagnosis`` and up to two further ones of the same group, none twice."""
    groups = Choice(table("diagnoses"), "group")
    known = frame["diagnoses"].is_not_null()
    keys = frame["diagnoses"].fill_null(groups.frame["group"][0])
    main = groups.rows(rng, keys)
    many = np.minimum(rng.geometric(0.6, frame.height) - 1, _DIAGNOSES - 1)
    codes = [groups.frame["code"][groups.further(main, keys, np.full_like(main, step))] for step in range(_DIAGNOSES)]
    return {
        f"diagnosis_{step}": codes[step].set(
            ~known | pl.Series((many < step) | (step > 0) & (codes[step] == codes[0]).to_numpy()), None
        )
        for step in range(_DIAGNOSES)
    }


def _fees(rng: Generator, frame: pl.DataFrame) -> dict[str, pl.Series]:
    """Outpatient fee and co-payment, or those of a stay."""
    copays = Choice(kinds().select("kind", "copay").explode("copay"), "kind")
    stay = pl.Series(rng.integers(8_000, 160_000, frame.height)).set(~frame["stay"], None)
    return {
        "fee": numbers(rng, frame["fee_low"], frame["fee_high"]),
        "copay": copays.draw(rng, frame["kind"])["copay"].cast(pl.Int64),
        "stay_fee": stay,
        "stay_copay": stay // 10,
    }


def _prescription(rng: Generator, frame: pl.DataFrame) -> dict[str, pl.Series]:
    """How drugs were prescribed and dispensed (supplies.csv)."""
    drawn = Choice(table("supplies"), "supply").draw(rng, frame["supply"]).drop("supply", "weight")
    return {name: drawn[name] for name in drawn.columns}


def _number(rng: Generator, frame: pl.DataFrame) -> dict[str, pl.Series]:
    """The sequence number: counted, of an examination or vaccine, fixed by the kind, or the reason why none was got."""
    height = frame.height
    exam = Choice(table("examinations"), "kind")
    examined = frame["number"] == "exam"
    found = exam.draw(rng, frame["kind"].set(~examined.fill_null(False), None)).drop("kind")
    vaccines = Choice(table("vaccines").with_columns(any=pl.lit("*")), "any")
    vaccine = vaccines.rows(rng, pl.Series(["*"]).new_from_index(0, height))
    reasons = Choice(table("reasons").with_columns(any=pl.lit("*")), "any")
    reason = reasons.draw(rng, pl.Series(["*"]).new_from_index(0, height))["number"]
    number = pl.select(
        pl.when(frame["modifier"] == "abnormal")
        .then(reason)
        .when(frame["number"] == "counted")
        .then(_card_number(rng, height))
        .when(frame["number"] == "exam")
        .then(found["number"])
        .when(frame["number"] == "vaccine")
        .then(vaccines.frame["number"][vaccine])
        .otherwise(frame["number"])
    ).to_series()
    return {
        "number": number,
        "item": found["item"],
        "exam": found["exam"],
        "prenatal": found["prenatal"],
        "exam_order": found["order"],
        "vaccine": pl.Series(vaccine),
    }


def _card_number(rng: Generator, height: int) -> pl.Series:
    """Numbers that a card gives; a few are virtual cards'."""
    count = pl.Series(rng.integers(1, _HIGHEST_NUMBER, height, endpoint=True)).cast(pl.String)
    virtual = pl.Series(rng.random(height) < _VIRTUAL_CARDS)
    return pl.select(pl.when(virtual).then(pl.lit("W") + count.str.zfill(3)).otherwise(count.str.zfill(4))).to_series()
