"""``nhicard qualify``: the daily job that finds who meets both conditions of the pre-check (H1)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from nhicard.cli.insurer import Home, ready


def register(app: typer.Typer) -> None:
    """Put the command into the one of the whole package."""
    app.command()(qualify)


def qualify(
    as_of: Annotated[
        datetime | None,
        typer.Option(
            "--as-of",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"],
            help="The moment of the decision: which seven days count. Default: now.",
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Qualify (H1) every institution whose seven days meet both conditions; run it once a day, again does no harm.

    判定哪些院所符合改版資格 (H1)：比率剛好 100%，而且預檢全部以 Web API 上傳。每天執行一次，重複執行也無妨。
    """
    ready(home)
    from nhicard.insurer import clock
    from nhicard.insurer.monitoring.services import qualification
    from nhicard.insurer.operations import database

    if reason := database.why_unusable():
        typer.echo(reason, err=True)
        raise typer.Exit(2)
    now = clock.now()
    if as_of and as_of > now:
        typer.echo("--as-of 不能是未來的時間。--as-of must not lie in the future.", err=True)
        raise typer.Exit(2)
    found = qualification.qualify(as_of or now)
    typer.echo(
        f"七日內有資料 with visits: {found.seen}  先前已符合 qualified before: {found.already}  "
        f"本次符合 newly qualified: {found.qualified}  尚未符合 not yet: {found.not_yet}"
    )
