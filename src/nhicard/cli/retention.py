"""``nhicard retention``: what is kept for how long, and erasing what has been kept long enough."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import Path
from typing import Annotated

import typer

from nhicard.cli.insurer import Home, ready

app = typer.Typer(no_args_is_help=True, help="How long data is kept: list, run. 資料保存期限與刪除。")
Periods = Annotated[
    Path | None, typer.Option("--policies", metavar="FILE", help="TOML file that sets other days ([payloads] days=…).")
]


@app.command("list")
def listed(periods: Periods = None, home: Home = None) -> None:
    """List what is kept for how long and on which basis."""
    with _plainly(home):
        from nhicard.insurer.operations import retention

        for each in retention.policies(periods):
            typer.echo(f"{each.name}: {each.zh} {each.en}\n  {each.days} 日 days  since {each.since}")
            typer.echo(f"  {each.legal}\n  {each.chosen}")


@app.command()
def run(
    as_of: Annotated[
        datetime | None,
        typer.Option(
            "--as-of",
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="As of the start of this day; not later than now. Default: now.",
        ),
    ] = None,
    periods: Periods = None,
    home: Home = None,
) -> None:
    """Erase what is older than its period; counts and digests of it go to the audit log. Run it once a day.

    刪除逾保存期限的資料，並於稽核紀錄留下筆數與摘要。每天執行一次。
    """
    with _plainly(home):
        from nhicard.insurer import clock
        from nhicard.insurer.operations import retention

        now = clock.now()
        moment = datetime.combine(as_of, time.min) if as_of else now
        for each in retention.run(retention.policies(periods), moment, now):
            typer.echo(f"{each.policy.name}: {each.rows:,} 筆刪除 erased, < {each.limit:%Y-%m-%d %H:%M}, {each.digest}")


@contextmanager
def _plainly(home: Home) -> Iterator[None]:
    """Django on the home; what keeps the job from running is said in a sentence, exit code 2."""
    ready(home)
    from nhicard.insurer.operations import database, retention

    if reason := database.why_unusable():
        typer.echo(reason, err=True)
        raise typer.Exit(2)
    try:
        yield
    except (retention.BadPolicies, OSError) as trouble:
        typer.echo(str(trouble), err=True)
        raise typer.Exit(2) from None
