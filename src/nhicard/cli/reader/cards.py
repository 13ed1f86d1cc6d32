"""``nhicard reader card``: simulated cards and the phone with virtual ones, from a terminal."""

from __future__ import annotations

import json
import threading
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from nhicard.cli.reader.options import CentreCa, CentreUrl, HomeFolder, home_of, told_plainly
from nhicard.reader.home import Home

app = typer.Typer(
    no_args_is_help=True,
    help="Simulated cards and the patient's phone: play every side of a visit from a terminal.\n\n"
    "模擬卡片與手機：在終端機上扮演病人、醫師與院所。",
)


class CardKind(StrEnum):
    """Kinds of simulated card."""

    patient = "patient"
    staff = "staff"
    sam = "sam"
    virtual = "virtual"


class Place(StrEnum):
    """Where a QR code is to be used."""

    on_site = "on-site"
    telemedicine = "telemedicine"
    home_care = "home-care"


_KINDS = {CardKind.patient: "HC", CardKind.staff: "HPC", CardKind.sam: "SAM", CardKind.virtual: "VHC"}
CardName = Annotated[str, typer.Argument(metavar="CARD", help="Name of the card, as given to `card new`.")]


def path_of(home: Home, name: str) -> Path:
    """The file of a card by its name; raises ValueError for a name that is none."""
    if not name.replace("-", "").replace("_", "").isalnum():
        raise ValueError(f"{name!r}：名稱只能用文字、數字、- 與 _。A name has letters, digits, - and _ only.")
    return home.cards / f"{name}.json"


@app.command()
def new(
    card: CardName,
    kind: Annotated[CardKind, typer.Option(help="Whose card.")],
    centre: CentreUrl,
    centre_ca: CentreCa = None,
    home: HomeFolder = None,
    id_no: Annotated[str, typer.Option("--id", help="National ID of a made-up person (random if left out).")] = "",
    name: Annotated[str, typer.Option(help="Name on the card.")] = "",
    birthday: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Date of birth.")] = datetime(1990, 1, 1),
    sex: Annotated[str, typer.Option(help="M or F.")] = "M",
    institution: Annotated[str, typer.Option(help="Institution code, for a SAM or a representative.")] = "",
    profession: Annotated[
        str, typer.Option(help="physician, pharmacist, nurse or other, for a staff card.")
    ] = "physician",
    representative: Annotated[
        bool, typer.Option("--representative", help="The staff member represents the institution.")
    ] = False,
    guardian: Annotated[str, typer.Option(help="ID of the person whose phone carries this virtual card.")] = "",
    pin: Annotated[str | None, typer.Option(help="PIN (staff cards need one).")] = None,
    puk: Annotated[str | None, typer.Option(help="PUK, to unblock the PIN.")] = None,
) -> None:
    """Make a card, have the data centre's test service certify it, and keep it in the home folder (mode 0600)."""
    from nhicard.formats import rocdate
    from nhicard.reader import issuing
    from nhicard.reader.datacentre import DataCentre

    person = id_no or (issuing.made_up_id(sex) if kind is not CardKind.sam else "")
    default_name = {CardKind.staff: "測試醫師", CardKind.sam: ""}.get(kind, "測試病患")
    holder = issuing.Holder(
        institution=institution,
        id_no=person,
        name=name or default_name,
        birthday=birthday.date() if kind in (CardKind.patient, CardKind.virtual) else None,
        sex=sex,
        profession=profession,
        guardian=guardian,
        representative=representative,
    )
    if kind is CardKind.staff:
        pin, puk = pin or "123456", puk or "12345678"
    with told_plainly(), DataCentre(centre, centre_ca) as data_centre:
        place, today = path_of(home_of(home), card), rocdate.now().date()
        issuing.issue(_KINDS[kind], holder, place, post=data_centre.post, today=today, pin=pin, puk=puk)
    typer.echo(f"已建立 Made: {place}")


@app.command("list")
def list_cards(home: HomeFolder = None) -> None:
    """List the cards and which reader each is in."""
    from nhicard.reader.devices.slots import Slots

    place = home_of(home)
    inside = {path: slot for slot, path in Slots(place.slots).cards().items() if path}
    table = Table("卡片 card", "種類 kind", "卡槽 reader")
    for path in sorted(place.cards.glob("*.json")):
        kind = json.loads(path.read_bytes()).get("kind", "?")
        table.add_row(path.stem, kind, inside.get(path.resolve(), ""))
    Console().print(table)


@app.command()
def insert(
    card: CardName,
    slot: Annotated[str, typer.Option(help="Software reader: Slot 1, Slot 2 or Slot 3.")] = "Slot 1",
    home: HomeFolder = None,
) -> None:
    """Insert a card into a software reader of the running control software."""
    from nhicard.reader.devices.slots import Slots

    place = home_of(home)
    with told_plainly():
        Slots(place.slots).insert(slot, path_of(place, card))
    typer.echo(f"{card} → {slot}")


@app.command()
def remove(
    slot: Annotated[str, typer.Argument(help="Software reader to empty.")] = "Slot 1", home: HomeFolder = None
) -> None:
    """Take the card out of a software reader."""
    from nhicard.reader.devices.slots import Slots

    with told_plainly():
        was_in = Slots(home_of(home).slots).remove(slot)
    typer.echo(f"{slot} {'已取出 emptied' if was_in else '本來就沒有卡片 was empty'}")


@app.command("plug")
def plug_into_pcsc(card: CardName, home: HomeFolder = None, port: int = 35963) -> None:
    """Put a card into Debian's virtual PC/SC reader (vsmartcard-vpcd) until stopped (Ctrl-C)."""
    from nhicard.reader.cards.applet import SimulatedCard
    from nhicard.reader.devices import vpcd

    with told_plainly():
        simulated = SimulatedCard(path_of(home_of(home), card))
    typer.echo(f"{card} → PC/SC", err=True)
    try:
        vpcd.serve(simulated, "127.0.0.1", port, stop=threading.Event())
    except OSError as error:
        typer.echo(f"連不上虛擬讀卡機，請確認 pcscd 正在執行。The virtual reader was not reached: {error}", err=True)
        raise typer.Exit(2) from None


@app.command()
def qr(
    card: CardName,
    place: Annotated[Place, typer.Option(help="Where it will be used.")] = Place.on_site,
    text: Annotated[bool, typer.Option("--text", help="Print only the text, for a scanner's window.")] = False,
    home: HomeFolder = None,
) -> None:
    """Show a virtual card's QR code, as the phone does; it works once, for five minutes."""
    import segno

    from nhicard.formats import rocdate
    from nhicard.identity.virtual_token import Setting
    from nhicard.reader.phone import VirtualCardFile

    with told_plainly():
        token = VirtualCardFile.load(path_of(home_of(home), card)).token(Setting(place.value), rocdate.now())
    if not text:
        segno.make(token, error="l").terminal(compact=True)
    typer.echo(token)


@app.command()
def agree(
    card: CardName,
    centre: CentreUrl,
    centre_ca: CentreCa = None,
    decline: Annotated[bool, typer.Option("--decline", help="Say no instead.")] = False,
    home: HomeFolder = None,
) -> None:
    """Answer telemedicine requests that wait on the patient's phone."""
    from nhicard.formats import rocdate
    from nhicard.reader import phone
    from nhicard.reader.datacentre import DataCentre
    from nhicard.reader.phone import VirtualCardFile

    with told_plainly(), DataCentre(centre, centre_ca) as data_centre:
        virtual, post = VirtualCardFile.load(path_of(home_of(home), card)), data_centre.post
        waiting = phone.pending(virtual, post)
        for row in waiting:
            phone.decide(virtual, row["accessToken"], agreed=not decline, now=rocdate.now(), post=post)
            typer.echo(f"{'已拒絕 declined' if decline else '已同意 agreed'}: {row['hospitalName']}")
    if not waiting:
        typer.echo("沒有待回覆的請求。No request is waiting.")
