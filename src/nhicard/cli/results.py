"""``nhicard results``: what the insurer answered, explained, ranked and exported."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    import polars as pl

    from nhicard.institution.results import Result


class ResultFormat(StrEnum):
    """Output formats of ``results``."""

    text = "text"
    json = "json"
    csv = "csv"
    xlsx = "xlsx"


class RankBy(StrEnum):
    """What findings are ranked by."""

    code = "code"
    field = "field"
    both = "both"


def register(app: typer.Typer) -> None:
    """Put the command into the one of the whole package."""
    app.command()(results)


def results(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Result files: texts, ZIPs of them, or findings as JSON.")
    ],
    output_format: Annotated[
        ResultFormat, typer.Option("--format", help="text for people; json, csv and xlsx hold every finding.")
    ] = ResultFormat.text,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT", help="Write there; needed for xlsx.")
    ] = None,
    by: Annotated[RankBy, typer.Option(help="Rank by code, by field, or by both together.")] = RankBy.both,
    show: Annotated[int, typer.Option(metavar="N", min=0, help="How many ranks to show in text output.")] = 20,
    show_ids: Annotated[
        bool, typer.Option("--show-ids", help="Show IDs, card numbers and dates of birth in full.")
    ] = False,
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File whose first line is the password of the ZIPs.")
    ] = None,
) -> None:
    """Explain what the insurer answered: which codes and fields, how often, since when, and what to do.

    健保署檢核結果：讀取結果檔或 ZIP，逐碼說明、排行，並可匯出 Excel。

    Exit codes: 0 nothing rejected, 1 something rejected, 2 something could not be read.

    Examples:

      nhicard results result.zip

      nhicard results *.zip --by code --format xlsx -o results.xlsx
    """
    raise typer.Exit(run(files, output_format.value, output, by.value, show, show_ids, password_file))


def run(
    files: list[Path],
    output_format: str,
    output: Path | None,
    by: Any,
    show: int,
    show_ids: bool,
    password_file: Path | None,
) -> int:
    """Read everything named and write it; returns the exit code."""
    from nhicard.institution.results import UnusableResult, rank, read_results, together
    from nhicard.institution.results.masking import masked_result

    if output_format == "xlsx" and output is None:
        return _told("xlsx 需要 -o 指定檔名。 xlsx needs a file name: -o.")
    if output and any(file.exists() and output.exists() and output.samefile(file) for file in files):
        return _told("輸出檔不可與結果檔相同。 The output must not be one of the result files.")
    unusable = False
    found: list[Result] = []
    try:
        password = password_file.read_bytes().splitlines()[0] if password_file else None
    except (OSError, IndexError):
        return _told(f"{password_file}: 無法讀取密碼檔。 The password file cannot be read.")
    for file in files:
        try:
            found += read_results(file, password=password)
        except UnusableResult as error:
            unusable = bool(_told(f"{file}: {error.zh} {error.en}"))
        except OSError as error:
            unusable = bool(_told(f"{file}: 無法讀取。 Cannot be read: {error.strerror or error}."))
    if found:
        shown = found if show_ids else [masked_result(result) for result in found]
        findings = together(shown)
        _WRITERS[output_format](shown, findings, rank(findings, by), output, show)
    if unusable or any(result.unread for result in found):
        return 2
    return 1 if any(result.rejected or result.rejected_found or result.whole_file_rejected for result in found) else 0


def _told(message: str) -> int:
    typer.echo(f"nhicard: {message}", err=True)
    return 2


def _unread(result: Result) -> Iterator[dict[str, Any]]:
    for each in result.unread:
        told = {"line": each.line, "text": each.text, "reason_zh": each.zh, "reason_en": each.en}
        yield {"source": result.source, **told}


def _write(output: Path | None, text: str) -> None:
    if output:
        output.write_text(text, encoding="utf-8-sig" if output.suffix.lower() == ".csv" else "utf-8")
    else:
        sys.stdout.write(text)


def _as_json(
    found: list[Result], findings: pl.DataFrame, ranking: pl.DataFrame, output: Path | None, show: int
) -> None:
    from nhicard.institution.results.export import facts, json_rows

    told = {
        "results": [
            facts(result) | {"findings": json_rows(result.findings), "unread": list(_unread(result))}
            for result in found
        ],
        "ranking": json_rows(ranking),
    }
    _write(output, json.dumps(told, ensure_ascii=False) + "\n")


def _as_csv(found: list[Result], findings: pl.DataFrame, ranking: pl.DataFrame, output: Path | None, show: int) -> None:
    from nhicard.institution.results.export import csv_text

    _write(output, csv_text(findings))
    for each in chain.from_iterable(map(_unread, found)):
        _told(f"{each['source']} 第 {each['line']} 行：{each['reason_zh']} {each['reason_en']}")


def _as_workbook(
    found: list[Result], findings: pl.DataFrame, ranking: pl.DataFrame, output: Path | None, show: int
) -> None:
    import polars as pl

    from nhicard.institution.results.export import facts, write_workbook

    assert output is not None
    unread = pl.DataFrame(
        list(chain.from_iterable(map(_unread, found))),
        schema={"source": pl.String, "line": pl.Int64, **dict.fromkeys(("text", "reason_zh", "reason_en"), pl.String)},
    )
    sheets = {
        "排行 ranking": ranking,
        "明細 findings": findings,
        "檔案 files": pl.DataFrame([facts(result) for result in found], infer_schema_length=None),
        "未能解讀 unread": unread,
    }
    write_workbook(output, sheets.items())


_SEVERITY: Final = {"file": "整份退件", "reject": "退件", "warn": "提示"}


def _as_text(
    found: list[Result], findings: pl.DataFrame, ranking: pl.DataFrame, output: Path | None, show: int
) -> None:
    from rich.console import Console

    if output:
        with output.open("w", encoding="utf-8") as stream:
            _print(Console(file=stream, highlight=False, width=120), found, ranking, show)
    else:
        _print(Console(highlight=False), found, ranking, show)


def _print(console: Any, found: list[Result], ranking: pl.DataFrame, show: int) -> None:
    from rich.text import Text

    for result in found:
        console.print(Text(result.source, style="bold"))
        for line in _head(result):
            console.print(Text(f"  {line}"))
    if ranking.height and show:
        console.print()
        console.print(_table(ranking.head(show), ranking.height))
    for each in chain.from_iterable(map(_unread, found)):
        place = f"{each['source']} 第 {each['line']} 行"
        console.print(
            Text(f"未能解讀 not understood  {place}: {each['reason_zh']} {each['reason_en']}", style="yellow")
        )
        console.print(Text(f"    {each['text'][:200]}", style="dim"))


def _head(result: Result) -> Iterator[str]:
    if result.kind or result.receipt:
        yield f"{result.kind or ''}  作業代碼 receipt {result.receipt or '—'}"
    when = f"{result.uploaded_at:%Y-%m-%d %H:%M:%S}" if result.uploaded_at else "—"
    yield (
        f"上傳時間 uploaded {when}   就醫 records {_count(result.records)}   有效 accepted {_count(result.accepted)}   "
        + (f"無效 rejected {_count(result.rejected)}")
    )
    if result.whole_file_rejected:
        yield "整份檔案退件。 The whole file is rejected."
    elif not result.findings.height and not result.unread:
        yield "沒有任何錯誤或提示。 Nothing was found."
    if not result.counts_agree:
        yield (
            f"表頭記無效 {result.rejected:,} 筆，依代碼算出退件 {result.rejected_found:,} 筆：可能有代碼的輕重已改。"
            f" The heading counts {result.rejected:,} rejected records, the codes say "
            f"{result.rejected_found:,}: a code may have become, or ceased to be, a mere warning."
        )


def _count(number: int | None) -> str:
    return "—" if number is None else f"{number:,}"


def _table(ranking: pl.DataFrame, all_ranks: int) -> Any:
    from rich.table import Table
    from rich.text import Text

    title = f"排行 Ranking（{ranking.height} / {all_ranks}）"
    table = Table(box=None, padding=(0, 2, 0, 0), title=title, title_justify="left", title_style="bold")
    for name, justify in (("次數", "right"), ("筆數", "right"), ("比率", "right"), ("代碼", "left"), ("欄位", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column("就醫日", overflow="fold")
    table.add_column("說明與處理", overflow="fold")
    for row in ranking.iter_rows(named=True):
        words = Text(f"{_SEVERITY[row['severity']]}：{row['text_zh']}")
        if row["remedy_zh"]:
            words.append(f"；{row['remedy_zh']}")
        words.append(f"\n{row['text_en']}" + (f"; {row['remedy_en']}" if row["remedy_en"] else ""), style="dim")
        days = [f"{day:%m-%d}" for day in (row["first_visit"], row["last_visit"]) if day]
        table.add_row(
            f"{row['findings']:,}",
            f"{row['records']:,}",
            f"{row['share']:.1%}",
            Text(row["code"] or "", style="yellow" if row["severity"] == "warn" else "red"),
            row["field"] or "",
            " – ".join(dict.fromkeys(days)),
            words,
        )
    return table


_WRITERS: Final = {"text": _as_text, "json": _as_json, "csv": _as_csv, "xlsx": _as_workbook}
