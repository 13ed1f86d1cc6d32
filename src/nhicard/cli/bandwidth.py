"""``nhicard bandwidth``: settle the line fee subsidy of a month, remind who has not joined or sent no bill."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from nhicard.cli.insurer import Home, ready

app = typer.Typer(no_args_is_help=True, help="Line fee subsidy: settle, remind. 固接網路月租費：結算、提醒。")
_DAY: Final = ["%Y-%m-%d"]


class About(StrEnum):
    """What to remind of."""

    joining = "joining"
    bill = "bill"


Division = Annotated[int | None, typer.Option(min=1, max=6, help="分區業務組 1 to 6. Default: all.")]


@app.command()
def settle(
    month: Annotated[str, typer.Option(metavar="YYYMM", help="Fee month, ROC.")],
    season: Annotated[int, typer.Option(min=1, max=999, help="Season number of the payment. 季別。")],
    paid_on: Annotated[datetime, typer.Option("--paid-on", formats=_DAY, metavar="DATE", help="Day of payment.")],
    division: Division = None,
    home: Home = None,
) -> None:
    """Settle the bills of a month that are not settled; run again, only what came later is settled, as a further one.

    結算某費用年月：已參加且已上傳帳單、尚未結算的院所。再執行一次，只結算後來才到的帳單，先前的不變。
    """
    fee_month = _month(month)
    _set_up(home)
    from nhicard.insurer import clock
    from nhicard.insurer.bandwidth.services import settling
    from nhicard.insurer.bandwidth.services.enrolling import Refused
    from nhicard.insurer.portal.texts import texts

    is_capless = False
    for each in [division] if division else range(1, 7):
        try:
            done = settling.settle(each, fee_month, season, paid_on.date(), clock.now())
        except Refused as refusal:
            _fail(" ".join(texts()[f"bandwidth.refused.{refusal.name}"]))
        amount = sum(line.amount for line in done.lines)
        missing = f"缺帳單 without a bill {len(done.missing)}"
        typer.echo(f"{each} {month}: {len(done.lines)} 家 institutions, {amount:,} 元 NT$; {missing}")
        for code in done.capless:
            is_capless = True
            typer.echo(f"{code}: 該月線路種類沒有上限，未結算 its type of line has no cap in that month", err=True)
    if is_capless:
        raise typer.Exit(1)


@app.command()
def remind(
    about: Annotated[About, typer.Argument(help="joining: who has not joined; bill: who sent no bill of the month.")],
    month: Annotated[str | None, typer.Option(metavar="YYYMM", help="Fee month of the bill. Default: last.")] = None,
    division: Division = None,
    home: Home = None,
) -> None:
    """Remind institutions; once a month each, run it as often as you like.

    提醒未參加的院所（joining）或尚未上傳當月帳單的院所（bill）；同一月份只提醒一次。
    """
    asked = _month(month) if month else None
    _set_up(home)
    from nhicard.insurer import clock
    from nhicard.insurer.bandwidth import months
    from nhicard.insurer.bandwidth.services import reminding
    from nhicard.insurer.registry.models import Institution

    now = clock.now()
    institutions = Institution.objects.filter(division=division) if division else Institution.objects.all()
    if about is About.joining:
        told = reminding.of_joining(institutions, now)
    else:
        told = reminding.of_evidence(institutions, asked or months.after(months.first(now.date()), -1), now)
    typer.echo(f"已提醒 reminded: {told}")


def _month(text: str) -> date:
    from nhicard.formats import rocdate

    try:
        return rocdate.parse_date(f"{text}01")
    except ValueError:
        raise typer.BadParameter(f"{text!r} 不是民國年月 is not a month YYYMM", param_hint="--month") from None


def _set_up(home: Path | None) -> None:
    ready(home)
    from nhicard.insurer.operations import database

    if reason := database.why_unusable():
        _fail(reason)


def _fail(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(2)
