"""``nhicard detectors``: lists of deaths and stays, and the monthly job."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from nhicard.cli.insurer import Home, ready

app = typer.Typer(
    no_args_is_help=True,
    help="Irregularities in visits and claims. 違規案例分析。",
)
_MONTH: Final = ["%Y-%m"]


class ListKind(StrEnum):
    """What a list tells."""

    deaths = "deaths"
    stays = "stays"


@app.command()
def load(
    kind: Annotated[ListKind, typer.Argument(help="deaths (person, died) or stays (person, admitted, discharged).")],
    file: Annotated[Path, typer.Argument(help="CSV with these columns; dates in ROC years (yyyMMdd).")],
    home: Home = None,
) -> None:
    """Load a list of deaths or of stays in hospital, in place of the one before.

    載入死亡或住院清單，取代前一份。
    """
    _ready(home)
    from nhicard.insurer import clock
    from nhicard.insurer.detectors.models import FactKind
    from nhicard.insurer.detectors.services import facts

    try:
        made = facts.load(FactKind(kind.value), file.read_bytes(), file.name, clock.now())
    except facts.BadList as refusal:
        _refuse(f"nhicard: {refusal.zh}\n{refusal.en}")
    except OSError as trouble:
        _refuse(f"nhicard: 無法讀取檔案。The file cannot be read: {trouble.strerror}")
    typer.echo(f"已載入 loaded: {made.rows:,} 筆 rows, {made.kind}, {made.digest[:16]}")


@app.command()
def run(
    month: Annotated[
        datetime | None, typer.Option(formats=_MONTH, metavar="YYYY-MM", help="Default: the month before this one.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML with parameters by detector (docs/detectors.md).")
    ] = None,
    home: Home = None,
) -> None:
    """Run all detectors over a month that is over; again brings its findings up to date.

    以所有規則比對一個月的資料；重複執行會更新該月的案件。
    """
    _ready(home)
    from nhicard.insurer import clock
    from nhicard.insurer.detectors.detector import BadSettings, settings_of
    from nhicard.insurer.detectors.services import running

    now = clock.now()
    try:
        settings = settings_of(config.read_text(encoding="utf-8")) if config else {}
        found = running.run(month.date() if month else _last_month(now.date()), now, settings)
    except (BadSettings, running.CannotRun) as refusal:
        _refuse(f"nhicard: {refusal}")
    except OSError as trouble:
        _refuse(f"nhicard: 無法讀取檔案。The file cannot be read: {trouble.strerror}")
    typer.echo(f"新發現 found: {found.found}  更多 more: {found.more}  已更正 corrected: {found.cleared}")


def _last_month(today: date) -> date:
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1)


def _ready(home: Any) -> None:
    ready(home)
    from nhicard.insurer.operations import database

    if reason := database.why_unusable():
        _refuse(reason)


def _refuse(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(2)
