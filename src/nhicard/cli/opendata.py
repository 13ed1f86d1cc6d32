"""``nhicard opendata``: the daily snapshot of the incentive items."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nhicard.cli.incentives import AsOf, Year, fail, set_up
from nhicard.cli.insurer import Home

app = typer.Typer(no_args_is_help=True, help="Open data: publish the daily snapshot. 開放資料：每日發布。")


@app.callback()
def common() -> None:
    """Keep ``publish`` a command of its own, although it is the only one."""


@app.command()
def publish(
    as_of: AsOf = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Where to publish. Default: opendata in the home folder.")
    ] = None,
    year: Year = None,
    home: Home = None,
) -> None:
    """Publish who holds which item at the end of a day: CSV, JSON, Parquet, changes, metadata. Run it once a day.

    發布每日開放資料。讀者不會看到寫到一半的檔案；同一天同樣的資料再發布一次，檔案完全相同。
    """
    day, scheme = set_up(as_of, year, home)
    from nhicard.insurer.incentives.services.sources import BadSource
    from nhicard.insurer.opendata.services import publishing

    try:
        done = publishing.publish(scheme, day, to or publishing.folder())
    except (OSError, BadSource) as trouble:
        fail(f"無法發布，先前的資料不變。Cannot publish; what was there stays: {trouble}")
    typer.echo(
        f"{day}: {done.records} 筆 records, {done.changes} 筆異動 changes "
        f"({done.before or '第一次 first'})  {done.release}"
    )
