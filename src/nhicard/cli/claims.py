"""``nhicard claims``: check a claim file before it is sent, make one up."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from nhicard.cli.moments import moment

if TYPE_CHECKING:
    import polars as pl

    from nhicard.checks.claims import ClaimContext, ClaimFindings, Revision
    from nhicard.cli.settings import Settings
    from nhicard.formats.claims import Claims

app = typer.Typer(no_args_is_help=True, help="Claim files: check, make up. 費用申報檔：檢核、產生測試檔。")

_STDIN: Final = "-"


class Format(StrEnum):
    """Output formats of ``claims check``."""

    text = "text"
    json = "json"
    csv = "csv"


class KindName(StrEnum):
    """Kinds of claim files."""

    outpatient = "outpatient"
    inpatient = "inpatient"
    pharmacy = "pharmacy"


@app.command()
def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A claim file; - reads standard input.")],
    output: Annotated[
        Format, typer.Option("--format", help="text for people; json and csv are complete.")
    ] = Format.text,
    visits: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Upload files (1.0 or 2.0) of the same visits; may be given several times."),
    ] = None,
    as_of: Annotated[str | None, typer.Option(metavar="TIME", help="Check as if claimed then. Default: now.")] = None,
    institution: Annotated[str | None, typer.Option(metavar="CODE", help="Who claims; switches CLM-503 on.")] = None,
    keys: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The insurer's key file; needs the list of institutions in --reference."),
    ] = None,
    reference: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder with reference lists.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings file; default nhicard.toml.")] = None,
    show: Annotated[int, typer.Option(metavar="N", min=0, help="How many findings to show in text output.")] = 10,
) -> None:
    """Say what is wrong in a claim file: structure, sums, dates, identifiers, and whether its visits were uploaded.

    申報前檢核：結構、合計、日期、就醫識別碼，並可與就醫上傳檔比對。

    Exit codes: 0 nothing rejected, 1 something rejected, 2 the input could not be used.

    Example: nhicard claims check TOTFA.xml --visits upload.xml
    """
    sys.exit(run(file, output.value, visits or [], as_of, institution, keys, reference, config, show))


@app.command()
def generate(
    kind: Annotated[KindName, typer.Option(help="Kind of claim.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where to write the file.")],
    cases: Annotated[int, typer.Option(metavar="N", min=1, help="How many cases.")] = 1000,
    seed: Annotated[int, typer.Option(metavar="S", help="The same seed gives the same file.")] = 1,
    error_rate: Annotated[
        float,
        typer.Option(metavar="P", min=0.0, max=1.0, help="Share of cases with an error, told in FILE.planted.csv."),
    ] = 0.0,
    as_of: Annotated[
        str | None, typer.Option(metavar="TIME", help="The claim is of the month before. Default: now.")
    ] = None,
) -> None:
    """Write a made-up claim file: valid check digits, sums that agree, no real data.

    產生擬真的申報測試檔（虛構資料），可指定埋入已知錯誤的比率。

    Example: nhicard claims generate --kind outpatient --cases 1000 --error-rate 0.05 -o claim.xml
    """
    from nhicard.formats import rocdate
    from nhicard.formats.claims.writer import write_slices
    from nhicard.synthetic.claims import generate_claims
    from nhicard.synthetic.claims_plants import plant_claims

    beside = output.with_name(f"{output.name}.planted.csv")
    try:
        claims = generate_claims(kind.value, cases, seed, moment(as_of) or rocdate.now())
        if error_rate:
            claims, planted = plant_claims(claims, error_rate, seed)
            planted.write_csv(beside)
        with output.open("wb") as stream:
            stream.writelines(write_slices(claims))
    except OSError as error:
        name = error.filename or output
        _errors().print(
            f"{name}: 無法寫入。 Cannot be written: {error.strerror or error}.", markup=False, soft_wrap=True
        )
        raise typer.Exit(2) from None
    except ValueError as error:
        _errors().print(f"nhicard: {error}", markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    told = (
        f"{output}：已寫入 {cases:,} 件、{claims.orders.height:,} 筆醫令。 Wrote {cases:,} cases and "
        f"{claims.orders.height:,} orders."
    )
    if error_rate:
        told += f"\n{beside}：埋入 {planted.height:,} 個錯誤。 Planted {planted.height:,} errors."
    Console(highlight=False).print(told, markup=False, soft_wrap=True)


def run(
    file: str,
    output: str,
    visits: list[Path],
    as_of: str | None,
    institution: str | None,
    keys: Path | None,
    reference: Path | None,
    config: Path | None,
    show: int,
) -> int:
    """Check one file; returns the exit code."""
    from nhicard.checks.claims import check as check_claims
    from nhicard.checks.reference import UnreadableList
    from nhicard.cli.settings import BadSettings
    from nhicard.cli.settings import load as load_settings
    from nhicard.formats import UnusableInput
    from nhicard.formats.claims import KINDS, read, table

    name = file
    try:
        settings = load_settings(config)
        for kind in KINDS:
            table(kind, settings.assumptions)
        context = _context(settings, as_of, institution, keys, reference)
        claims = read(sys.stdin.buffer if file == _STDIN else file, assumptions=settings.assumptions)
        uploaded = []
        for name in map(str, visits):
            uploaded.append(_uploaded(name))
        findings = check_claims(claims, context, _together(uploaded) if uploaded else None)
    except UnusableInput as error:
        _errors().print(f"{name}: {error.zh} {error.en}", markup=False, soft_wrap=True)
        return 2
    except (BadSettings, UnreadableList, ValueError) as error:
        _errors().print(f"nhicard: {error}", markup=False, soft_wrap=True)
        return 2
    except OSError as error:
        told = f"{error.filename or name}: 無法讀取。 Cannot be read: {error.strerror or error}."
        _errors().print(told, markup=False, soft_wrap=True)
        return 2
    _WRITERS[output](file, claims, findings, show)
    return 1 if findings.rejected or findings.whole_file_rejected else 0


def _context(
    settings: Settings, as_of: str | None, institution: str | None, keys: Path | None, reference: Path | None
) -> ClaimContext:
    from nhicard.checks.claims import ClaimContext
    from nhicard.checks.reference import load as load_lists
    from nhicard.checks.verification import KeyVerifier
    from nhicard.cli.settings import BadSettings, load_keys
    from nhicard.formats import rocdate

    verifier = None
    if key_file := keys or settings.keys:
        folder = reference or settings.reference
        lists = load_lists(folder) if folder else None
        if lists is None or "institutions" not in lists:
            raise BadSettings(
                "檢核就醫識別碼需要醫事機構清單（institutions），請以 --reference 指定清單資料夾。 "
                "Identifiers cannot be verified without the list of institutions; name its folder with --reference."
            )
        verifier = KeyVerifier(load_keys(key_file), lists["institutions"].frame["code"])
    return ClaimContext(
        moment(as_of) or rocdate.now(), institution or settings.institution, settings.assumptions, verifier
    )


def _uploaded(name: str) -> pl.DataFrame:
    from nhicard.checks.claims import reported_visits
    from nhicard.formats import read

    return reported_visits(read(name))


def _together(frames: list[pl.DataFrame]) -> pl.DataFrame:
    import polars as pl

    return pl.concat(frames)


def _errors() -> Console:
    return Console(stderr=True, highlight=False)


# ---- the three outputs ----


def _revision(claims: Claims) -> list[Revision]:
    from nhicard.checks.claims import is_revised

    return list(is_revised(claims).values())


def _write_json(name: str, claims: Claims, findings: ClaimFindings, _: int) -> None:
    head: dict[str, Any] = {
        "file": name,
        "kind": findings.kind,
        "encoding": findings.encoding,
        "cases": findings.cases,
        "orders": findings.orders,
        "accepted": findings.accepted,
        "accepted_with_warnings": findings.accepted_with_warnings,
        "rejected": findings.rejected,
        "revised": [
            {"item": each.item, "cases": each.cases, "revised": each.revised, "completed": each.completed}
            for each in _revision(claims)
        ],
        "rules_off": [
            {"code": off.code, "reason": off.reason, "text_zh": off.zh, "text_en": off.en} for off in findings.rules_off
        ],
    }
    lines = findings.frame.write_ndjson().rstrip("\n").replace("\n", ",")
    sys.stdout.write(json.dumps(head, ensure_ascii=False)[:-1] + f', "findings": [{lines}]}}\n')


def _write_csv(name: str, _: Claims, findings: ClaimFindings, __: int) -> None:
    import polars as pl

    sys.stdout.write(findings.frame.select(pl.lit(name).alias("file"), pl.all()).write_csv())


def _write_text(name: str, claims: Claims, findings: ClaimFindings, show: int) -> None:
    console = Console(highlight=False)
    console.print(Text(name, style="bold"))
    console.print(
        f"  {claims.table.name_zh}，編碼 {findings.encoding}，{findings.cases:,} 件、{findings.orders:,} 筆醫令"
    )
    verdict = Text("  ")
    verdict.append(f"接受 accepted {findings.accepted:,}   ", style="green")
    verdict.append(f"有提示 with warnings {findings.accepted_with_warnings:,}   ", style="yellow")
    verdict.append(f"退件 rejected {findings.rejected:,}", style="bold red" if findings.rejected else "")
    console.print(verdict)
    if findings.whole_file_rejected:
        console.print(Text("  整份檔案退件。 The whole file is rejected.", style="bold red"))
    for each in _revision(claims):
        done = "完成 completed" if each.completed else "未完成 not completed"
        console.print(f"  新版格式 revised format {each.item}：{each.revised:,}/{each.cases:,} {done}")
    if len(findings):
        console.print(Padding(_frequent(findings), (1, 0, 0, 2)))
        for row in findings.frame.head(show).iter_rows(named=True):
            console.print(Padding(_finding(row), (0, 0, 0, 2)))
    for reason in dict.fromkeys(off.reason for off in findings.rules_off):
        mine = [off for off in findings.rules_off if off.reason == reason]
        told = f"  未檢核 off：{mine[0].zh} {mine[0].en}: {' '.join(off.code for off in mine)}"
        console.print(Text(told, style="dim"))


def _frequent(findings: ClaimFindings) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), title="最常見 Most frequent", title_justify="left")
    for name in ("筆數", "代碼", "欄位", "說明"):
        table.add_column(name, overflow="fold")
    counts = findings.frame.group_by("code", "element", "text_zh").len().sort("len", "code", descending=[True, False])
    for row in counts.head(8).iter_rows(named=True):
        table.add_row(f"{row['len']:,}", row["code"], row["element"] or "", row["text_zh"])
    return table


def _finding(row: dict[str, Any]) -> Text:
    place = f"第 {row['case']} 件" if row["case"] else "總表"
    place += f" 醫令 {row['order']}" if row["order"] else ""
    value = "" if row["value"] is None else f" = {row['value'][:40]!r}"
    line = f"  行 {row['line']}" if row["line"] else ""
    text = Text(f"{place}  {row['element'] or ''}:{row['code']}{value}{line}  {row['key'] or ''}\n")
    return text.append(f"    {row['text_zh']}\n    ").append(row["text_en"], style="dim")


_WRITERS: Final = {"text": _write_text, "json": _write_json, "csv": _write_csv}
