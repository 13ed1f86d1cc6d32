"""``nhicard hours``: reminders for long holidays, and the open data on fixed hours in and out."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from nhicard.cli.insurer import Home, ready

app = typer.Typer(no_args_is_help=True, help="Clinic hours and long holidays. 看診時段與長假期。")
_MOMENTS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
_FAULTS_SHOWN: Final = 20
AsOf = Annotated[
    datetime | None, typer.Option("--as-of", formats=_MOMENTS, metavar="TIME", help="The moment. Default: now.")
]


@app.command()
def remind(as_of: AsOf = None, home: Home = None) -> None:
    """Remind who has not registered for a long holiday; run it once a day, again does no harm.

    提醒還沒有登錄長假期看診時段的院所。每天執行一次；同一階段只提醒一次。
    """
    now = _set_up(as_of, home)
    from nhicard.insurer.hours.services import reminding

    for holiday, told in reminding.remind_due(now).items():
        typer.echo(f"假期 holiday {holiday}: {told} 家 reminded")


@app.command("import")
def take(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="固定看診時段 or a list of clinics, as CSV.")],
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """Import the insurer's open data: the file of fixed hours, or a list of clinics with addresses.

    匯入固定看診時段或院所清單。登錄檔沒有的院所不匯入；院所自己較新的登錄不會被蓋掉。
    """
    now = _set_up(as_of, home)
    from nhicard.insurer.hours.layouts import BadFile
    from nhicard.insurer.hours.services import files

    try:
        done = files.take(file.read_bytes(), now)
    except (OSError, BadFile) as trouble:
        _fail(f"{file}: {trouble}")
    typer.echo(
        f"可用 rows: {done.rows}  新時段 new hours: {done.new}  較舊 older: {done.older}  "
        f"登錄檔沒有 not in the register: {len(done.unknown)}  無法讀取 faulty: {len(done.faults)}"
    )
    for fault in done.faults[:_FAULTS_SHOWN]:
        typer.echo(f"第 {fault.line} 行 line {fault.line}: {fault.zh} {fault.en}", err=True)
    if done.faults:
        raise typer.Exit(1)


@app.command()
def export(
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Default: where /hours/fixed-hours.csv serves it from."),
    ] = None,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """Write the file of fixed hours in the insurer's layout: 21 letters, N open and Y closed.

    匯出固定看診時段開放資料。
    """
    now = _set_up(as_of, home)
    from nhicard.insurer.hours import layouts
    from nhicard.insurer.hours.services import files

    rows, file = files.rows(now.date(), now), output or files.published()
    try:
        files.publish(layouts.write(rows), file)
    except OSError as trouble:
        _fail(f"無法寫入，先前的檔案不變。Cannot write; what was there stays: {trouble}")
    typer.echo(f"{len(rows)} 家 institutions  {file}")


def _set_up(as_of: datetime | None, home: Path | None) -> datetime:
    """The moment asked for, with Django on a home whose database can be used."""
    ready(home)
    from nhicard.insurer import clock
    from nhicard.insurer.operations import database

    if reason := database.why_unusable():
        _fail(reason)
    return as_of or clock.now()


def _fail(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(2)
