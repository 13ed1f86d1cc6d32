"""Who is who: the arithmetic of national IDs and institution codes."""

from collections.abc import Sequence

import polars as pl


def weighted_remainder(number: pl.Expr, weights: Sequence[int]) -> pl.Expr:
    """Sum of a number's digits, each times its weight, modulo 10; the last weight is the last digit's."""
    # Modulo 10 a digit may stand with all that is before it: (n // 10**place) differs from it by tens only.
    terms = [number // 10**place * weight for place, weight in enumerate(reversed(weights))]
    return pl.sum_horizontal(terms, ignore_nulls=False) % 10
