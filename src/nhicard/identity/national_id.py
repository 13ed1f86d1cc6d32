"""National IDs (身分證號) and resident numbers (統一證號), ten characters, the last a check digit.

=============  ============================  =====================================================
form           second character              who
=============  ============================  =====================================================
A123456789     1 or 2                        citizens
A800000014     8 or 9                        residents, present form
AC01234567     letter A to D                 residents, older form; the letter counts as the units
                                             digit of its number
=============  ============================  =====================================================

The first letter stands for a number from 10 to 35; its tens count once, its units nine times, the characters
after it 8, 7, … 1 times and the check digit once, and the sum is a multiple of ten. Source: the validation
that public implementations agree on.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nhicard.identity import fixed_width, weighted_remainder

_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVXYWZIO"  # in the order of their numbers 10, 11, … 35
_NUMBER: Final = {letter: number for number, letter in enumerate(_LETTERS, start=10)}
_SECOND: Final = {digit: int(digit) for digit in "1289"} | {letter: _NUMBER[letter] % 10 for letter in "ABCD"}
_PREFIX: Final = {
    letter + second: (number // 10 + number % 10 * 9 + digit * 8) % 10
    for letter, number in _NUMBER.items()
    for second, digit in _SECOND.items()
}
_WEIGHTS: Final = (7, 6, 5, 4, 3, 2, 1, 1)
_FORM: Final = r"^[A-Z][1289A-D][0-9]{8}\z"


def is_valid(expr: pl.Expr) -> pl.Expr:
    """Whether strings are national IDs or resident numbers: Boolean, false where malformed, null where null.

    Capital letters only and no blanks around: the value counts as sent.
    """
    return expr.str.contains(_FORM) & (_remainder(expr) == 0)


def is_valid_id(text: str) -> bool:
    """The same for one string."""
    digits = text[2:]
    if text[:2] not in _PREFIX or len(digits) != 8 or not (digits.isascii() and digits.isdigit()):
        return False
    total = _PREFIX[text[:2]] + sum(int(d) * w for d, w in zip(digits, _WEIGHTS, strict=True))
    return total % 10 == 0


def with_check_digit(prefixes: pl.Series | NDArray[np.str_] | Sequence[str]) -> pl.Series:
    """IDs of made-up people from their first nine characters; raises `ValueError` if one is malformed."""
    stems = pl.Series("id", prefixes, dtype=pl.String)
    stem = pl.col("id")
    check_digit = (10 - _remainder(stem + "0")) % 10
    formed = pl.when((stem + "0").str.contains(_FORM)).then(stem)
    ids = stems.to_frame().select(formed + check_digit.cast(pl.String)).to_series()
    if ids.has_nulls():
        row = ids.is_null().arg_max()
        raise ValueError(f"row {row} is not a letter, one of 1289ABCD and seven digits")
    return ids


# Every valid ID has a number below NUMBERS: letter, second character and the seven digits before the check digit.
NUMBERS: Final = 26 * len(_SECOND) * 10**7
_LETTER_CODES: Final = np.frombuffer(_LETTERS.encode(), np.uint8)
_SECOND_CODES: Final = np.frombuffer("".join(_SECOND).encode(), np.uint8)


def to_number(ids: pl.Series) -> NDArray[np.int64]:
    """The numbers of valid IDs, shape (rows,); meaningless for others, which must be ten ASCII characters."""
    matrix = fixed_width.to_matrix(ids, 10)
    letter = fixed_width.places(_LETTER_CODES)[matrix[:, 0]].astype(np.int64)
    second = fixed_width.places(_SECOND_CODES)[matrix[:, 1]]
    return (letter * len(_SECOND) + second) * 10**7 + fixed_width.digits_to_number(matrix[:, 2:9] - ord("0"))


def from_number(numbers: NDArray[np.int64]) -> pl.Series:
    """The inverse of ``to_number``, check digits included; null where the number is beyond the range."""
    known = (numbers >= 0) & (numbers < NUMBERS)
    prefix, digits = np.divmod(np.where(known, numbers, 0), 10**7)
    letter, second = np.divmod(prefix, len(_SECOND))
    stems = np.column_stack(
        [_LETTER_CODES[letter], _SECOND_CODES[second], fixed_width.number_to_digits(digits, 7) + ord("0")]
    )
    return with_check_digit(fixed_width.to_texts(stems)).set(pl.Series(~known), None)


def mask(expr: pl.Expr) -> pl.Expr:
    """IDs for display: the first character and the last three (``A******789``), whatever the field holds.

    Fewer than eight characters are hidden wholly; empty stays empty and null null.
    """
    ends = pl.concat_str(expr.str.head(1), pl.lit("******"), expr.str.tail(3))
    length = expr.str.len_chars()
    return pl.when(length >= 8).then(ends).when(length > 0).then(pl.lit("******")).otherwise(expr)


def _remainder(expr: pl.Expr) -> pl.Expr:
    """The weighted sum modulo 10, which the check digit makes 0; meaningless where malformed."""
    prefix = expr.str.head(2).replace_strict(_PREFIX, default=None, return_dtype=pl.UInt32)
    digits = expr.str.slice(2).cast(pl.UInt32, strict=False)
    return (prefix + weighted_remainder(digits, _WEIGHTS)) % 10
