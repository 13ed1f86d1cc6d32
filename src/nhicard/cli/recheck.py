"""``nhicard recheck``: a period of the lake under other rules, and what that changes."""

from __future__ import annotations

import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nhicard.cli.moments import moment

_DAY = ["%Y-%m-%d"]


class EngineName(StrEnum):
    """Where the work is done."""

    local = "local"
    ray = "ray"


def register(app: typer.Typer) -> None:
    """Put the command into the one of the whole package."""
    app.command()(recheck)


def recheck(
    lake: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the lake (nhicard lake export).")],
    first: Annotated[datetime, typer.Option("--from", formats=_DAY, help="First day on which uploads came.")],
    last: Annotated[datetime, typer.Option("--to", formats=_DAY, help="Last day.")],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", help="For the report, and for what is finished: run again."),
    ],
    engine: Annotated[
        EngineName, typer.Option(help="ray: the cluster of RAY_ADDRESS, or one started on this machine.")
    ] = EngineName.local,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="As if uploaded then (Taipei). Default: when each upload was received."),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings file with \\[assumptions] and the folder of lists.")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder with reference lists (docs/reference-lists.md).")
    ] = None,
) -> None:
    """Check what was uploaded in a period again under this program's rules, and report which verdicts change.

    以目前的規則重新檢核一段期間的上傳資料，列出收載與退件有異動的院所與代碼。中斷後以同樣的參數再執行會接續。

    Exit codes: 0 nothing changes, 1 something changes, 2 it could not be done.
    """
    from nhicard.checks.reference import UnreadableList
    from nhicard.cli.settings import BadSettings
    from nhicard.cli.settings import load as load_settings
    from nhicard.scale import period as periods
    from nhicard.scale import report, rules
    from nhicard.scale.engines import NoRay
    from nhicard.scale.engines import engine as engine_named
    from nhicard.scale.lake import BadLake

    if last < first:
        raise typer.BadParameter("--to 早於 --from。 --to is before --from.")
    try:
        chosen = load_settings(settings)
        folder = reference or chosen.reference
        edition = rules.edition(chosen.assumptions, folder.resolve() if folder else None)
        period = periods.Period(lake.resolve(), first.date(), last.date(), edition, moment(as_of, "--as-of"))
        found = periods.recheck(period, engine_named(engine.value), output, _told)
        told = report.write(period, found, output)
    except (BadSettings, UnreadableList, BadLake, rules.OtherRules, NoRay, OSError) as trouble:
        typer.echo(f"nhicard: {trouble}", err=True)
        raise typer.Exit(2) from None
    if found.before:
        typer.echo(f"先前已完成的分區 partitions finished before: {found.before}", err=True)
    typer.echo((output / "report.txt").read_text(encoding="utf-8"), nl=False)
    raise typer.Exit(1 if told["institutions_changed"] else 0)


def _told(done: int, of: int) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{done}/{of}", nl=done == of, err=True)
