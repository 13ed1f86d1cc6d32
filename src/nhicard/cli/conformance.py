"""``nhicard conformance``: the numbered cases against an implementation of the Web API or the reader API."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer


class Kind(StrEnum):
    """What is tested."""

    insurer = "insurer"
    reader = "reader"


class Format(StrEnum):
    """Formats of the report."""

    text = "text"
    json = "json"
    html = "html"


def conformance(
    url: Annotated[str, typer.Argument(metavar="URL", help="Base URL of the service; use a test service.")],
    kind: Annotated[
        Kind, typer.Option(help="The upload Web API, or the control software's reader API.")
    ] = Kind.insurer,
    ca: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Certificate to trust for URL and --reader."),
    ] = None,
    reader: Annotated[
        str | None, typer.Option(metavar="URL", help="Control software that signs uploads with its SAM.")
    ] = None,
    reader_ca: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Certificate to trust for --reader."),
    ] = None,
    sam: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="A simulated SAM card that signs in place of --reader."
        ),
    ] = None,
    other_sam: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="A second SAM of the institution.")
    ] = None,
    revoked_sam: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="A SAM that is revoked.")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="The insurer's key file, for genuine identifiers and signatures.",
        ),
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The reader's folder, whose simulated cards are put in and taken out."),
    ] = None,
    pin: Annotated[
        str, typer.Option(envvar="NHICARD_STAFF_PIN", metavar="PIN", help="PIN of the staff card in the reader.")
    ] = "",
    only: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="Cases whose number begins so, e.g. W3; repeatable.")
    ] = None,
    slow: Annotated[bool, typer.Option("--slow", help="Also the case with a very large file.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="List the cases and end.")] = False,
    patience: Annotated[float, typer.Option(min=1.0, metavar="SECONDS", help="How long to wait for a result.")] = 120.0,
    output_format: Annotated[Format, typer.Option("--format", help="html is one page on its own.")] = Format.text,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where the report goes.")
    ] = None,
) -> None:
    """Test an implementation of the upload Web API or of the reader API, case by case, each with its source.

    相容性測試：逐案測試上傳 Web API 或讀卡機控制軟體 API，附出處與所見。會上傳虛構資料，請用測試環境。

    Exit codes: 0 no case failed, 1 one failed, 2 the test could not be run.

    Example: nhicard conformance https://127.0.0.1:8443 --ca https.pem --sam sam.json --format html -o report.html
    """
    from nhicard.conformance import report
    from nhicard.conformance.cases import all_cases

    chosen = [each for each in all_cases() if each.kind == kind.value and each.number.startswith(tuple(only or ("",)))]
    if not chosen:
        _unusable("沒有這樣的案例。There are no such cases.")
    if listing:
        typer.echo(report.listed(chosen), nl=False)
        return
    from nhicard.conformance import setting

    try:
        with ExitStack() as open_clients:
            subject, has = (
                setting.reader(url, ca, home, pin, open_clients)
                if kind is Kind.reader
                else setting.insurer(
                    url,
                    ca,
                    setting.Signing(sam, other_sam, revoked_sam, reader, reader_ca),
                    keys,
                    patience,
                    open_clients,
                )
            )
            done = setting.report_of(url, kind.value, chosen, subject, has | ({"slow"} if slow else set()))
    except (ValueError, OSError) as reason:
        _unusable(str(reason))
    text = {"text": report.as_text, "json": report.as_json, "html": report.as_html}[output_format.value](done)
    if output:
        output.write_text(text, encoding="utf-8")
        typer.echo(" ".join(f"{name} {count}" for name, count in done.counts.items()))
    else:
        typer.echo(text, nl=False)
    sys.exit(0 if done.passed else 1)


def _unusable(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(2)
