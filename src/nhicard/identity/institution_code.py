"""Institution codes (醫事機構代碼), ten characters: kind 2, county 2, township 2, serial 3, check digit 1.

The serial may hold letters G to Z, and correctional institutions begin with 9A. The check digit is the sum of
the first nine digits, each times its place (1 to 9), modulo 10. That rule is inferred from published codes; a
few real ones, and the insurer's own test clinic, do not keep it. A mismatch is therefore a hint and never a
reason to reject.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nhicard.identity import fixed_width, weighted_remainder

_FORM: Final = r"^(?:[0-9]{2}|9A)[0-9]{4}[0-9G-Z]{3}[0-9]\z"
_PLACES: Final = (1, 2, 3, 4, 5, 6, 7, 8, 9)


def is_wellformed(expr: pl.Expr) -> pl.Expr:
    """Whether strings have the form of an institution code: Boolean, null where null."""
    return expr.str.contains(_FORM)


def check_digit_agrees(expr: pl.Expr) -> pl.Expr:
    """Whether the check digit is what the first nine digits ask for: Boolean, a hint only.

    Null where nobody can tell: codes with letters, malformed ones, nulls.
    """
    number = expr.cast(pl.Int64, strict=False)
    agrees = weighted_remainder(number // 10, _PLACES) == number % 10
    return pl.when(expr.str.contains(r"^[0-9]{10}\z")).then(agrees)


def with_check_digit(prefixes: pl.Series | NDArray[np.str_] | Sequence[str]) -> pl.Series:
    """Codes of ten digits from their first nine; raises `ValueError` if one is not nine digits."""
    stems = pl.Series("institution", prefixes, dtype=pl.String)
    stem = pl.col("institution")
    number = pl.when(stem.str.contains(r"^[0-9]{9}\z")).then(stem).cast(pl.Int64)
    check_digit = weighted_remainder(number, _PLACES)
    codes = stems.to_frame().select(stem + check_digit.cast(pl.String)).to_series()
    if codes.has_nulls():
        row = codes.is_null().arg_max()
        raise ValueError(f"row {row} is not nine digits")
    return codes


# Every well-formed code has a number below NUMBERS, the check digit included: real codes may not keep its rule.
_KIND_9A: Final = 100
_SERIAL: Final = np.frombuffer(b"0123456789GHIJKLMNOPQRSTUVWXYZ", np.uint8)
NUMBERS: Final = (_KIND_9A + 1) * 10**4 * len(_SERIAL) ** 3 * 10


def to_number(codes: pl.Series) -> NDArray[np.int64]:
    """The numbers of well-formed codes, shape (rows,); meaningless for others, which must be ten ASCII characters."""
    matrix = fixed_width.to_matrix(codes, 10)
    digits = matrix - ord("0")
    kind = np.where(matrix[:, 1] == ord("A"), _KIND_9A, fixed_width.digits_to_number(digits[:, :2]))
    serial = fixed_width.digits_to_number(fixed_width.places(_SERIAL)[matrix[:, 6:9]], len(_SERIAL))
    area = fixed_width.digits_to_number(digits[:, 2:6])
    return ((kind * 10**4 + area) * len(_SERIAL) ** 3 + serial) * 10 + digits[:, 9]


def from_number(numbers: NDArray[np.int64]) -> pl.Series:
    """The inverse of ``to_number``; null where the number is beyond the range."""
    known = (numbers >= 0) & (numbers < NUMBERS)
    rest, check_digit = np.divmod(np.where(known, numbers, 0), 10)
    rest, serial = np.divmod(rest, len(_SERIAL) ** 3)
    kind, area = np.divmod(rest, 10**4)
    two = fixed_width.number_to_digits(np.minimum(kind, 99), 2) + ord("0")
    two[kind == _KIND_9A] = np.frombuffer(b"9A", np.uint8)
    matrix = np.column_stack(
        [
            two,
            fixed_width.number_to_digits(area, 4) + ord("0"),
            _SERIAL[fixed_width.number_to_digits(serial, 3, len(_SERIAL))],
            (check_digit + ord("0")).astype(np.uint8),
        ]
    )
    return fixed_width.to_texts(matrix).set(pl.Series(~known), None)
