"""``nhicard fix``: safe repairs of an upload file, told one by one; what only a person can decide is listed."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from nhicard.cli.moments import moment

if TYPE_CHECKING:
    import polars as pl

    from nhicard.checks.context import Context
    from nhicard.institution.mending import Fixed


class FixFormat(StrEnum):
    """Output formats of ``fix``."""

    text = "text"
    json = "json"
    csv = "csv"


def register(app: typer.Typer) -> None:
    """Put the command into the one of the whole package."""
    app.command()(fix)


def fix(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Upload file, 1.0 or 2.0; it is never changed itself.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT", help="Where the mended file goes.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be changed.")] = False,
    output_format: Annotated[
        FixFormat, typer.Option("--format", help="How changes and the rest are told: text, json or csv.")
    ] = FixFormat.text,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Judge the rest as if uploaded then (Taipei). Default: now."),
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder with reference lists (docs/reference-lists.md).")
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings file; default as for check.")] = None,
    show: Annotated[int, typer.Option(metavar="N", min=0, help="How many of each to show in text output.")] = 20,
    show_ids: Annotated[
        bool, typer.Option("--show-ids", help="Show IDs, card numbers and dates of birth in full.")
    ] = False,
) -> None:
    """Mend what can safely be mended (padding, case, blanks, date forms, numbering) and list what is left.

    修正上傳檔：只改寫法，不改內容；診療內容、身分、金額與簽章一律不動。每一處修改與剩下的問題都會列出。

    Exit codes: 0 nothing left, 1 something left for a person, 2 the file could not be used.

    Examples:

      nhicard fix upload.xml --dry-run

      nhicard fix upload.xml -o mended.xml --format csv > changes.csv
    """
    raise typer.Exit(run(file, output, dry_run, output_format.value, moment(as_of), reference, config, show, show_ids))


def run(
    file: Path,
    output: Path | None,
    dry_run: bool,
    output_format: str,
    as_of: datetime | None,
    reference: Path | None,
    config: Path | None,
    show: int,
    show_ids: bool,
) -> int:
    """Mend the file and tell; returns the exit code."""
    from nhicard.checks.reference import UnreadableList
    from nhicard.cli.settings import BadSettings
    from nhicard.formats import UnusableInput, read
    from nhicard.formats.writer import UnwritableValue
    from nhicard.institution.mending import fix as mend
    from nhicard.institution.results.masking import masked

    if output is None and not dry_run:
        return _told("請以 -o 指定輸出檔，或加 --dry-run。 Name the output with -o, or use --dry-run.")
    if output and file.exists() and output.exists() and output.samefile(file):
        return _told("輸出檔不可與輸入檔相同。 The output must not be the input itself.")
    try:
        context = _context(as_of, reference, config)
        fixed = mend(read(file), context)
        if output and not dry_run and fixed.writable:
            _write(fixed, output)
    except (BadSettings, UnreadableList) as error:
        return _told(str(error))
    except (UnusableInput, UnwritableValue) as error:
        return _told(f"{file}: {error.zh} {error.en}")
    except OSError as error:
        return _told(f"{error.filename or file}: 無法讀寫。 Cannot be read or written: {error.strerror or error}.")
    shown = (fixed.changes, fixed.left) if show_ids else (masked(fixed.changes), masked(fixed.left))
    _WRITERS[output_format](file, *shown, show)
    if not fixed.writable:
        return _told(
            "檔案結構有誤，有些內容讀不出來，因此未寫出修正檔；請先改正產生檔案的程式。 "
            "The structure is at fault and some content could not be read, so no mended file is written; mend the "
            "program that wrote it."
        )
    return 1 if fixed.left.height else 0


def _told(message: str) -> int:
    typer.echo(f"nhicard: {message}", err=True)
    return 2


def _context(as_of: datetime | None, reference: Path | None, config: Path | None) -> Context:
    from nhicard.checks.context import Context
    from nhicard.checks.reference import load, shipped
    from nhicard.cli.settings import load as load_settings
    from nhicard.formats import rocdate

    settings = load_settings(config)
    folder = reference or settings.reference
    return Context(
        as_of=as_of or rocdate.now(),
        institution=settings.institution,
        references=load(folder) if folder else shipped(),
        assumptions=settings.assumptions,
    )


def _write(fixed: Fixed, output: Path) -> None:
    """The mended file, there as a whole or not at all; readable by its owner only, for it is about patients."""
    from nhicard.formats.writer import write_slices

    handle, name = tempfile.mkstemp(prefix=f".{output.name}.", dir=output.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.writelines(write_slices(fixed.batch))
        part.replace(output)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _as_json(file: Path, changes: pl.DataFrame, left: pl.DataFrame, show: int) -> None:
    from nhicard.institution.results.export import json_rows

    told = {"file": str(file), "changes": json_rows(changes), "left": json_rows(left)}
    sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")


def _as_csv(file: Path, changes: pl.DataFrame, left: pl.DataFrame, show: int) -> None:
    import polars as pl

    from nhicard.institution.results.export import csv_text

    parts = [
        changes.select(pl.lit("changed").alias("what"), pl.all()),
        left.select(pl.lit("left").alias("what"), pl.exclude("value", "key"), before="value"),
    ]
    order = ["what", "record", "order", "line", "field", "code", "severity", "before", "after", "repair", "reason"]
    texts = ["reason_zh", "reason_en", "text_zh", "text_en"]
    sys.stdout.write(csv_text(pl.concat(parts, how="diagonal_relaxed").select(*order, *texts)))


def _as_text(file: Path, changes: pl.DataFrame, left: pl.DataFrame, show: int) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(str(file), style="bold"))
    console.print(f"  已修正 changed {changes.height:,}   留待人員處理 left {left.height:,}")
    for heading, lines, total in (
        ("修正 Changes", _changed(changes.head(show)), changes.height),
        ("留待人員處理 Left to a person", _left(left.head(show)), left.height),
    ):
        if total:
            console.print(Text(f"{heading}（{min(show, total):,} / {total:,}）", style="bold"))
            for line in lines:
                console.print(line)


def _place(row: dict[str, Any]) -> str:
    if not row["record"]:
        return "整份檔案"
    return f"第 {row['record']} 筆" + (f" 醫令 {row['order']}" if row["order"] else "")


def _changed(changes: pl.DataFrame) -> Iterator[Any]:
    from rich.text import Text

    for row in changes.iter_rows(named=True):
        after = "（不送）" if row["after"] is None else repr(row["after"])
        before = "（空）" if row["before"] is None else repr(row["before"])
        yield Text(f"  {_place(row)}  {row['field'] or ''}  {before} → {after}  {row['repair']}")


def _left(left: pl.DataFrame) -> Iterator[Any]:
    from rich.text import Text

    for row in left.iter_rows(named=True):
        value = "" if row["value"] is None else f" = {row['value'][:40]!r}"
        where = f"  行 {row['line']}" if row["line"] else ""
        style = "yellow" if row["severity"] == "warn" else "red"
        yield Text(f"  {_place(row)}  {row['field'] or ''}:{row['code']}{value}{where}", style=style)
        yield Text(f"      {row['text_zh']}\n      {row['reason_zh']}。")
        yield Text(f"      {row['text_en']} {row['reason_en']}.", style="dim")


_WRITERS: Final = {"text": _as_text, "json": _as_json, "csv": _as_csv}
