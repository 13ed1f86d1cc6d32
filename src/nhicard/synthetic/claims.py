"""Made-up claim files: sums that agree, dates of one month, people who do not exist; columns all the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl
from numpy.random import Generator, default_rng

from nhicard.checks.claims.rulebook.totals import SUBTOTALS, groups
from nhicard.formats import assumptions as choices
from nhicard.formats import rocdate
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.claims import Claims, Kind, table
from nhicard.identity import visit_identifier
from nhicard.identity.institution_code import with_check_digit
from nhicard.identity.keyring import KeyRing
from nhicard.synthetic.draw import CAPITALS_AND_DIGITS, Choice, texts
from nhicard.synthetic.people import FIRST_STAFF_NUMBER, identities
from nhicard.synthetic.tables import shipped_codes
from nhicard.synthetic.tables import table as data

_CHARACTERS: Final = "甲乙丙丁戊己庚辛壬癸"
_INSTITUTION: Final[Mapping[Kind, str]] = {"outpatient": "350120001", "inpatient": "113101001", "pharmacy": "593101001"}
_FEES: Final = {"0": ("00109C", 320), "9": ("05202B", 45)}
_CATEGORIES: Final[Mapping[Kind, tuple[str, ...]]] = {
    "outpatient": ("1", "2", "3"),
    "inpatient": ("1", "2", "3"),
    "pharmacy": ("1",),
}
_STAFF: Final = 12


@dataclass(frozen=True, slots=True)
class _Draw:
    """What a file is drawn with: the generator, the kind's roles, the month and how many cases."""

    rng: Generator
    roles: Mapping[str, str]
    month: date
    height: int


def generate_claims(
    kind: Kind,
    cases: int,
    seed: int,
    as_of: datetime,
    *,
    assumptions: Assumptions | None = None,
    keys: KeyRing | None = None,
) -> Claims:
    """A claim for the month before ``as_of`` that no rule finds fault with; the same seed gives the same claims.

    With ``keys`` the visit identifiers are genuine. Raises ValueError for a month before the revision of 112-07.
    """
    last = as_of.date().replace(day=1) - timedelta(days=1)
    if last < date(2023, 7, 1):
        raise ValueError("claims are made up for months from 2023-07 on")
    known = table(kind, assumptions)
    rng = default_rng([seed, KIND_SEEDS[kind]])
    draw = _Draw(rng, known.roles, last.replace(day=1), cases)
    institution = with_check_digit([_INSTITUTION[kind]])[0]
    orders = _orders(kind, draw)
    frame = _cases(kind, draw, orders, institution, keys)
    visit_time = rocdate_text(frame["day"]) + "0930"
    numbered = {
        "order_from": visit_time.gather(orders["row"]),
        "order_until": visit_time.gather(orders["row"]),
    }
    if "order_identifier" in known.roles:
        numbered["order_identifier"] = frame[known.roles["identifier"]].gather(orders["row"])
    sent = orders.with_columns(**numbered).rename({r: known.roles[r] for r in (*_ORDER_ROLES, *numbered)})
    totals = {
        "kind": known.elements[known.roles["kind"]].values[0],
        "institution": institution,
        "month": rocdate.format_date(last)[:5],
        "claim_type": "1",
        "claim_day": rocdate.format_date(as_of),
    }
    head = {known.roles[role]: value for role, value in totals.items()} | {"t4": "2" if kind == "pharmacy" else "3"}
    for role, day in (("first_day", draw.month), ("last_day", last)):
        if role in known.roles:
            head[known.roles[role]] = rocdate.format_date(day)
    claims = Claims(
        known,
        pl.DataFrame([head], schema=dict.fromkeys(known.ids("t"), pl.String)),
        _complete(frame, ["case"], known.ids("d")),
        _complete(sent, ["case", "order", "row"], known.ids("p")),
    )
    return with_totals(claims, assumptions)


KIND_SEEDS: Final[Mapping[Kind, int]] = {"outpatient": 10, "inpatient": 20, "pharmacy": 30}
_ORDER_ROLES: Final = (
    "order_serial",
    "order_category",
    "order_code",
    "order_share",
    "order_quantity",
    "order_price",
    "order_points",
)


def rocdate_text(days: pl.Series) -> pl.Series:
    """``yyyMMdd`` of dates."""
    number = (days.dt.year() - rocdate.YEAR_BEFORE_FIRST).cast(pl.String).str.zfill(3)
    return number + days.dt.strftime("%m%d")


def _complete(frame: pl.DataFrame, numbers: list[str], ids: tuple[str, ...]) -> pl.DataFrame:
    """The frame's columns in the table's order, those that are missing null."""
    nothing = pl.lit(None, dtype=pl.String)
    return frame.select(
        *(pl.col(name).cast(pl.UInt32) for name in numbers),
        *(pl.col(name) if name in frame.columns else nothing.alias(name) for name in ids),
    )


def _orders(kind: Kind, draw: _Draw) -> pl.DataFrame:
    """Orders by role with their case's row: one to four priced ones, the first a drug, then the fees."""
    counts = draw.rng.integers(1, 5, draw.height)
    row = np.repeat(np.arange(draw.height), counts)
    first = np.concatenate([[True], row[1:] != row[:-1]])
    category = np.array(_CATEGORIES[kind])[draw.rng.integers(0, len(_CATEGORIES[kind]), len(row))]
    category[first] = "1"
    drugs = shipped_codes("drugs_sample", ".")["code"]
    items = shipped_codes("payment_items", "^(06|08|09)[0-9]{3}C$")["code"]
    place = draw.rng.integers(0, 1 << 30, len(row))
    code = (
        pl.DataFrame({"c": category, "d": drugs.gather(place % len(drugs)), "i": items.gather(place % len(items))})
        .select(
            pl.when(pl.col("c") == "1")
            .then(pl.col("d"))
            .when(pl.col("c") == "2")
            .then(pl.col("i"))
            .otherwise(pl.lit("CDD0112233RR"))
        )
        .to_series()
    )
    quantity = draw.rng.integers(1, 60, len(row))
    cents = draw.rng.integers(100, 20_000, len(row))
    points = (quantity * cents + 50) // 100
    priced = pl.DataFrame(
        {
            "row": row,
            "order_category": category,
            "order_code": code,
            "order_quantity": pl.Series(quantity).cast(pl.String) + ".0",
            "order_price": _hundredths(cents),
            "points": points,
        }
    )
    fees = [
        pl.DataFrame(
            {
                "row": np.arange(draw.height),
                "order_category": kind_of_fee,
                "order_code": item,
                "order_quantity": "1.0",
                "order_price": f"{price}.00",
                "points": price,
            }
        )
        for kind_of_fee, (item, price) in _FEES.items()
        if not (kind == "pharmacy" and kind_of_fee == "0")
    ]
    return (
        pl.concat([priced, *fees], how="vertical_relaxed")
        .sort("row", maintain_order=True)
        .with_columns(order=pl.int_range(1, pl.len() + 1).over("row"), case=pl.col("row") + 1)
        .with_columns(
            order_serial=pl.col("order").cast(pl.String),
            order_share=pl.lit("100.00"),
            order_points=pl.col("points").cast(pl.String),
        )
    )


def _hundredths(cents: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pl.Series:
    whole, part = pl.Series(cents // 100).cast(pl.String), pl.Series(cents % 100).cast(pl.String)
    return whole + "." + part.str.zfill(2)


def _cases(kind: Kind, draw: _Draw, orders: pl.DataFrame, institution: str, keys: KeyRing | None) -> pl.DataFrame:
    rng, height, roles = draw.rng, draw.height, draw.roles
    listed = data("claim_categories").filter(pl.col("kind") == kind).select("kind", "category", "department", "weight")
    drawn = Choice(listed, "kind").draw(rng, pl.Series([kind]).new_from_index(0, height)).sort("category")
    female = pl.Series(rng.random(height) < 0.5)
    person = identities(rng, pl.Series(rng.integers(0, max(10, height // 2), height)), female)
    # from the second day on, so that a day of the month before the visit exists
    day = pl.Series([draw.month]).new_from_index(0, height) + pl.Series(
        rng.integers(1, 27, height) * 86_400_000_000
    ).cast(pl.Duration("us"))
    staff = identities(
        default_rng(KIND_SEEDS[kind]), pl.Series(np.arange(_STAFF) + FIRST_STAFF_NUMBER), pl.Series([True] * _STAFF)
    )
    physician = staff.gather(rng.integers(0, _STAFF, height))
    sums = {
        category: orders.filter(pl.col("order_category") == category).group_by("row").agg(pl.sum("points"))
        for category in ("1", "2", "3", "0", "9")
    }
    rows = pl.DataFrame({"row": np.arange(height)})
    parts = {
        category: rows.join(found, on="row", how="left", maintain_order="left")["points"].fill_null(0)
        for category, found in sums.items()
    }
    total = sum(parts.values(), start=pl.Series(np.zeros(height, dtype=np.int64)))
    tcm = drawn["department"] == "60"
    basic = pl.Series(rng.integers(0, 2, height) * 50)
    drugs = pl.Series(rng.integers(0, 3, height) * 20)
    examined = pl.Series(rng.integers(0, 2, height) * 10)
    copayment = basic + drugs + examined
    copayment_code = (
        pl.DataFrame({"tcm": tcm, "drugs": drugs})
        .select(
            pl.when(~pl.col("tcm"))
            .then(pl.lit("D10"))
            .when(pl.col("drugs") > 0)
            .then(pl.lit("S14"))
            .otherwise(pl.lit("S10"))
        )
        .to_series()
    )
    birth = pl.Series(np.datetime64("1930-01-01") + rng.integers(0, 33_000, height)).cast(pl.Date)
    letters = np.array(list(_CHARACTERS))
    name = pl.Series(letters[rng.integers(0, 10, height)]) + pl.Series(letters[rng.integers(0, 10, height)])
    text = rocdate_text(day)
    values: dict[str, pl.Series] = {
        "category": drawn["category"],
        "serial": drawn.select(pl.int_range(1, pl.len() + 1).over("category").cast(pl.String)).to_series(),
        "person": person,
        "birth": rocdate_text(birth),
        "department": drawn["department"],
        "visit_day": text,
        "end_day": text,
        "discharge_day": text,
        "prescription_day": text,
        "copayment_code": copayment_code if kind == "outpatient" else pl.Series(["D10"]).new_from_index(0, height),
        "visit_number": (pl.Series(np.arange(height) % 9000 + 1)).cast(pl.String).str.zfill(4),
        "physician": physician,
        "prescriber": physician,
        "pharmacist": physician,
        "drug_points": parts["1"].cast(pl.String),
        "treatment_points": parts["2"].cast(pl.String),
        "material_points": parts["3"].cast(pl.String),
        "consultation_points": parts["0"].cast(pl.String),
        "dispensing_points": parts["9"].cast(pl.String),
        "total": total.cast(pl.String),
        "copayment": copayment.cast(pl.String),
        "claimed": (total - copayment).cast(pl.String),
        "copayment_basic": basic.cast(pl.String),
        "copayment_drugs": drugs.cast(pl.String),
        "copayment_examinations": examined.cast(pl.String),
        "name": "測試病患" + name,
        "order_count": orders.group_by("row", maintain_order=True).len()["len"].cast(pl.String),
        "identifier": _identifiers(rng, person, institution, day, keys),
    }
    sent = {roles[role]: series for role, series in values.items() if role in roles}
    return pl.DataFrame({"case": np.arange(1, height + 1), "day": day, **sent})


def _identifiers(
    rng: Generator, person: pl.Series, institution: str, day: pl.Series, keys: KeyRing | None
) -> pl.Series:
    height = len(person)
    if keys is None:
        return texts(rng, height, visit_identifier.LENGTH, CAPITALS_AND_DIGITS)
    second = pl.Series(9 * 3600 + rng.permutation(height) % 36_000) * 1_000_000
    return visit_identifier.issue(
        keys,
        person=person,
        institution=pl.Series([institution]).new_from_index(0, height),
        time=day.cast(pl.Datetime("us")) + second.cast(pl.Duration("us")),
        service=pl.Series([next(iter(visit_identifier.services()))]).new_from_index(0, height),
    )


def with_totals(claims: Claims, assumptions: Assumptions | None = None) -> Claims:
    """The claims with the totals that their cases add up to."""
    roles = claims.table.roles
    number = {role: pl.col(roles[role]).cast(pl.Int64, strict=False).fill_null(0) for role in ("claimed", "copayment")}
    every, category = pl.lit(True), pl.col(roles["category"])

    def counted(where: pl.Expr) -> int:
        return (
            int(claims.cases.select(where.fill_null(False).sum()).item()) if where is not every else claims.cases.height
        )

    def summed(role: str, where: pl.Expr) -> int:
        return int(claims.cases.select(pl.when(where).then(number[role]).otherwise(0).sum()).item())

    found: dict[str, int] = {}
    for count, points, categories in groups(claims.table, assumptions or choices.load()):
        mine = category.is_in(list(categories))
        found |= {count: counted(mine), points: summed("claimed", mine)}
    if claims.kind == "outpatient":
        for own, parts in SUBTOTALS.items():
            for by in (0, 1):
                found[_further(own, by)] = sum(found.get(_further(part, by), 0) for part in parts)
    whole = {
        "claimed_count": claims.cases.height,
        "claimed_points": summed("claimed", every),
        "copayment_count": counted(number["copayment"] > 0),
        "copayment_points": summed("copayment", every),
    }
    found |= {roles[role]: value for role, value in whole.items() if role in roles}
    return replace(claims, totals=claims.totals.with_columns(**{k: pl.lit(str(v)) for k, v in found.items()}))


def _further(element: str, by: int) -> str:
    return f"t{int(element[1:]) + by}"
