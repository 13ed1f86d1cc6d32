"""``nhicard lake``: days that are over into the lake of Parquet files."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from nhicard.cli.insurer import Home, _with_tables

app = typer.Typer(no_args_is_help=True, help="The lake: every record of every day as Parquet. 資料湖：每日紀錄匯出。")


@app.callback()
def common() -> None:
    """Keep ``export`` a command of its own, although it is the only one."""


@app.command()
def export(
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder of the lake.")],
    day: Annotated[
        datetime | None,
        typer.Option("--day", formats=["%Y-%m-%d"], help="Day on which the uploads came. Default: yesterday."),
    ] = None,
    buckets: Annotated[
        int, typer.Option(min=1, max=1000, help="Into how many partitions institutions are spread.")
    ] = 16,
    home: Home = None,
) -> None:
    """Export a day's uploads, accepted and rejected records alike. Run it once a day; again does no harm.

    每日匯出：收載與退件的紀錄都在內。請每天執行一次；重複執行結果相同，中斷後再執行會接續。
    The folder holds personal data and is readable by its owner only.
    """
    _with_tables(home)
    from nhicard.insurer import clock
    from nhicard.insurer.lake import export as lake
    from nhicard.insurer.lake.source import ReadDifferently

    now = clock.now()
    chosen: date = day.date() if day else now.date() - timedelta(days=1)
    try:
        done = lake.export(chosen, to, now, buckets)
    except (lake.NotYet, ReadDifferently, OSError) as trouble:
        typer.echo(f"無法匯出。Cannot export: {trouble}", err=True)
        raise typer.Exit(2) from None
    whole = done.day
    typer.echo(
        f"{chosen}: {whole.count('files'):,} 上傳檔 uploads, {whole.count('visits'):,} 筆紀錄 records "
        f"(退件 rejected {whole.count('rejected'):,}), {whole.count('orders'):,} 筆醫令 orders; "
        f"{len(whole.partitions)} 分區 partitions, 新寫入 written {done.written}"
        + (f"; 無法檢核 set aside {whole.set_aside}" if whole.set_aside else "")
    )
