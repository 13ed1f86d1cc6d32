"""The made-up visits as a hospital's own system would hand them over, and the mistakes that such systems make."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from polars import col

from nhicard.institution.visits import Visits, read20
from nhicard.synthetic.generator import generate

if TYPE_CHECKING:
    from nhicard.identity.keyring import KeyRing


def visits_of(visits: int, seed: int, as_of: datetime, institutions: int, keys: KeyRing | None = None) -> Visits:
    """Visits of the seven days before ``as_of``; arguments as of ``generate``. A few of them are left out: those that
    only records of another upload would make right, and second vaccinations and test reports of a person and day."""
    told = read20(generate("2.0", visits, seed, as_of, institutions, rare_characters=False, keys=keys))
    once_a_day = pl.struct("data_type", "patient_id", col.visit_time.str.head(7)).is_first_distinct()
    kept = (col.visit_category != _SAME_DAY_RETURN) & ((col.data_type == _VISIT) | once_a_day)
    return told.part(told.visits.select(kept.fill_null(True)).to_series().arg_true())


_SAME_DAY_RETURN: Final = "AI"
_VISIT: Final = "1"

#: What goes wrong in the field when a system learns edition 2.0, and which visits it can befall; edition 1.0 knows
#: nothing of these columns, so there the visits are accepted.
MISTAKES: Final[dict[str, tuple[pl.Expr, Callable[[], dict[str, pl.Expr]]]]] = {
    "就醫識別碼抄錯一碼 identifier with one character wrong": (
        col.visit_identifier.is_not_null(),
        lambda: {"visit_identifier": col.visit_identifier.str.head(19) + _other(col.visit_identifier.str.tail(1))},
    ),
    "處方調劑方式填成舊代碼 prescription mode in an old code": (
        col.prescription_mode.is_not_null(),
        lambda: {"prescription_mode": pl.lit("9")},
    ),
    "醫事類別代碼不存在 medical category that does not exist": (
        col.medical_category.is_not_null(),
        lambda: {"medical_category": pl.lit("99")},
    ),
    "原就醫識別碼漏填 original identifier left out": (
        col.original_visit_identifier.is_not_null() & col.visit_category.is_in(["AF", "AE"]),
        lambda: {"original_visit_identifier": pl.lit(None, dtype=pl.String)},
    ),
}


def with_mistakes(visits: Visits, rate: float, seed: int) -> tuple[Visits, dict[str, int]]:
    """The visits with mistakes in about ``rate`` of them, and how many of each kind.

    Every kind that can befall a visit befalls at least one, however few there are.
    """
    rng = np.random.default_rng([seed, 77])
    frame = visits.visits
    drawn = pl.Series("drawn", rng.random(frame.height))
    share = rate / len(MISTAKES)
    counts = {}
    for place, (name, (can, make)) in enumerate(MISTAKES.items()):
        befallen = drawn.is_between(place * share, (place + 1) * share, closed="left")
        possible = frame.select(can.fill_null(False).alias("can"))["can"]
        rows = befallen & possible
        if not rows.any() and possible.any():
            rows = pl.Series(np.arange(frame.height) == possible.arg_true()[0])
        counts[name] = int(rows.sum())
        frame = frame.with_columns(
            pl.when(pl.lit(rows)).then(value).otherwise(column).alias(column) for column, value in make().items()
        )
    return Visits(frame, visits.orders), counts


def _other(character: pl.Expr) -> pl.Expr:
    return pl.when(character == "A").then(pl.lit("B")).otherwise(pl.lit("A"))
