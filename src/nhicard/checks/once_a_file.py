"""Rules about what a file may hold only once, across its slices."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nhicard.checks.rule import Rule


class Repeats:
    """Keys seen so far in a file, by rule code."""

    def __init__(self) -> None:
        self._seen: dict[str, pl.DataFrame] = {}

    def among(self, rule: Rule, rows: NDArray[np.intp], *frames: pl.DataFrame) -> NDArray[np.intp]:
        """Of the rows, those whose key was seen before in this file. Key fields may stand in any of the frames."""
        fields = ("file", *rule.once_a_file)
        key = pl.DataFrame(
            [next(frame[name] for frame in frames if name in frame.columns)[rows].alias(name) for name in fields]
        )
        seen = self._seen.get(rule.code)
        joined = key if seen is None else pl.concat([seen, key])
        earlier = 0 if seen is None else seen.height
        again = ~joined.select(pl.struct(fields).is_first_distinct()).to_series()
        self._seen[rule.code] = joined.unique(maintain_order=True)
        repeated: NDArray[np.intp] = rows[again[earlier:].to_numpy()]
        return repeated
