"""``nhicard upgrade``: a file of edition 1.0 as one of 2.0, and what it still lacks."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

if TYPE_CHECKING:  # polars, rich and the checks are loaded when the command runs
    import polars as pl

    from nhicard.institution.upgrading import Upgrade
    from nhicard.institution.upgrading.identifiers import Source

_SHOWN = 10
_ACCEPTED = "Y014"  # UTF-8, which is read, and written as Big5
_STATES = {
    "obtained": "已取得就醫識別碼 identifiers obtained",
    "refused": "未取得 refused",
    "not asked": "未詢問 not asked",
}


class Format(StrEnum):
    """Output formats of the list of what is missing."""

    text = "text"
    json = "json"
    csv = "csv"


def upgrade(
    file: Annotated[Path, typer.Argument(metavar="FILE10", help="Upload file of edition 1.0.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE20", help="Where to write edition 2.0.")],
    form: Annotated[
        Format, typer.Option("--format", help="How to list what is missing: for people, or complete for programs.")
    ] = Format.text,
    reader_url: Annotated[
        str | None,
        typer.Option("--reader", metavar="URL", help="Control software to ask for visit identifiers; needs --centre."),
    ] = None,
    reader_ca: Annotated[Path | None, typer.Option(help="Its certificate, if this machine does not trust it.")] = None,
    centre: Annotated[
        str | None,
        typer.Option(metavar="URL", envvar="NHICARD_DATACENTRE", help="Base URL of the insurer's data centre."),
    ] = None,
    centre_ca: Annotated[
        Path | None, typer.Option(envvar="NHICARD_DATACENTRE_CA", help="Certificate file to trust for it.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="TIME", help="As if upgraded then (Taipei), e.g. 2023-10-23T12:00.")
    ] = None,
) -> None:
    """Make edition 2.0 of a file of edition 1.0, and list record by record what 2.0 asks for and 1.0 does not have.

    將 1.0 上傳檔轉為 2.0，並逐筆列出還缺哪些欄位、要去哪裡取得。接上讀卡機控制軟體時會嘗試取得就醫識別碼。

    Exit codes: 0 nothing is missing, 1 something is, 2 the file could not be used.

    Example: nhicard upgrade visits10.xml -o visits20.xml --format csv > missing.csv
    """
    from nhicard.formats import rocdate

    if reader_url and not centre:
        raise typer.BadParameter("needs --centre", param_hint="--reader")
    try:
        moment = datetime.fromisoformat(as_of) if as_of else rocdate.now()
    except ValueError:
        raise typer.BadParameter(f"{as_of!r} is not a date or time", param_hint="--as-of") from None
    if moment.tzinfo:
        moment = moment.astimezone(rocdate.TAIPEI).replace(tzinfo=None)
    raise typer.Exit(_run(file, output, form, moment, reader_url, reader_ca, centre, centre_ca))


def _run(
    file: Path,
    output: Path,
    form: Format,
    moment: datetime,
    reader_url: str | None,
    reader_ca: Path | None,
    centre: str | None,
    centre_ca: Path | None,
) -> int:
    import polars as pl
    from rich.console import Console

    from nhicard.formats import UnusableInput
    from nhicard.formats.writer import UnwritableValue
    from nhicard.reader.client import Reader

    errors = Console(stderr=True, highlight=False)
    missing, answers, records = pl.DataFrame(), pl.DataFrame(), 0
    try:
        asking = (
            Reader(centre, reader_url, reader_ca=reader_ca, centre_ca=centre_ca)
            if reader_url and centre
            else nullcontext()
        )
        with asking as source, _replacing(output) as stream:
            for part in _written(file, stream, source, moment):
                missing = pl.concat([missing, part.missing]) if records else part.missing
                answers = pl.concat([answers, part.answers]) if records else part.answers
                records += part.batch.visits.height
    except (UnusableInput, UnwritableValue) as error:
        errors.print(f"{file}: {error.zh} {error.en}", markup=False, soft_wrap=True)
        return 2
    except OSError as error:
        name = error.filename or file
        errors.print(f"{name}: 無法讀寫。 Cannot be read or written: {error.strerror or error}.", markup=False)
        return 2
    if form == Format.csv:
        sys.stdout.write(missing.write_csv())
    elif form == Format.json:
        head = {"file": str(file), "output": str(output), "records": records}
        told = head | {"missing": missing.to_dicts(), "answers": answers.to_dicts()}
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    else:
        _tell(output, records, missing, answers)
    return 1 if missing.height else 0


def _written(file: Path, stream: BinaryIO, source: Source | None, moment: datetime) -> Iterator[Upgrade]:
    """Each slice upgraded and written."""
    from nhicard.checks import Context
    from nhicard.formats import UnusableInput, scan
    from nhicard.formats.writer import EPILOG, PROLOG, write_slices
    from nhicard.institution.upgrading import upgrade as upgraded

    context = Context(as_of=moment)
    stream.write(PROLOG.encode("ascii"))
    for batch in scan(file):
        if batch.edition != "1.0":
            raise UnusableInput("檔案不是 1.0 格式。", f"The file is of edition {batch.edition}, not 1.0.")
        faults = [fault for fault in batch.faults if fault.code != _ACCEPTED]
        if faults:
            raise UnusableInput(
                f"檔案內容有誤，請先以 nhicard check 檢核並改正：{faults[0].zh}",
                f"The file is faulty; put it right by nhicard check first: {faults[0].en}",
            )
        part = upgraded(batch, source, context)
        _, *pieces, _ = write_slices(part.batch)
        stream.writelines(pieces)
        yield part
    stream.write(EPILOG.encode("ascii"))


@contextmanager
def _replacing(output: Path) -> Iterator[BinaryIO]:
    """A stream whose content becomes the file at the end; a run that fails leaves what was there."""
    handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)


def _tell(output: Path, records: int, missing: pl.DataFrame, answers: pl.DataFrame) -> None:
    import polars as pl
    from rich.console import Console

    show = Console(highlight=False, soft_wrap=True).print
    lacking = missing["record"].n_unique()
    show(f"{output}：{records:,} 筆已轉為 2.0，{lacking:,} 筆還缺資料。", markup=False)
    show(f"{records:,} records are in edition 2.0; {lacking:,} still lack something.", markup=False)
    for state, count in answers.group_by("state").len().sort("state").rows():
        show(f"  {_STATES[state]}：{count:,}", markup=False)
    often = missing.group_by("field", "query").agg(pl.len(), pl.first("column", "how_zh", "how_en"))
    for field, query, count, column, how_zh, how_en in often.sort("len", "field", descending=[True, False]).rows():
        show(f"  {field} {column or ''}　{count:,} 筆　{query}", markup=False)
        show(f"      {how_zh}。 {how_en}.", markup=False)
    for row in missing.head(_SHOWN).iter_rows(named=True):
        order = f" 第 {row['order']} 筆 MB2" if row["order"] else ""
        show(f"  第 {row['record']} 筆{order} {row['field']}：{row['text_zh']}", markup=False)
    if missing.height > _SHOWN:
        show(f"  … 共 {missing.height:,} 項，以 --format csv 列出全部。 All: --format csv.", markup=False)
