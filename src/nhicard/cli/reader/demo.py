"""``nhicard reader demo``: starts both services, makes the cards, walks, and stops what it started."""

from __future__ import annotations

import secrets
import shutil
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from rich.console import Console

from nhicard.bench.processes import client_of, free_port, service
from nhicard.formats import rocdate
from nhicard.identity import visit_identifier
from nhicard.identity.keyring import KeyRing
from nhicard.reader import demo, issuing
from nhicard.reader.datacentre import DataCentre
from nhicard.reader.demo import Desk, Exchange, Mismatch
from nhicard.reader.devices.slots import Slots
from nhicard.reader.home import Home
from nhicard.reader.phone import VirtualCardFile

CLINIC: Final = "3501200000"  # the insurer's own test clinic
_PATIENT: Final = "A123456789"
_LEFT_BEHIND: Final = {"insurer", "reader", "datacentre.log", "reader.log"}
_CONSOLE: Final = Console(highlight=False)


def run(folder: Path, *, quiet: bool) -> int:
    """The whole demo in a folder made anew; 0 if every answer was as it must be, else 1.

    Raises FileExistsError for a folder that holds anything but an earlier demo, TimeoutError for a service that does
    not start, Refused where the cards cannot be made.
    """
    folder = folder.resolve()
    _clear(folder)
    home = Home(folder / "reader")
    insurer = folder / "insurer"
    with ExitStack() as running:
        centre_port, reader_port = free_port(), free_port()
        centre_url, reader_url = f"https://127.0.0.1:{centre_port}", f"https://127.0.0.1:{reader_port}"
        serve = ["serve", "--home", str(insurer), "--port", str(centre_port), "--test-cards"]
        running.enter_context(service(serve, folder / "datacentre.log"))
        centre_ca = insurer / "https" / "https.pem"
        centre = running.enter_context(client_of(centre_url, centre_ca, "/datacentre/openapi.json"))
        with DataCentre(centre_url, centre_ca) as data_centre:
            virtual = _make_cards(home, data_centre)
        serve = ["reader", "serve", "--home", str(home.folder), "--port", str(reader_port), "--no-pcsc"]
        serve += ["--centre", centre_url, "--centre-ca", str(centre_ca)]
        running.enter_context(service(serve, folder / "reader.log"))
        reader = running.enter_context(client_of(reader_url, home.https / "https.pem", "/openapi.json"))
        desk = Desk(reader, centre, lambda exchange: _show(exchange, quiet=quiet))
        try:
            demo.walk(desk, virtual, _PATIENT, rocdate.now)
            _open_identifiers(desk, insurer)
        except Mismatch as mismatch:
            _CONSOLE.print(f"[red]不符 Mismatch:[/red] {mismatch}")
            return 1
    _CONSOLE.print(f"\n[green]全部相符 Every answer as it must be.[/green] 紀錄 logs: {folder}")
    return 0


def _clear(folder: Path) -> None:
    """Remove what an earlier demo left, and nothing else."""
    if strange := {each.name for each in folder.glob("*")} - _LEFT_BEHIND:
        raise FileExistsError(
            f"{folder} 另有檔案（{min(strange)}），請換一個資料夾。{folder} holds other things; choose another folder."
        )
    shutil.rmtree(folder, ignore_errors=True)


def _make_cards(home: Home, centre: DataCentre) -> VirtualCardFile:
    """The clinic's SAM, a physician's card and a patient's card in their readers, and another patient's phone."""
    today = rocdate.now().date()
    physician = issuing.Holder(
        institution=CLINIC, id_no=issuing.made_up_id("F"), name="測試醫師", profession="physician"
    )
    cards: list[tuple[str, str, issuing.Holder, str | None]] = [
        (
            "sam",
            "SAM",
            issuing.Holder(institution=CLINIC, institution_name="測試診所", institution_kind="clinic"),
            None,
        ),
        ("physician", "HPC", physician, demo.STAFF_PIN),
        ("patient", "HC", issuing.Holder(id_no=_PATIENT, name="測試病患甲", birthday=date(1990, 1, 1), sex="M"), None),
        (
            "phone",
            "VHC",
            issuing.Holder(id_no=issuing.made_up_id("F"), name="測試病患乙", birthday=date(1985, 5, 5), sex="F"),
            None,
        ),
    ]
    for name, kind, holder, pin in cards:
        puk = f"{secrets.randbelow(10**8):08}" if pin else None
        file = home.cards / f"{name}.json"
        issuing.issue(kind, holder, file, post=centre.post, today=today, pin=pin, puk=puk)
    slots = Slots(home.slots)
    for slot, name in zip(("Slot 1", "Slot 2", "Slot 3"), ("sam", "physician", "patient"), strict=True):
        slots.insert(slot, home.cards / f"{name}.json")
    return VirtualCardFile.load(home.cards / "phone.json")


def _open_identifiers(desk: Desk, insurer: Path) -> None:
    """What only the insurer can do: every identifier of the walk says whose visit it was, where and when."""
    keys = KeyRing.load(insurer / "keys" / "identifier-keys.json")
    opened = visit_identifier.open_all(keys, pl.Series([each for each, _, _ in desk.identifiers]), pl.Series([CLINIC]))
    for row, (_, person, tapped) in zip(opened.iter_rows(named=True), desk.identifiers, strict=True):
        facts = (row["person"], row["institution"], row["time"])
        demo.require(facts == (person, CLINIC, rocdate.parse_datetime(tapped)), "an identifier tells its visit")
    services = ", ".join(opened["service"].to_list())
    _CONSOLE.print(f"\n[bold]識別碼反解 {opened.height} identifiers opened by the insurer[/bold] ({services})")


def _show(exchange: Exchange, *, quiet: bool) -> None:
    if exchange.where == "step":
        _CONSOLE.print(f"\n[bold]{exchange.path}[/bold]")
    elif not quiet:
        facts = " ".join(f"{name}={value}" for name, value in exchange.shown.items())
        place = "本機" if exchange.where == "reader" else "中心"
        _CONSOLE.print(
            f"  {place} {exchange.method:6} {exchange.path:42} [cyan]{exchange.code}[/cyan] {facts}", soft_wrap=True
        )
