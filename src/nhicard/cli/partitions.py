"""``nhicard partitions``: the months of visits and orders on PostgreSQL."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from nhicard.cli.insurer import Home, _with_tables

_SETTINGS: Final = ("fillfactor", "autovacuum_vacuum_scale_factor", "autovacuum_analyze_scale_factor")
app = typer.Typer(no_args_is_help=True, help="Visits and orders by month on PostgreSQL: ensure, list. 依月分區。")


@app.command()
def ensure(
    ahead: Annotated[int, typer.Option(min=0, max=24, help="Months ahead.")] = 3,
    analyze: Annotated[
        bool, typer.Option("--analyze", help="Also renew the statistics of the tables as wholes.")
    ] = False,
    home: Home = None,
) -> None:
    """Make the partitions that are missing; the worker does so once a day.

    建立缺少的月份分區；worker 每天也會自動執行。
    Months of which records lie in the default partition get their own. Again does no harm.
    """
    _with_partitions(home)
    from django.db import OperationalError

    from nhicard.insurer import clock
    from nhicard.insurer.partitions import ensuring

    try:
        made = ensuring.ensure(clock.now(), ahead)
    except OperationalError as error:
        typer.echo(f"資料表使用中，請稍後再試。The tables are busy; try again later. {error}", err=True)
        raise typer.Exit(2) from None
    if analyze:
        ensuring.analyze()
    typer.echo("\n".join(part.name for part in made) or "分區已齊全 All partitions are there.")


@app.command("list")
def listed(home: Home = None) -> None:
    """List the partitions: month, rows (estimated), bytes with indexes, storage parameters.

    列出各月分區的筆數（估計）、大小與儲存設定。
    """
    _with_partitions(home)
    from rich.console import Console
    from rich.table import Table

    from nhicard.insurer import clock
    from nhicard.insurer.partitions import ensuring

    now = clock.now()
    table = Table("分區 partition", "筆數 rows ≈", "大小 MB", "階段 age", "fillfactor", "vacuum", "analyze")
    for each in ensuring.listed():
        settings = dict(setting.split("=") for setting in each.settings)
        told = [settings.get(name, "") for name in _SETTINGS]
        age = ensuring.age_name(each.part, now)
        table.add_row(each.part.name, f"{each.rows:,}", f"{each.size / 1e6:,.1f}", age, *told)
    Console().print(table)


def _with_partitions(home: Home) -> None:
    """Ends with the reason where the database has none."""
    _with_tables(home)
    from nhicard.insurer.partitions import ensuring

    if not ensuring.is_possible():
        typer.echo("SQLite 不分區；請以 DATABASE_URL 指定 PostgreSQL。SQLite has no partitions.", err=True)
        raise typer.Exit(2)
