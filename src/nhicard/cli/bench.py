"""``nhicard bench``: makes its own file, measures, prints the ratios of the budgets."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from nhicard.bench.measure import Result, machine, measure
from nhicard.bench.tasks import AS_OF
from nhicard.formats import write
from nhicard.formats.writer import write_slices
from nhicard.synthetic import generate


def run(visits: int, rounds: int, output: Path | None) -> int:
    """Measure on a file of so many visits; returns the exit code (0, whatever the figures)."""
    console = Console(highlight=False)
    status = Console(stderr=True, highlight=False)
    with (
        tempfile.TemporaryDirectory(prefix="nhicard-bench-") as folder,
        status.status("making the file") as told,
    ):
        large, small = Path(folder) / "large.xml", Path(folder) / "ten.xml"
        batch = generate("2.0", visits=visits, seed=1, as_of=AS_OF, rare_characters=False)
        with large.open("wb") as stream:
            stream.writelines(write_slices(batch))
        small.write_bytes(write(generate("2.0", visits=10, seed=2, as_of=AS_OF)))
        orders = batch.orders.height
        del batch
        result = measure(large, small, orders, rounds, told.update)
    console.print(_table(result))
    if output is not None:
        output.write_text(_markdown(result), encoding="utf-8")
    return 0


def _heading(result: Result) -> str:
    return (
        f"{result.file_bytes / 2**20:.0f} MB, {result.records:,} visits, {result.orders:,} orders, edition 2.0; "
        f"{result.rounds} rounds, medians; {machine()}; {date.today():%Y-%m-%d}"
    )


def _table(result: Result) -> Table:
    table = Table(title=_heading(result), title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in ("what", "figure", "budget", ""):
        table.add_column(name)
    for row in result.rows:
        mark = {True: "[green]✓", False: "[red]✗", None: ""}[row.kept]
        table.add_row(row.what, row.figure, row.budget, mark)
    for name, seconds in result.seconds.items():
        table.add_row(f"  {name}", f"{seconds:.2f} s", "", "")
    return table


def _markdown(result: Result) -> str:
    lines = [_heading(result), "", "| what | figure | budget | kept |", "|---|---|---|---|"]
    for row in result.rows:
        kept = {True: "yes", False: "no", None: ""}[row.kept]
        lines.append(f"| {row.what} | {row.figure} | {row.budget} | {kept} |")
    lines += ["", "| task | seconds (median) |", "|---|---|"]
    lines += [f"| {name} | {seconds:.2f} |" for name, seconds in result.seconds.items()]
    return "\n".join(lines) + "\n"
