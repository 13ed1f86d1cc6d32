"""``nhicard virtual-cards``: the monthly figures of the roll-out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from nhicard.cli.insurer import Home, ready

app = typer.Typer(no_args_is_help=True, help="Roll-out of virtual cards: monthly figures. 虛擬健保卡推動：每月指標。")


@app.callback()
def virtual_cards() -> None:
    """Roll-out of virtual cards: monthly figures. 虛擬健保卡推動：每月指標。"""


@app.command()
def count(
    month: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m"], metavar="YYYY-MM", help="The month. Default: the last one and this one."),
    ] = None,
    home: Home = None,
) -> None:
    """Count a month by institution, in place of what was counted of it before; run it once a day.

    統計虛擬健保卡指標：使用民眾、就醫、上傳。每天執行一次，重複執行會更新。
    """
    ready(home)
    from nhicard.insurer import clock
    from nhicard.insurer.operations import database
    from nhicard.insurer.virtualcards.services import counting, telling

    if reason := database.why_unusable():
        typer.echo(reason, err=True)
        raise typer.Exit(2)
    now = clock.now()
    this = counting.month_of(now.date())
    if month and month.date() > this:
        typer.echo("--month 不能是未來的月份。--month must not lie in the future.", err=True)
        raise typer.Exit(2)
    for each in [month.date()] if month else [counting.months_before(this, 1), this]:
        counted = counting.count(each, now)
        told = telling.remind_of_missing(each, now) if each < this else 0
        typer.echo(f"{each:%Y-%m}: {counted} 家院所有指標 institutions with figures, {told} 家提醒 reminded")
