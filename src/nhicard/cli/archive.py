"""``nhicard archive``: months of visits and orders out of the tables into files, and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nhicard.cli.insurer import Home, _with_tables

if TYPE_CHECKING:
    from nhicard.insurer.partitions.files import Manifest

app = typer.Typer(no_args_is_help=True, help="Months into files and back: month, restore, verify. 月份封存與還原。")
Folder = Annotated[Path, typer.Argument(metavar="DIR/YYYY-MM", help="A month's folder.")]


@app.command()
def month(
    chosen: Annotated[
        datetime, typer.Argument(formats=["%Y-%m"], metavar="YYYY-MM", help="A month that is over and settled.")
    ],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder of the archive.")],
    home: Home = None,
) -> None:
    """Write a month to files, read them back and compare, and drop it from the tables (PostgreSQL).

    封存一個月的就醫紀錄與醫令：寫入檔案、讀回比對後才自資料庫移除。
    The folder holds personal data and is readable by its owner only.
    """
    _with_tables(home)
    from nhicard.insurer import clock
    from nhicard.insurer.partitions import archiving

    _told(lambda: archiving.archive(chosen.date(), to, clock.now()), "已封存 archived")


@app.command()
def restore(folder: Folder, home: Home = None) -> None:
    """Put an archived month back into the tables.

    將封存的月份放回資料庫。
    """
    _with_tables(home)
    from nhicard.insurer import clock
    from nhicard.insurer.partitions import restoring

    _told(lambda: restoring.restore(folder, clock.now()), "已還原 restored")


@app.command()
def verify(folder: Folder) -> None:
    """Check an archive's files against its manifest; no database is needed.

    檢查封存檔是否完整。
    """
    from nhicard.insurer.partitions import files

    _told(lambda: files.verify(folder), "完整 whole")


def _told(work: Callable[[], Manifest], done: str) -> None:
    from nhicard.insurer.partitions.files import BadArchive, CannotArchive

    try:
        manifest = work()
    except (BadArchive, CannotArchive, OSError) as trouble:
        typer.echo(str(trouble), err=True)
        raise typer.Exit(2) from None
    rows = ", ".join(f"{table} {count:,}" for table, count in manifest.rows.items())
    typer.echo(f"{manifest.month:%Y-%m} {done}: {rows}; {manifest.digest}")
