"""Options that the commands of ``nhicard reader`` share, and how they tell people of refusals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from nhicard.formats.status_codes import Refused
from nhicard.reader.home import Home

HomeFolder = Annotated[
    Path | None,
    typer.Option("--home", envvar="NHICARD_READER_HOME", help="Folder of cards, SAM and certificate.", metavar="DIR"),
]
CentreUrl = Annotated[
    str,
    typer.Option("--centre", envvar="NHICARD_DATACENTRE", help="Base URL of the insurer's data centre.", metavar="URL"),
]
CentreCa = Annotated[
    Path | None,
    typer.Option(
        "--centre-ca",
        envvar="NHICARD_DATACENTRE_CA",
        help="Certificate file to trust for the data centre.",
        metavar="FILE",
    ),
]


def home_of(folder: Path | None) -> Home:
    """The chosen folder, else the user's own."""
    return Home(folder.resolve()) if folder else Home.default()


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turns refusals and unusable files into a sentence and exit code 2."""
    try:
        yield
    except Refused as refusal:
        status = refusal.status
        lines = [f"{refusal.code} {status.meaning_zh}（{status.meaning_en}）", status.remedy_zh, status.remedy_en]
        typer.echo("\n".join(filter(None, [*lines, refusal.detail])), err=True)
        raise typer.Exit(2) from None
    except (ValueError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
