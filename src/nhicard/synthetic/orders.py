"""What was ordered at each visit, told without regard to an edition: drugs, procedures, fees, allergies, vaccines."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import polars as pl
from numpy.random import Generator

from nhicard.formats.tables import codes
from nhicard.synthetic.draw import HEXADECIMAL, Choice, texts
from nhicard.synthetic.tables import settings, shipped_codes, table
from nhicard.synthetic.world import kinds

_REMARKS: Final = 0.03
_FURTHER_TEETH: Final = 0.15
_DOSES: Final = pl.DataFrame({"dose": [1.0, 0.5, 2.0], "weight": [8.0, 1.0, 1.0], "any": ["*"] * 3})


def orders(rng: Generator, visits: pl.DataFrame, remarks: pl.Series) -> pl.DataFrame:
    """The orders of the visits, in their order: ``visit`` (row of its visit, UInt32), ``role`` and what belongs
    to it. ``days`` are Int64, ``total`` is a string with one decimal, everything else strings. ``remarks``: what
    may be written on a drug.
    """
    frame = _entries(rng, visits)
    frame = frame.hstack(visits.select("days", "exam_order", "vaccine")[frame["visit"]].get_columns())
    frame = frame.with_columns(code=pl.when(pl.col("group") == "exam").then("exam_order").otherwise("code"))
    return frame.with_columns(**_dosage(rng, frame)).with_columns(
        **_sites(rng, frame), **_texts(rng, frame, remarks), **_vaccines(rng, frame), **_allergies(rng, frame)
    )


def _entries(rng: Generator, visits: pl.DataFrame) -> pl.DataFrame:
    """A row an order: visit, nth (of its group), group, role, fee_category, site, code, name.

    Within a group of a visit no code comes twice.
    """
    wanted = (
        visits.select("kind", "modifier").with_row_index("visit").join(_templates(), on="kind", maintain_order="left")
    )
    extra = _extras(visits)
    wanted = pl.concat([wanted.select(extra.columns), extra]).sort("visit", maintain_order=True)
    choice = Choice(items(), "group")
    start = choice.rows(rng, wanted["group"])
    counts = rng.integers(wanted["least"].to_numpy(), wanted["most"].to_numpy(), endpoint=True)
    row = np.repeat(np.arange(wanted.height), counts)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    chosen = choice.further(start[row], wanted["group"][row], nth)
    of_wish = wanted.select("visit")[row].with_columns(nth=pl.Series(nth))
    return pl.concat([of_wish, choice.frame[chosen]], how="horizontal")


def _extras(visits: pl.DataFrame) -> pl.DataFrame:
    """Orders that a modifier brings: a virtual order, a reported allergy."""
    modified = visits.select(group="modifier").with_row_index("visit")
    return modified.filter(pl.col("group").is_in(["virtual", "allergy"])).with_columns(
        least=pl.lit(1, pl.Int64), most=pl.lit(1, pl.Int64)
    )


@cache
def _templates() -> pl.DataFrame:
    """kind, group, least, most: how many orders of which group a kind of visit has."""
    parts = kinds().select("kind", part=pl.col("orders").str.split(" ")).explode("part").drop_nulls()
    group = pl.col("part").str.extract(r"^(\w+):")
    return parts.select(
        "kind",
        group=group,
        least=pl.col("part").str.extract(r":(\d+)-").cast(pl.Int64),
        most=pl.col("part").str.extract(r"-(\d+)$").cast(pl.Int64),
    )


@cache
def items() -> pl.DataFrame:
    """All that can be ordered: group, role, fee_category, site, code, name."""
    schema = {"code": pl.String, "name": pl.String}
    frames = []
    for group, item in settings("items").items():
        listed = (
            shipped_codes(item["list"], item["codes"], item.get("without"))
            if "list" in item
            else pl.DataFrame([{"code": code, "name": code} for code in item.get("named", [""])], schema=schema)
        )
        frames.append(
            listed.with_columns(
                group=pl.lit(group),
                role=pl.lit(item["role"]),
                fee_category=pl.lit(item.get("category"), pl.String),
                site=pl.lit(item.get("site"), pl.String),
            )
        )
    # Neighbours in a list are much alike; in the order of the last characters they are not.
    return pl.concat(frames).sort(pl.col("code").str.reverse())


def _dosage(rng: Generator, frame: pl.DataFrame) -> dict[str, pl.Series]:
    """Usage, days, total and route of drugs; the total of procedures is 1."""
    forms = settings("dosage_forms")["form"]
    form = pl.lit(None, pl.Int64)
    for place, each in reversed(list(enumerate(forms))):
        form = (
            pl.when(pl.col("name").str.contains(f"(?i){each['words']}")).then(pl.lit(place, pl.Int64)).otherwise(form)
        )
    is_drug = frame["role"] == "drug"
    kind = frame.select(pl.when(is_drug).then(form)).to_series()
    told = pl.DataFrame(
        [
            {"kind": place, "route": each["route"], "group": each["usages"], "fixed": each.get("fixed_total")}
            for place, each in enumerate(forms)
        ],
        schema={"kind": pl.Int64, "route": pl.String, "group": pl.String, "fixed": pl.Float64},
    )
    drug = pl.DataFrame({"kind": kind}).join(told, on="kind", how="left", maintain_order="left")
    usage = Choice(table("usages"), "group").draw(rng, drug["group"])
    dose = Choice(_DOSES, "any").draw(rng, pl.Series(["*"]).new_from_index(0, frame.height))["dose"]
    days = frame["days"].cast(pl.Int64).set((drug["group"] == "injection").fill_null(False), 1).set(~is_drug, None)
    total = usage["times"].cast(pl.Float64) * days * dose
    total = drug["fixed"].zip_with(drug["fixed"].is_not_null(), total)
    counted = pl.select(
        pl.when(is_drug)
        .then(total)
        .when(frame["role"].is_in(["procedure", "fee", "result"]))
        .then(1.0)
        .when(frame["role"] == "virtual")
        .then(0.0)
    ).to_series()
    return {"route": drug["route"], "usage": usage["usage"], "days": days, "total": _one_decimal(counted)}


def _one_decimal(amounts: pl.Series) -> pl.Series:
    tenths = (amounts * 10).round(0).cast(pl.Int64)
    return pl.select(
        pl.concat_str((tenths // 10).cast(pl.String), pl.lit("."), (tenths % 10).cast(pl.String))
    ).to_series()


def _sites(rng: Generator, frame: pl.DataFrame) -> dict[str, pl.Series]:
    """Teeth of dental items, now and then two of them; sites of what was done on a ward."""
    height = frame.height
    tooth, body = _site_codes()
    first = tooth[rng.integers(0, len(tooth), height)]
    second = tooth[rng.integers(0, len(tooth), height)]
    teeth = first.zip_with(pl.Series(rng.random(height) >= _FURTHER_TEETH), first + second)
    letter = body[rng.integers(0, len(body), height)]
    place = frame["site"]
    return {"site": pl.select(pl.when(place == "tooth").then(teeth).when(place == "body").then(letter)).to_series()}


@cache
def _site_codes() -> tuple[pl.Series, pl.Series]:
    """Teeth, and sites of one letter, that both editions know."""
    both = [entry for code, entry in codes("2.0", "D07").items() if code in codes("1.0", "A74")]
    teeth = [entry.code for entry in both if entry.attr.split(";")[0] == "kind=tooth"]
    letters = [entry.code for entry in both if entry.attr.startswith("kind=body-site") and len(entry.code) == 1]
    return pl.Series(teeth), pl.Series(letters)


def _texts(rng: Generator, frame: pl.DataFrame, remarks: pl.Series) -> dict[str, pl.Series]:
    """Prescription signatures and, now and then, a remark on a drug."""
    height = frame.height
    remarked = pl.Series(rng.random(height) < _REMARKS) & (frame["role"] == "drug")
    return {
        "order_signature": texts(rng, height, 40, HEXADECIMAL),
        "remark": remarks[(rng.random(height) * len(remarks)).astype(np.int64)].set(~remarked, None),
    }


def _vaccines(rng: Generator, frame: pl.DataFrame) -> dict[str, pl.Series]:
    """Vaccine and lot number."""
    known = table("vaccines")
    none = frame["role"] != "vaccine"
    row = (frame["vaccine"].to_numpy() + frame["nth"].to_numpy()) % known.height
    lot = known["lot"][row] + texts(rng, frame.height, 4, "0123456789")
    return {"vaccine_name": known["vaccine"][row].set(none, None), "lot": lot.set(none, None)}


def _allergies(rng: Generator, frame: pl.DataFrame) -> dict[str, pl.Series]:
    """What a person cannot bear, how it showed, who says so."""
    keys = frame.select(pl.when(pl.col("role") == "allergy").then(pl.lit("*"))).to_series()
    drawn = Choice(table("allergies").with_columns(any=pl.lit("*")), "any").draw(rng, keys).drop("any")
    return {f"allergy_{name}": drawn[name] for name in drawn.columns}
