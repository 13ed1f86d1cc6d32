"""How long the detectors take on many visits, against reading the same visits; and whether they find what was planted.

    python -m nhicard.bench.detectors --visits 1000000 --rounds 5

Visits are made up as upload files of edition 2.0 are (``nhicard.synthetic``), brought into the detectors' frame and
kept as Parquet. Then, in turn: every column is read; all detectors run over the file. Deaths, stays and closing days
are made up here. Each detector's irregularities are planted in a second file; on the first one nothing may be found.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from nhicard.formats import read
from nhicard.formats.writer import write
from nhicard.insurer.detectors.detecting import detect
from nhicard.insurer.detectors.frames import CLOSED, DEATHS, STAYS, Frames, of_batch
from nhicard.synthetic import slices

AS_OF: Final = datetime(2026, 3, 25, 12)
SINCE, UNTIL = date(2026, 3, 1), date(2026, 3, 31)
_VISITS_A_PLACE: Final = 100  # so that nobody is busier than people are
_PEOPLE: Final = 1000  # that are known to be dead, or in hospital, of those who did not come
_READ_VISITS: Final = 20_000  # read as XML too, to tell what an upload costs


def made_up(visits: int, seed: int) -> tuple[pl.DataFrame, float]:
    """Visits, all received within a day, and the seconds that reading one of them from its XML file takes."""
    parts, seconds, timed = [], 0.0, 0
    places = max(1, visits // _VISITS_A_PLACE)
    for batch in slices("2.0", visits, seed, AS_OF, places, rare_characters=False):
        if timed < _READ_VISITS:
            content = write(batch)
            start = time.perf_counter()
            timed += read(content).visits.height
            seconds += time.perf_counter() - start
        parts.append(of_batch(batch, AS_OF))
    rng = np.random.default_rng(seed)
    delay = pl.Series(rng.integers(60, 20 * 3600, visits) * np.timedelta64(1_000_000, "us"))
    found = pl.concat(parts).with_columns(received=pl.col("time") + delay)
    return found, seconds / timed


def known(visits: pl.DataFrame, rng: np.random.Generator) -> dict[str, pl.DataFrame]:
    """Deaths, stays and closing days that no visit contradicts."""
    people = visits["person"].unique(maintain_order=True).head(_PEOPLE)
    last = visits.group_by("person").agg(pl.col("day").max()).join(people.to_frame(), on="person")
    strangers = pl.Series([f"Z{number:09d}" for number in rng.integers(0, 10**9, _PEOPLE)])
    deaths = pl.concat([last.select("person", died="day"), pl.DataFrame({"person": strangers, "died": SINCE})])
    stays = last.select("person", admitted="day", discharged=pl.lit(None, pl.Date))
    closed = visits.select("institution").unique().with_columns(day=pl.lit(AS_OF.date() + timedelta(days=3)))
    told = {"deaths": (deaths, DEATHS), "stays": (stays, STAYS), "closed": (closed, CLOSED)}
    return {
        name: frame.select(pl.col(each).cast(dtype) for each, dtype in schema.items())
        for name, (frame, schema) in told.items()
    }


def planted(visits: pl.DataFrame, others: Mapping[str, pl.DataFrame]) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """Visits and facts with one irregularity of each detector."""
    rows = visits.filter(category="01").unique("person", keep="first", maintain_order=True).head(12)
    noon = datetime.combine(AS_OF.date() - timedelta(days=2), datetime.min.time()) + timedelta(hours=12)
    day = noon.date()
    numbered = {"time": pl.lit(noon), "day": pl.lit(day), "received": pl.lit(noon + timedelta(hours=1))}

    def copies(row: int, count: int, **changed: pl.Expr) -> pl.DataFrame:
        return pl.concat([rows[row : row + 1]] * count).with_columns(**(numbered | changed))

    refills = {
        "person": pl.lit("Z200000007"),
        "refill": pl.lit(2, pl.Int64),
        "original_identifier": pl.lit("PLANTED0000000000001"),
    }
    anybody = pl.format("Z{}", pl.int_range(pl.len()) + 10**8)
    new = [
        copies(0, 61, physician=pl.lit("PLANTED001"), person=anybody),
        copies(1, 1, person=pl.lit("Z200000001")),
        copies(2, 1, person=pl.lit("Z200000002")),
        copies(3, 2, identifier=pl.lit("PLANTED0000000000002"), person=anybody),
        copies(4, 60, institution=pl.lit("PLANTED002"), cardless=pl.lit(True), person=anybody, physician=pl.lit("")),
        copies(5, 1, institution=pl.lit("PLANTED003"), person=pl.lit("Z200000005")),
        copies(6, 5, institution=pl.lit("PLANTED004"), received=pl.lit(noon + timedelta(hours=25)), person=anybody),
        copies(7, 2, **refills),
        copies(7, 1, **refills | {"refill": pl.lit(3, pl.Int64), "person": pl.lit("Z999999999")}),
    ]
    more = pl.concat(new).with_columns(
        visit=pl.int_range(pl.len()) + visits.height + 1,
        identifier=pl.when(pl.col("identifier").str.starts_with("PLANTED")).then("identifier").otherwise(pl.lit("")),
    )
    facts = {
        "deaths": pl.DataFrame({"person": ["Z200000001"], "died": [day - timedelta(days=1)]}),
        "stays": pl.DataFrame(
            {
                "person": ["Z200000002"],
                "admitted": [day - timedelta(days=1)],
                "discharged": [day + timedelta(days=1)],
            }
        ),
        "closed": pl.DataFrame({"institution": ["PLANTED003"], "day": [day]}),
    }
    joined = {name: pl.concat([frame, facts[name]]) for name, frame in others.items()}
    return pl.concat([visits, more.select(visits.columns)]), joined


def frames(file: Path, others: Mapping[str, pl.DataFrame]) -> Frames:
    """The file's visits and what else is known, lazily."""
    return Frames(visits=pl.scan_parquet(file), **{name: frame.lazy() for name, frame in others.items()})


def tell(line: str) -> None:
    """A line of the result."""
    sys.stdout.write(f"{line}\n")


def timed(task: Callable[[], object]) -> float:
    """Seconds that it takes."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; 1 where something planted was missed or something was found that was not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args(arguments)
    visits, a_visit = made_up(told.visits, told.seed)
    others = known(visits, np.random.default_rng(told.seed))
    with tempfile.TemporaryDirectory() as folder:
        clean, wrong = Path(folder) / "clean.parquet", Path(folder) / "planted.parquet"
        visits.write_parquet(clean)
        more, others_more = planted(visits, others)
        more.write_parquet(wrong)
        del visits, more
        found = detect(frames(clean, others), SINCE, UNTIL)
        found_more = detect(frames(wrong, others_more), SINCE, UNTIL)
        pairs = [
            (
                timed(lambda: pl.read_parquet(clean)),
                timed(lambda: detect(frames(clean, others), SINCE, UNTIL)),
            )
            for _ in range(told.rounds)
        ]
    reading, detecting = (statistics.median(each) for each in zip(*pairs, strict=True))
    xml = a_visit * told.visits
    ratio = statistics.median(detected / of for of, detected in pairs)
    tell(f"visits                              {told.visits:,}")
    tell(f"all detectors                       {detecting:.2f} s")
    tell(f"reading the same visits, Parquet    {reading:.2f} s   ratio {ratio:.1f}")
    tell(f"reading the same visits, XML        {xml:.1f} s   ratio {detecting / xml:.3f}")
    wrongly = {name: rows.height for name, rows in found.items() if rows.height}
    missed = [name for name, rows in found_more.items() if rows.height != 1]
    tell(f"found where nothing was planted     {wrongly or 'nothing'}")
    tell(f"planted and not found just once     {missed or 'none'}")
    return 1 if wrongly or missed else 0


if __name__ == "__main__":
    sys.exit(main())
