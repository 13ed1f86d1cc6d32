"""Drawing at random, whole columns at a time."""

from __future__ import annotations

from string import ascii_uppercase, digits
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.random import Generator
from numpy.typing import NDArray

HEXADECIMAL: Final = "0123456789ABCDEF"
CAPITALS_AND_DIGITS: Final = digits + ascii_uppercase

Rows = NDArray[np.int64]


def texts(rng: Generator, height: int, width: int, alphabet: str) -> pl.Series:
    """Random strings of ``width`` ASCII characters each."""
    letters = np.frombuffer(alphabet.encode("ascii"), np.uint8)
    body = letters[rng.integers(0, len(letters), height * width, dtype=np.uint8)]
    ends = np.arange(0, (height + 1) * width, width, dtype=np.int32)
    found = pl.from_arrow(pa.StringArray.from_buffers(height, pa.py_buffer(ends), pa.py_buffer(body)))
    assert isinstance(found, pl.Series)
    return found


def numbers(rng: Generator, low: pl.Series, high: pl.Series) -> pl.Series:
    """Whole numbers from low to high, both included; null where either is null."""
    known = low.is_not_null() & high.is_not_null()
    drawn = rng.integers(low.fill_null(0).to_numpy(), high.fill_null(0).to_numpy(), endpoint=True)
    return pl.Series(drawn).set(~known, None)


class Choice:
    """Rows of a table drawn within groups, in proportion to the column ``weight`` where there is one."""

    def __init__(self, frame: pl.DataFrame, by: str) -> None:
        self.frame = frame.sort(by, maintain_order=True)
        lengths = self.frame.group_by(by, maintain_order=True).len()
        self._place = dict(zip(lengths[by], range(lengths.height), strict=True))
        self._size: Rows = lengths["len"].to_numpy().astype(np.int64)
        self._first: Rows = np.cumsum(self._size) - self._size
        weights = self.frame["weight"].to_numpy() if "weight" in frame.columns else np.ones(frame.height)
        self._until = np.cumsum(weights)
        self._from = np.concatenate([[0.0], self._until])[self._first]
        self._to = self._until[self._first + self._size - 1]

    def rows(self, rng: Generator, keys: pl.Series) -> Rows:
        """A row number of ``frame`` for each key; raises InvalidOperationError for a key without rows."""
        group = self._groups(keys)
        points = self._from[group] + rng.random(len(group)) * (self._to - self._from)[group]
        found = np.searchsorted(self._until, points, side="right")
        # Rounding may carry a point to the end of its group.
        rows: Rows = np.minimum(found, self._first[group] + self._size[group] - 1)
        return rows

    def further(self, rows: Rows, keys: pl.Series, steps: NDArray[np.int64]) -> Rows:
        """The rows that many steps on in their groups, from the end on again at the start."""
        group = self._groups(keys)
        first = self._first[group]
        reached: Rows = first + (rows - first + steps) % self._size[group]
        return reached

    def draw(self, rng: Generator, keys: pl.Series) -> pl.DataFrame:
        """The drawn rows as a frame of the keys' height; all null where the key is null."""
        known = keys.is_not_null()
        rows = pl.Series(self.rows(rng, keys.drop_nulls()))
        index = pl.Series(np.zeros(len(keys), np.int64)).scatter(known.arg_true(), rows)
        return self.frame[index].select(pl.when(known).then(pl.all()))

    def _groups(self, keys: pl.Series) -> Rows:
        return keys.replace_strict(self._place, return_dtype=pl.Int64).to_numpy()
