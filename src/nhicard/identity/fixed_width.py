"""Columns of equally long ASCII strings as byte matrices and back, without a loop over rows."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Matrix = NDArray[np.uint8]


def to_matrix(texts: pl.Series, width: int) -> Matrix:
    """Shape (rows, width). Every text must be ASCII of that width and not null (ValueError otherwise)."""
    flat = np.frombuffer("".join(texts.to_list()).encode("ascii"), np.uint8)
    return flat.reshape(len(texts), width)


def to_texts(matrix: Matrix) -> pl.Series:
    """The rows as strings."""
    width = matrix.shape[1]
    rows = np.ascontiguousarray(matrix).view(f"S{width}").reshape(-1)
    return pl.Series(rows.astype(f"U{width}"), dtype=pl.String)


def digits_to_number(digits: Matrix, base: int = 10) -> NDArray[np.int64]:
    """Rows of digit values (0 … base - 1), most significant first, as numbers."""
    powers = np.array([base**place for place in reversed(range(digits.shape[1]))], np.int64)
    return digits.astype(np.int64) @ powers


def number_to_digits(numbers: NDArray[np.int64], width: int, base: int = 10) -> Matrix:
    """The inverse of ``digits_to_number``."""
    out = np.empty((len(numbers), width), np.uint8)
    rest = numbers
    for place in reversed(range(width)):
        rest, out[:, place] = np.divmod(rest, base)
    return out


def places(alphabet: Matrix) -> Matrix:
    """A table of 256: for each byte of the alphabet its place in it, 255 for other bytes."""
    table = np.full(256, 255, np.uint8)
    table[alphabet] = np.arange(len(alphabet))
    return table
