"""``nhicard build``: an upload file from spreadsheets or the HIS's database, and what the checks say of it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final

import typer

from nhicard.cli.moments import moment

if TYPE_CHECKING:  # polars, rich and the rooms are loaded when the command runs
    import polars as pl

    from nhicard.formats import Batch
    from nhicard.institution.sources import Told
    from nhicard.institution.visits import Visits

_SHOWN: Final = 10


class BuildEdition(StrEnum):
    """Editions that can be built."""

    one = "1.0"
    two = "2.0"


def register(app: typer.Typer) -> None:
    """Put the command into the one of the whole package."""
    app.command()(build)


def build(
    edition: Annotated[BuildEdition | None, typer.Option(help="Edition of the upload file.")] = None,
    visits: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Visits: CSV or Excel, whose sheet 醫令 may hold the orders.")
    ] = None,
    orders: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Their orders, joined by the column visit (就醫編號).")
    ] = None,
    sql: Annotated[
        Path | None, typer.Option(metavar="MAPPING", help="Read a HIS database by this mapping file instead.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="With --sql: only what changed since then (Taipei).")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where to write it.")] = None,
    template: Annotated[
        Path | None, typer.Option(metavar="FILE.xlsx", help="Only write a workbook to fill in.")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder with reference lists (docs/reference-lists.md).")
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings file; default as for check.")] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="TIME", help="Check as if uploaded then (Taipei). Default: now.")
    ] = None,
    show: Annotated[int, typer.Option(metavar="N", min=0, help="How many of each to show.")] = _SHOWN,
    no_check: Annotated[bool, typer.Option("--no-check", help="Do not check the written file.")] = False,
) -> None:
    """Build an upload file from CSV, Excel or a HIS database, and check it (docs/sources.md).

    由 CSV、Excel 或 HIS 資料庫產生上傳檔並檢核；--template 產生可填寫的 Excel 範本。

    Exit codes: 0 nothing rejected, 1 something rejected or unreadable values, 2 the input could not be used.

    Examples:

      nhicard build --template visits.xlsx

      nhicard build --edition 2.0 --visits visits.xlsx -o upload.xml

      nhicard build --edition 1.0 --sql his.toml --since 2026-11-19T08:00 -o upload.xml
    """
    if template:
        raise typer.Exit(_template(template))
    if (visits is None) == (sql is None):
        raise typer.BadParameter("give either --visits, --sql or --template", param_hint="--visits")
    if orders and not visits:
        raise typer.BadParameter("needs --visits", param_hint="--orders")
    if since and not sql:
        raise typer.BadParameter("needs --sql", param_hint="--since")
    if edition is None:
        raise typer.BadParameter("1.0 or 2.0 is needed", param_hint="--edition")
    if output is None:
        raise typer.BadParameter("a file to write is needed", param_hint="--output")
    inputs = [path for path in (visits, orders, sql) if path and path.exists()]
    if output.exists() and any(output.samefile(path) for path in inputs):
        raise typer.BadParameter("must not be one of the inputs", param_hint="--output")
    moments = moment(since, "--since"), moment(as_of, "--as-of")
    raise typer.Exit(
        run(edition.value, visits, orders, sql, moments[0], output, moments[1], reference, config, show, not no_check)
    )


def run(
    edition: str,
    visits: Path | None,
    orders: Path | None,
    sql: Path | None,
    since: datetime | None,
    output: Path,
    as_of: datetime | None,
    reference: Path | None,
    config: Path | None,
    show: int,
    checking: bool,
) -> int:
    """Read, write, tell and check; returns the exit code."""
    from nhicard.formats.writer import UnwritableValue, write_slices
    from nhicard.institution.sources import UnreadableDatabase, UnusableMapping, UnusableTable
    from nhicard.institution.visits.derivations import complete

    try:
        told = _read(visits, orders, sql, since)
        known = complete(told.visits)
        batch, left_out = _batch(edition, known)
        with _replacing(output) as stream:
            stream.writelines(write_slices(batch))
    except (UnusableTable, UnusableMapping, UnreadableDatabase, UnwritableValue) as error:
        return _failed(f"{error.zh}\n{error.en}")
    except OSError as error:
        return _failed(f"{error.filename or output}: 無法讀寫。 Cannot be read or written: {error.strerror or error}.")
    _tell(output, batch, told, _derived(told.visits, known), left_out, show)
    code = 1 if told.doubts.height else 0
    if not checking:
        return code
    from nhicard.cli import check

    return max(code, check.run([str(output)], "text", as_of, None, reference, None, config, "both", show))


def _read(visits: Path | None, orders: Path | None, sql: Path | None, since: datetime | None) -> Told:
    from nhicard.institution.sources import load_mapping, read_tables

    if sql:
        from nhicard.institution.sources.sql import SqlSource

        source = SqlSource(load_mapping(sql))
        if since and not source.is_incremental:
            raise typer.BadParameter(f"{sql} has neither since nor :since in its query", param_hint="--since")
        return source.read(since)
    assert visits is not None
    return read_tables(visits, orders)


def _batch(edition: str, known: Visits) -> tuple[Batch, pl.DataFrame | None]:
    """The records, and what 1.0 cannot tell."""
    from nhicard.institution.visits import write10, write20

    if edition == "2.0":
        return write20(known), None
    told = write10(known)
    return told.batch, told.left_out


def _derived(given: Visits, known: Visits) -> dict[str, int]:
    """How many values of each column were derived; of those with any, most first."""
    pairs = ((given.visits, known.visits), (given.orders, known.orders))
    found = {
        name: before[name].null_count() - after[name].null_count() for before, after in pairs for name in before.columns
    }
    return dict(sorted(((name, count) for name, count in found.items() if count), key=lambda each: -each[1]))


def _template(path: Path) -> int:
    from nhicard.institution.sources.template import write_template

    if path.suffix.lower() != ".xlsx":
        return _failed("範本須為 .xlsx 檔。 The template must be an .xlsx file.")
    if path.exists():
        return _failed(f"{path} 已存在，不覆蓋。 It exists already and may be filled in; name another file.")
    try:
        with _replacing(path) as stream:
            write_template(stream)
    except OSError as error:
        return _failed(f"{path}: 無法寫入。 Cannot be written: {error.strerror or error}.")
    typer.echo(f"{path}：已產生範本，說明在最後一張工作表。 The template is written; its last sheet explains.")
    return 0


def _failed(message: str) -> int:
    typer.echo(f"nhicard: {message}", err=True)
    return 2


@contextmanager
def _replacing(output: Path) -> Iterator[BinaryIO]:
    """A stream whose content becomes the file at the end, readable by its owner only; a run that fails leaves what was
    there."""
    handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")  # of mode 0600
    draft = Path(name)
    try:
        with os.fdopen(handle, "w+b") as stream:
            yield stream
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)


def _tell(
    output: Path, batch: Batch, told: Told, derived: dict[str, int], left_out: pl.DataFrame | None, show: int
) -> None:
    from nhicard.institution.visits.columns import columns

    line = sys.stdout.write
    line(f"{output}：{batch.edition} 格式，{batch.visits.height:,} 筆就醫、{batch.orders.height:,} 筆醫令。\n")
    line(f"Edition {batch.edition}: {batch.visits.height:,} visits, {batch.orders.height:,} orders.\n")
    if derived:
        some = "、".join(f"{columns()[name].name_zh} {name} {count:,}" for name, count in list(derived.items())[:show])
        more = f" … 共 {len(derived)} 欄 columns" if len(derived) > show else ""
        line(f"推得 derived: {some}{more}\n")
    if left_out is not None and left_out.height:
        line(f"1.0 無法表達 edition 1.0 cannot tell: {left_out.height:,}\n")
        reasons = (
            left_out.group_by("field", "text_zh", "text_en", maintain_order=True).len().sort("len", descending=True)
        )
        for field, zh, en, count in reasons.head(show).rows():
            line(f"  {field} × {count:,}　{zh}。 {en}.\n")
    doubts = told.doubts
    if doubts.height:
        line(f"讀不出的值，照原樣寫入 values that could not be read, written as they are: {doubts.height:,}\n")
        for row in doubts.head(show).iter_rows(named=True):
            sheet = "就醫" if row["table"] == "visits" else "醫令"
            value = "" if row["value"] is None else f" = {row['value'][:40]!r}"
            line(f"  {sheet} 第 {row['row']} 列 row {row['row']} {row['column']}{value}\n")
            line(f"      {row['text_zh']}。 {row['text_en']}.\n")
        if doubts.height > show:
            line(f"  … 共 {doubts.height:,}\n")
    sys.stdout.flush()
