"""``nhicard simulate-day``: the nation's day on this machine's services."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer


def simulate_day(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where the report goes.")],
    institutions: Annotated[int, typer.Option(min=5, help="Institutions of the nation.")] = 28_000,
    scale: Annotated[float, typer.Option(min=0.00001, max=1.0, help="Fraction of them and of their visits.")] = 0.01,
    hours: Annotated[str, typer.Option(metavar="FROM-TO", help="Hours of the day.")] = "7-22",
    seconds: Annotated[float, typer.Option(min=5.0, help="How long the run takes.")] = 360.0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed tells the same day.")] = 1,
    senders: Annotated[int, typer.Option(min=1, help="Connections that send at once.")] = 8,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes; one on SQLite.")] = 1,
) -> None:
    """Send a day of uploads to services of its own, with outages and repetitions; count anew that nothing is lost.

    模擬全國一日上傳：於本機啟動服務、依時段送件、含斷線與重送，最後重新清點，不得遺失。

    The database of DATABASE_URL must be empty; without it SQLite in a temporary folder is used. Exit code 1 where
    anything was lost.
    """
    from nhicard.simulation import report
    from nhicard.simulation.day import Day
    from nhicard.simulation.run import run

    first, last = _hours(hours)
    day = Day(institutions, scale, first, last, seconds, seed)
    with tempfile.TemporaryDirectory(prefix="nhicard-simulation-") as folder:
        ran = run(day, Path(folder), senders, workers, lambda text: typer.echo(text, err=True))
        figures = report.write(ran, output)
    typer.echo((output / "simulation.md").read_text(encoding="utf-8"))
    if any(figures["losses"].values()):
        raise typer.Exit(1)


def _hours(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 0 <= int(first) < int(last) <= 24):
        raise typer.BadParameter("FROM-TO, e.g. 7-22", param_hint="--hours")
    return int(first), int(last)
