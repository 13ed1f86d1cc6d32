"""``nhicard followup``: the household registry's births, and the daily job."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from nhicard.cli.insurer import Home, ready

app = typer.Typer(
    no_args_is_help=True,
    help="Newborn marks against the household registry, results of 12196B. 新生兒註記與 12196B 追蹤。",
)
_DAY: Final = ["%Y-%m-%d"]


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="CSV with the columns mother, birth, sex and, if known, father, id.")],
    since: Annotated[
        datetime | None, typer.Option(formats=_DAY, metavar="DATE", help="First day it covers. Default: first birth.")
    ] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=_DAY, metavar="DATE", help="The registry's day. Default: last birth.")
    ] = None,
    home: Home = None,
) -> None:
    """Load the household registry's list of births, in place of the one before.

    載入戶政出生資料，取代前一份。
    """
    _ready(home)
    from nhicard.insurer import clock
    from nhicard.insurer.followup.services import births

    try:
        made = births.load(file.read_bytes(), file.name, _day(since), _day(as_of), clock.now())
    except births.BadList as refusal:
        typer.echo(f"nhicard: {refusal.zh}\n{refusal.en}", err=True)
        raise typer.Exit(2) from None
    except OSError as trouble:
        typer.echo(f"nhicard: 無法讀取檔案。The file cannot be read: {trouble.strerror}", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"已載入 loaded: {made.rows:,} 筆出生 births, {made.since} – {made.as_of}, {made.digest[:16]}")


@app.command()
def run(
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=_DAY, metavar="DATE", help="As of the end of this day. Default: today."),
    ] = None,
    home: Home = None,
) -> None:
    """Open cases for what is found, close what was corrected, mark what is overdue, remind; run it once a day.

    比對並更新案件：新發現、已更正、逾期，並提醒院所。每天執行一次，同一天重複執行不會有變更。
    """
    _ready(home)
    from nhicard.insurer import clock
    from nhicard.insurer.followup.services import running

    now = clock.now()
    try:
        found = running.run(_day(as_of) or now.date(), now)
    except running.CannotRun as refusal:
        typer.echo(str(refusal), err=True)
        raise typer.Exit(2) from None
    if not found.births:
        typer.echo(
            "未載入戶政出生資料，新生兒註記未比對。No list of births: newborn marks were not compared.", err=True
        )
    typer.echo(
        f"新案件 found: {found.found}  再次發現 found again: {found.reopened}  已更正 corrected: {found.corrected}  "
        f"逾期 overdue: {found.overdue}  提醒 reminded: {found.reminded}"
    )


def _ready(home: Any) -> None:
    ready(home)
    from nhicard.insurer.operations import database

    if reason := database.why_unusable():
        typer.echo(reason, err=True)
        raise typer.Exit(2)


def _day(moment: datetime | None) -> Any:
    return moment.date() if moment else None
