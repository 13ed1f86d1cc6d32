"""The command line's commands and their help."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

from nhicard.cli import build, conformance, deliver, fix, insurer, monitoring, recheck, results, submit, upgrade
from nhicard.cli.absences import app as absences
from nhicard.cli.agent import app as agent
from nhicard.cli.archive import app as archive
from nhicard.cli.audit import app as audit
from nhicard.cli.bandwidth import app as bandwidth
from nhicard.cli.claims import app as claims
from nhicard.cli.detectors import app as detectors
from nhicard.cli.doctor import doctor
from nhicard.cli.followup import app as followup
from nhicard.cli.hours import app as hours
from nhicard.cli.incentives import app as incentives
from nhicard.cli.lake import app as lake
from nhicard.cli.moments import moment
from nhicard.cli.opendata import app as opendata
from nhicard.cli.partitions import app as partitions
from nhicard.cli.portal import app as portal
from nhicard.cli.reader import app as reader
from nhicard.cli.registry import app as registry
from nhicard.cli.retention import app as retention
from nhicard.cli.rx import app as rx
from nhicard.cli.secrecy import app as payload_keys
from nhicard.cli.simulate import simulate_day
from nhicard.cli.taxes import app as taxes
from nhicard.cli.virtualcards import app as virtual_cards

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Taiwan NHI card visit-data uploads, formats 1.0 and 2.0.\n\n"
    "健保卡就醫資料上傳 1.0 與 2.0：上傳前檢核、代碼說明、測試資料。",
    epilog="Exit codes: 0 nothing rejected, 1 something rejected, 2 the input could not be used.",
)


class Format(StrEnum):
    """Output formats of ``check``."""

    text = "text"
    json = "json"
    csv = "csv"


class Language(StrEnum):
    """Languages of sentences in text output."""

    zh = "zh"
    en = "en"
    both = "both"


class EditionName(StrEnum):
    """Editions of the upload format."""

    one = "1.0"
    two = "2.0"


@app.command()
def check(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Upload files or folders of them; - reads standard input."),
    ],
    output: Annotated[
        Format, typer.Option("--format", help="text for people; json and csv are complete and stable.")
    ] = Format.text,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Check as if uploaded then (Taipei), e.g. 2023-10-23T12:00. Default: now."),
    ] = None,
    institution: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="Institution of the uploading SAM; switches code 07 on."),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder with reference lists (docs/reference-lists.md)."),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The insurer's key file, which nobody else has: opens visit identifiers and verifies signatures. "
            "Needs the list of institutions in --reference.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Settings file; default nhicard.toml here or in the user's configuration folder.",
        ),
    ] = None,
    lang: Annotated[Language, typer.Option(help="Language of the sentences in text output.")] = Language.both,
    show: Annotated[int, typer.Option(metavar="N", min=0, help="How many findings to show in text output.")] = 10,
) -> None:
    """Say of each record what the insurer will say: accepted, accepted with warnings, or rejected, and why.

    上傳前檢核：逐筆說明會不會被退件、哪個欄位、什麼原因、如何改正。

    Examples:

      nhicard check upload.xml

      nhicard check outbox/ --format csv > findings.csv

      nhicard check upload.xml --institution 3501200000 --reference lists/
    """
    from nhicard.cli import check as command

    sys.exit(command.run(files, output.value, moment(as_of), institution, reference, keys, config, lang.value, show))


@app.command()
def explain(
    terms: Annotated[
        list[str],
        typer.Argument(
            metavar="CODE|FIELD...", help="An error code such as D055 or CLM-103, or a field id such as M49."
        ),
    ],
) -> None:
    """Explain an error code or a field: what it asks, why, an example that breaks it and one that keeps it.

    代碼或欄位說明：規則內容、原因、錯誤與正確的例子、讀取哪些欄位。

    Examples:

      nhicard explain D055

      nhicard explain M49 AD14
    """
    from nhicard.cli import explain as command

    sys.exit(command.run(terms))


@app.command()
def generate(
    edition: Annotated[EditionName, typer.Option(help="Edition of the format.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where to write the file.")],
    visits: Annotated[int, typer.Option(metavar="N", min=1, help="How many visits.")] = 1000,
    seed: Annotated[int, typer.Option(metavar="S", help="The same seed gives the same file.")] = 1,
    error_rate: Annotated[
        float,
        typer.Option(
            metavar="P",
            min=0.0,
            max=1.0,
            help="Share of records with a planted error; what was planted is written to FILE.planted.csv.",
        ),
    ] = 0.0,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="The visits are of the days before this moment. Default: now."),
    ] = None,
    institutions: Annotated[int, typer.Option(metavar="N", min=1, help="How many institutions.")] = 1,
    keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The insurer's key file: identifiers and signatures become genuine, and the list of institutions is "
            "written beside the file. Each visit is signed by itself, which takes about a minute for 100,000; "
            "signatures differ from run to run.",
        ),
    ] = None,
) -> None:
    """Write a realistic synthetic upload file: made-up people with valid check digits, no real data.

    產生擬真的測試檔（虛構資料），可指定埋入已知錯誤的比率。

    Example: nhicard generate --edition 2.0 --visits 1000 --error-rate 0.05 -o test.xml
    """
    from nhicard.cli import generate as command

    sys.exit(command.run(edition.value, output, visits, seed, error_rate, moment(as_of), institutions, keys))


@app.command()
def bench(
    visits: Annotated[int, typer.Option(metavar="N", min=100, help="Size of the file that is measured.")] = 100_000,
    rounds: Annotated[int, typer.Option(metavar="N", min=1, help="How often each thing is timed.")] = 5,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Also write the table as Markdown.")
    ] = None,
) -> None:
    """Measure the performance budgets on this machine, as ratios within one run (docs/performance.md).

    量測效能：同一次執行內各項的比值。
    """
    from nhicard.cli import bench as command

    sys.exit(command.run(visits, rounds, output))


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where files, services and logs of the demo live; made anew.")] = Path(
        "demo/week"
    ),
    visits: Annotated[
        int,
        typer.Option(min=100, help="How many visits; more than half are the hospital's (the default: some 25,700)."),
    ] = 45_000,
) -> None:
    """Five institutions from 1.0 to 2.0: both editions, causes, mending; H1, applied, approved, switched.

    At a terminal the portal stays up at the end until Ctrl-C, unless DEMO_EXIT=1.
    """
    from nhicard.cli import demo as story

    stay = sys.stdout.isatty() and os.environ.get("DEMO_EXIT") != "1"
    raise typer.Exit(story.run(folder, visits, stay=stay))


def _version(value: bool) -> None:
    if value:
        from nhicard import __version__

        typer.echo(f"nhicard {__version__}")
        raise typer.Exit


app.add_typer(absences, name="absences")
app.add_typer(agent, name="agent")
app.add_typer(portal, name="portal")
app.add_typer(archive, name="archive")
app.add_typer(audit, name="audit")
app.add_typer(bandwidth, name="bandwidth")
app.add_typer(claims, name="claims")
app.add_typer(detectors, name="detectors")
app.add_typer(followup, name="followup")
app.add_typer(hours, name="hours")
app.add_typer(incentives, name="incentives")
app.add_typer(lake, name="lake")
app.add_typer(opendata, name="opendata")
app.add_typer(partitions, name="partitions")
app.add_typer(payload_keys, name="payload-keys")
app.add_typer(reader, name="reader")
app.add_typer(registry, name="registry")
app.add_typer(retention, name="retention")
app.add_typer(rx, name="rx")
app.add_typer(taxes, name="taxes")
app.add_typer(virtual_cards, name="virtual-cards")
insurer.register(app)
build.register(app)
app.command()(submit.submit)
app.command()(conformance.conformance)
app.command()(deliver.deliver)
app.command()(doctor)
app.command("simulate-day")(simulate_day)
app.command()(upgrade.upgrade)
results.register(app)
monitoring.register(app)
fix.register(app)
recheck.register(app)


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command."""


@cache
def command() -> Any:
    """All commands, as Click's tree."""
    return get_command(app)


def main() -> Any:
    """Entry point. Interrupted runs end quietly with the shell's usual status."""
    try:
        return command()()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
