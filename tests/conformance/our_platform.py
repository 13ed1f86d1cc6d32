"""Our own insurer and control software as processes, with simulated cards: what the kit is pointed at."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from tests import tables

from nhicard.bench.processes import client_of, free_port, service
from nhicard.formats import rocdate
from nhicard.reader import issuing
from nhicard.reader.datacentre import DataCentre
from nhicard.reader.devices.slots import Slots
from nhicard.reader.home import Home

CLINIC = "3501200000"
PIN = "135790"


@dataclass(frozen=True)
class Platform:
    """Where both services are, and the files that a tester would have."""

    insurer: str
    insurer_ca: Path
    keys: Path
    reader: str
    reader_ca: Path
    home: Home

    def card(self, name: str) -> Path:
        return self.home.cards / f"{name}.json"


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Started once; the cards lie in the software readers."""
    folder = tmp_path_factory.mktemp("conformance")
    insurer, home = folder / "insurer", Home(folder / "reader")
    insurer.mkdir(mode=0o700)
    shutil.copyfile(tables.sqlite_file(), insurer / "insurer.sqlite3")
    with ExitStack() as running:
        port, reader_port = free_port(), free_port()
        url, ca = f"https://127.0.0.1:{port}", insurer / "https" / "https.pem"
        serve = ["serve", "--home", str(insurer), "--port", str(port), "--test-cards"]
        running.enter_context(service(serve, folder / "serve.log"))
        _wait_for(running, url, ca, "/health")
        worker = ["worker", "--home", str(insurer), "--pause", "0.05"]
        running.enter_context(service(worker, folder / "worker.log"))
        with DataCentre(url, ca) as centre:
            _make_cards(home, centre)
        revoked = ["cloud-sam", "revoke", _number(home, "revoked"), "--home", str(insurer)]
        subprocess.run([sys.executable, "-m", "nhicard", *revoked], check=True, capture_output=True)
        serve = ["reader", "serve", "--home", str(home.folder), "--port", str(reader_port), "--no-pcsc"]
        serve += ["--centre", url, "--centre-ca", str(ca)]
        running.enter_context(service(serve, folder / "reader.log"))
        reader, reader_ca = f"https://127.0.0.1:{reader_port}", home.https / "https.pem"
        _wait_for(running, reader, reader_ca, "/openapi.json")
        yield Platform(url, ca, insurer / "keys" / "identifier-keys.json", reader, reader_ca, home)


def _wait_for(running: ExitStack, url: str, ca: Path, ready: str) -> None:
    """Until the service answers: making the tables takes longer than a minute on a machine with much else to do."""
    for tries_left in (3, 2, 1, 0):
        try:
            running.enter_context(client_of(url, ca, ready))
            return
        except TimeoutError:
            if not tries_left:
                raise


def _make_cards(home: Home, centre: DataCentre) -> None:
    clinic = issuing.Holder(institution=CLINIC, institution_name="測試診所", institution_kind="clinic")
    staff = issuing.Holder(institution=CLINIC, id_no=issuing.made_up_id("F"), name="測試醫師", profession="physician")
    patient = issuing.Holder(id_no=issuing.made_up_id("M"), name="測試病患甲", birthday=date(1990, 1, 1), sex="M")
    cards = [("sam", "SAM", clinic), ("other", "SAM", clinic), ("revoked", "SAM", clinic)]
    cards += [("doctor", "HPC", staff), ("patient", "HC", patient)]
    today = rocdate.now().date()
    for name, kind, holder in cards:
        pin, puk = (PIN, "24682468") if kind == "HPC" else (None, None)
        issuing.issue(kind, holder, home.cards / f"{name}.json", post=centre.post, today=today, pin=pin, puk=puk)
    slots = Slots(home.slots)
    for slot, name in zip(("Slot 1", "Slot 2", "Slot 3"), ("sam", "doctor", "patient"), strict=True):
        slots.insert(slot, home.cards / f"{name}.json")


def _number(home: Home, name: str) -> str:
    from nhicard.reader.cards import image

    return image.load(home.cards / f"{name}.json").number
