"""What a day brings: who sends what when. Pure; seconds are those of the run, hours those of the simulated day."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import numpy as np
import polars as pl
from numpy.random import Generator

#: Of the whole nation.
INSTITUTIONS: Final = 28_000
VISITS_A_DAY: Final = 1_200_000
_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Day:
    """The part of a day that is simulated and how fast it passes.

    ``institutions`` and ``scale``: the nation's institutions, and which fraction of them and of their visits is there.
    ``first``, ``last``: hours of the day. ``seconds``: how long the run takes. ``switched``: shares of the institutions
    that upload 2.0 for real at the first and at the last hour; the others upload 1.0, and 2.0 as a pre-check.
    ``offline``: share of the institutions whose line is down from 30 % to 45 % of the run. ``repeated``: share of the
    uploads whose receipt is lost, so that they come twice. ``worker_stops``: the part of the run that has no worker.
    """

    institutions: int = INSTITUTIONS
    scale: float = 0.01
    first: int = 7
    last: int = 22
    seconds: float = 360.0
    seed: int = 1
    switched: tuple[float, float] = (0.3, 0.5)
    offline: float = 0.05
    line_down: tuple[float, float] = (0.30, 0.45)
    repeated: float = 0.01
    worker_stops: tuple[float, float] = (0.55, 0.65)

    @property
    def there(self) -> int:
        """How many institutions the run has."""
        return max(5, round(self.institutions * self.scale))

    @property
    def visits(self) -> int:
        """How many visits the run has: those of the simulated hours."""
        curves = _table("curves")
        shares = curves.select(pl.exclude("hour") / pl.exclude("hour").sum()).mean_horizontal()
        return max(
            10,
            round(
                VISITS_A_DAY
                * self.institutions
                / INSTITUTIONS
                * self.scale
                * float(shares[self._hours].to_numpy().sum())
            ),
        )

    @property
    def speed(self) -> float:
        """Simulated seconds a second."""
        return (self.last - self.first) * _HOUR / self.seconds

    @property
    def nations(self) -> float:
        """The load a second, as a multiple of the whole nation's in these hours."""
        return self.scale * self.speed * self.institutions / INSTITUTIONS

    @property
    def _hours(self) -> slice:
        return slice(self.first, self.last)

    def taps(self, rng: Generator, institutions: pl.Series) -> pl.Series:
        """At which second of the run each visit ends, by its institution's kind."""
        curves, senders = _table("curves"), _table("senders")
        curve_of = dict(zip(senders["kind"], senders["curve"], strict=True))
        curve = institutions.str.head(2).replace_strict(curve_of, default="clinic")
        at = np.zeros(institutions.len())
        for name in curve.unique().sort():
            mine = (curve == name).to_numpy()
            weights = curves[name][self._hours].to_numpy().astype(float)
            hour = rng.choice(len(weights), mine.sum(), p=weights / weights.sum())
            at[mine] = (hour + rng.random(mine.sum())) * _HOUR / self.speed
        return pl.Series("tap", at)

    def uploads(self, institutions: pl.Series) -> pl.DataFrame:
        """The uploads of visits (a row each, by institution), ordered by time.

        Columns: ``at`` (second of the run), ``institution``, ``kind`` (sType), ``rows`` (of the visits), ``repeated``.
        """
        rng = np.random.default_rng([self.seed, 77])
        places = institutions.unique().sort()
        senders = _table("senders").select("kind", "single_share", "batch_hours")
        traits = pl.DataFrame(
            {
                "institution": places,
                "kind": places.str.head(2),
                "dice": rng.random(places.len()),
                "switches": self._switches(places),
                "is_offline": rng.random(places.len()) < self.offline,
            }
        ).join(senders, on="kind", how="left", maintain_order="left")
        visits = (
            pl.DataFrame({"institution": institutions, "tap": self.taps(rng, institutions)})
            .with_row_index("row")
            .join(traits.drop("kind"), on="institution", how="left", maintain_order="left")
        )
        every = pl.col("batch_hours") * _HOUR / self.speed
        at = (
            pl.when(pl.col("dice") < pl.col("single_share"))
            .then("tap")
            .otherwise(pl.min_horizontal(((pl.col("tap") / every).floor() + 1) * every, pl.lit(self.seconds)))
        )
        of_one = pl.when(pl.col("dice") < pl.col("single_share")).then("row").otherwise(-1)
        files_ = (
            visits.with_columns(at=at, one=of_one)
            .group_by("institution", "at", "one", "switches", "is_offline", maintain_order=True)
            .agg(rows="row")
            .drop("one")
        )
        first, last = self.switched
        part = pl.col("at") / self.seconds
        is_switched = pl.col("switches") < first + (last - first) * part
        kinds = files_.with_columns(
            kind=pl.when(is_switched).then(pl.lit(["A1"])).otherwise(pl.lit(["B1", "A2"]))
        ).explode("kind")
        down, up = (bound * self.seconds for bound in self.line_down)
        cut_off = pl.col("is_offline") & pl.col("at").is_between(down, up)
        jitter = pl.Series(rng.random(kinds.height) * 0.02 * self.seconds)
        return (
            kinds.with_columns(at=pl.when(cut_off).then(up + jitter).otherwise("at"))
            .with_columns(repeated=pl.Series(rng.random(kinds.height) < self.repeated))
            .select("at", "institution", "kind", "rows", "repeated")
            .sort("at", maintain_order=True)
        )

    def switching(self, institutions: pl.Series) -> dict[str, float]:
        """At which second of the run each institution switches to 2.0 for real; those that do not are left out."""
        places = institutions.unique().sort()
        first, last = self.switched
        moments = (self._switches(places) - first) / max(last - first, 1e-9) * self.seconds
        return {
            place: max(moment, 0.0)
            for place, moment in zip(places, moments.to_list(), strict=True)
            if moment < self.seconds
        }

    def _switches(self, places: pl.Series) -> pl.Series:
        """Which share of the institutions switches before each."""
        return pl.Series(np.random.default_rng([self.seed, 78]).random(places.len()))


def _table(name: str) -> pl.DataFrame:
    text = (files("nhicard.simulation") / "data" / f"{name}.csv").read_bytes()
    return pl.read_csv(text, schema_overrides={"kind": pl.String})
