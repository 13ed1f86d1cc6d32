"""``nhicard reader sam``: cloud SAMs from application to installation."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from nhicard.cli.reader.cards import path_of
from nhicard.cli.reader.options import CentreCa, CentreUrl, HomeFolder, home_of, told_plainly

app = typer.Typer(
    no_args_is_help=True,
    help="Cloud SAMs (雲端安全模組): applied for by the institution's representative with the staff card,\n"
    "downloaded once, bound to the machine that installs it.",
)
Representative = Annotated[str, typer.Option("--card", help="The representative's staff card.")]
StaffPin = Annotated[str, typer.Option(help="Its PIN.", prompt="醫事人員卡密碼 PIN", hide_input=True)]
Institution = Annotated[str, typer.Option(help="Institution code.")]
FilePassword = Annotated[
    str,
    typer.Option(
        help="Password of the file, at least 12 characters.", prompt="雲端安全模組檔密碼 file password", hide_input=True
    ),
]


@app.command()
def apply(
    institution: Institution,
    card: Representative,
    pin: StaffPin,
    centre: CentreUrl,
    centre_ca: CentreCa = None,
    home: HomeFolder = None,
) -> None:
    """Apply for a cloud SAM; the insurer decides."""
    reply = _ask("/api/v1/CloudSam/Apply", {}, institution, card, pin, centre, centre_ca, home)
    typer.echo(f"申請編號 Application {reply['applicationId']}: {reply['state']}")


@app.command()
def status(
    institution: Institution,
    card: Representative,
    pin: StaffPin,
    centre: CentreUrl,
    centre_ca: CentreCa = None,
    home: HomeFolder = None,
) -> None:
    """Show the institution's applications and what is installed here."""
    from nhicard.reader import cloud_sam

    reply = _ask("/api/v1/CloudSam/Status", {}, institution, card, pin, centre, centre_ca, home)
    table = Table("申請編號 application", "狀態 state", "安全模組 SAM")
    for row in reply["applications"]:
        table.add_row(str(row["applicationId"]), row["state"], row["samId"])
    Console().print(table)
    folder = home_of(home).cloud_sam
    if cloud_sam.is_installed(folder):
        with told_plainly():
            typer.echo(f"本機已安裝 Installed here: {cloud_sam.load(folder).number}")


@app.command()
def download(
    application: Annotated[int, typer.Argument(help="Number of the approved application.")],
    institution: Institution,
    card: Representative,
    pin: StaffPin,
    password: FilePassword,
    centre: CentreUrl,
    centre_ca: CentreCa = None,
    folder: Annotated[Path, typer.Option(help="Where the file goes.")] = Path(),
    home: HomeFolder = None,
) -> None:
    """Download an approved cloud SAM's file, once; the password you choose protects it."""
    from nhicard.identity.private_files import write_private

    with told_plainly():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass  # there is one download only: a folder that takes no file must say so before it
    facts = {"applicationId": application, "password": password}
    reply = _ask("/api/v1/CloudSam/Download", facts, institution, card, pin, centre, centre_ca, home)
    file = folder / Path(reply["fileName"]).name
    with told_plainly():
        write_private(file, base64.b64decode(reply["content"]))
    typer.echo(str(file))


@app.command()
def install(
    file: Annotated[Path, typer.Argument(help="The downloaded .SAM file.", exists=True, dir_okay=False)],
    password: FilePassword,
    home: HomeFolder = None,
) -> None:
    """Install a cloud SAM for this machine; it then works only here, and only online."""
    from nhicard.reader import cloud_sam

    with told_plainly():
        sam = cloud_sam.install(file, password, home_of(home).cloud_sam)
    typer.echo(f"已安裝 Installed: {sam.number}")


def _ask(
    path: str,
    facts: dict[str, Any],
    institution: str,
    card: str,
    pin: str,
    centre: str,
    centre_ca: Path | None,
    home: Path | None,
) -> dict[str, Any]:
    """A request signed by the representative's staff card alone."""
    from nhicard.formats import rocdate
    from nhicard.reader.cards.applet import SimulatedCard
    from nhicard.reader.cards.applications import Kind
    from nhicard.reader.datacentre import DataCentre
    from nhicard.reader.service.refusals import refusing
    from nhicard.reader.staff import signed_by_staff

    with told_plainly(), refusing(Kind.HPC), DataCentre(centre, centre_ca) as data_centre:
        staff_card = SimulatedCard(path_of(home_of(home), card))
        block = signed_by_staff(staff_card, pin, institution, "01", rocdate.now())
        return data_centre.post(path, block | facts)
