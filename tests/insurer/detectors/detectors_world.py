"""Frames from the cases file."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import yaml

from nhicard.insurer.detectors.frames import CLAIMS, CLOSED, DEATHS, STAYS, VISITS, Frames

CASES: Final[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "detectors_cases.yaml").read_text(encoding="utf-8")
)
BASE: Final = CASES.pop("base")


def visit(number: int, told: dict[str, Any]) -> dict[str, Any]:
    """A row of ``VISITS``."""
    row = BASE["visit"] | told
    time: datetime = row["time"]
    received = time + timedelta(hours=row["received_after"])
    return {name: row.get(name) for name in VISITS} | {"visit": number, "day": time.date(), "received": received}


def claim(number: int, told: dict[str, Any]) -> dict[str, Any]:
    """A row of ``CLAIMS``."""
    row = BASE["claim"] | told
    made: dict[str, Any] = {"claim": number, "last_day": row["first_day"]} | row
    return made


def visits(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """The case's visits, numbered from 1."""
    told = [{**row} for row in rows for _ in range(row.get("times", 1))]
    return pl.DataFrame([visit(number, row) for number, row in enumerate(told, 1)], schema=dict(VISITS))


def frames(case: dict[str, Any]) -> Frames:
    """The case's frames."""
    person, place = {"person": BASE["visit"]["person"]}, {"institution": BASE["visit"]["institution"]}
    claims = [claim(number, row) for number, row in enumerate(case.get("claims", []), 1)]
    told = {
        "claims": (claims, CLAIMS),
        "deaths": ([person | row for row in case.get("deaths", [])], DEATHS),
        "stays": ([person | row for row in case.get("stays", [])], STAYS),
        "closed": ([place | row for row in case.get("closed", [])], CLOSED),
    }
    of_rows = {name: pl.LazyFrame(rows, schema=dict(schema)) for name, (rows, schema) in told.items()}
    return Frames(visits=visits(case.get("visits", [])).lazy(), **of_rows)
