"""``nhicard absences``: the list of exits and entries, claim files, and the daily job."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from nhicard.cli.insurer import Home, ready

app = typer.Typer(
    no_args_is_help=True,
    help="Visits and claims that name a physician who was abroad. 醫師出國期間看診。",
)
_DAY: Final = ["%Y-%m-%d"]


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="CSV with the columns physician, exit, entry and, if need be, code.")],
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=_DAY, metavar="DATE", help="The list's day. Default: today.")
    ] = None,
    home: Home = None,
) -> None:
    """Load the list of physicians' exits and entries, in place of the one before.

    載入醫師入出境清單，取代前一份。
    """
    _ready(home)
    from nhicard.insurer import clock
    from nhicard.insurer.absences.services import lists

    now = clock.now()
    try:
        made = lists.load(file.read_bytes(), file.name, _day(as_of) or now.date(), now)
    except lists.BadList as refusal:
        _refuse(f"nhicard: {refusal.zh}\n{refusal.en}")
    except OSError as trouble:
        _refuse(f"nhicard: 無法讀取檔案。The file cannot be read: {trouble.strerror}")
    typer.echo(f"已載入 loaded: {made.rows:,} 次出國 journeys, {made.as_of}, {made.digest[:16]}")


@app.command()
def claims(
    files: Annotated[list[Path], typer.Argument(help="Claim files (XML), outpatient or inpatient.")],
    home: Home = None,
) -> None:
    """Keep who treated whom when according to claim files; a file of the same month takes the place of the earlier.

    載入費用申報檔（門診、住院），同院所同月份以新檔取代。
    """
    _ready(home)
    from nhicard.formats.reader import UnusableInput
    from nhicard.insurer import clock
    from nhicard.insurer.absences.services import claims as claim_files
    from nhicard.insurer.absences.services.lists import BadList

    for file in files:
        try:
            made = claim_files.load(file.read_bytes(), clock.now())
        except (BadList, UnusableInput) as refusal:
            _refuse(f"nhicard: {file.name}: {refusal}")
        except OSError as trouble:
            _refuse(f"nhicard: {file.name}: 無法讀取檔案。The file cannot be read: {trouble.strerror}")
        if made is None:
            typer.echo(f"{file.name}: 藥局申報檔不比對。Claims of pharmacies are not compared.", err=True)
        else:
            typer.echo(f"已載入 loaded: {made.institution} {made.kind} {made.month:%Y-%m}, {made.cases:,} 件 cases")


@app.command()
def find(
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=_DAY, metavar="DATE", help="As of the end of this day. Default: today."),
    ] = None,
    home: Home = None,
) -> None:
    """Open cases for what names an absent physician, close what was corrected, remind; run it once a day.

    比對並更新案件：新發現、已更正、逾期，並提醒院所。每天執行一次，同一天重複執行不會有變更。
    """
    _ready(home)
    from nhicard.insurer import clock
    from nhicard.insurer.absences.services import finding

    now = clock.now()
    try:
        found = finding.find(_day(as_of) or now.date(), now)
    except finding.CannotRun as refusal:
        _refuse(str(refusal))
    if not found.lists:
        typer.echo("未載入入出境清單，只比對院所登錄的出國。No list is loaded: only reported journeys.", err=True)
    typer.echo(
        f"新案件 found: {found.found}  再次發現 found again: {found.reopened}  已更正 corrected: {found.cleared}  "
        f"逾期 overdue: {found.overdue}  提醒 reminded: {found.reminded}"
    )


def _ready(home: Any) -> None:
    ready(home)
    from nhicard.insurer.operations import database

    if reason := database.why_unusable():
        _refuse(reason)


def _refuse(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(2)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
