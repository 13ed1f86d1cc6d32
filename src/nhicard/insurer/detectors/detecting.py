"""Running detectors over frames: all as one set of columnar queries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from nhicard.insurer.detectors.detector import Detector, detectors
from nhicard.insurer.detectors.frames import Frames


def detect(
    frames: Frames,
    since: date,
    until: date,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    only: tuple[str, ...] = (),
) -> dict[str, pl.DataFrame]:
    """By name of the detector, its findings of the days from ``since`` to ``until``, in the columns of ``FINDINGS``.

    The frames may begin earlier: refills are compared with those before. ``only``: the detectors to run, all if empty.
    """
    chosen = enabled(settings, only)
    told = settings or {}
    queries = [
        each.findings(frames, {key: value for key, value in told.get(each.name, {}).items() if key != "enabled"})
        .filter(pl.col("day").is_between(since, until))
        .sort("institution", "about")
        for each in chosen
    ]
    found = pl.collect_all(queries)
    return {each.name: rows for each, rows in zip(chosen, found, strict=True)}


def enabled(settings: Mapping[str, Mapping[str, Any]] | None, only: tuple[str, ...] = ()) -> list[Detector]:
    """The detectors that run. Raises KeyError for a name in ``only`` that is none."""
    wanted = [detectors()[name] for name in only] or list(detectors().values())
    return [each for each in wanted if (settings or {}).get(each.name, {}).get("enabled", True)]
