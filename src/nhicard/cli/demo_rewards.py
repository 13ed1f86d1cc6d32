"""The demo's rewards: the hospital's prescription with QR codes, and the points of all institutions."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

import polars as pl
from rich.console import Console
from rich.table import Table

from nhicard.formats import write
from nhicard.institution.visits import Visits, write20
from nhicard.reader import issuing
from nhicard.reader.datacentre import DataCentre

_CONSOLE: Final = Console(highlight=False)
_YEAR: Final = 112  # the scheme that is packaged
_KINDS: Final = list("ABCDEF")


def print_prescription(folder: Path, later: Visits, centre: DataCentre, today: datetime) -> Path | None:
    """A sheet of the first visit that prescribes, signed by its physician's card; None where none does."""
    prescribing = later.orders.filter(pl.col("prescription_kind").is_in(_KINDS)).sort("visit")
    if not prescribing.height:
        return None
    row, kind = prescribing.row(0, named=True)["visit"], prescribing.row(0, named=True)["prescription_kind"]
    visit = later.visits.row(row, named=True)
    card, (pin, puk) = folder / "physician.json", (f"{secrets.randbelow(10**6):06}" for _ in range(2))
    holder = issuing.Holder(
        institution=visit["institution"], id_no=visit["staff_id"], name="測試醫師", profession="physician"
    )
    issuing.issue("HPC", holder, card, post=centre.post, today=today.date(), pin=pin, puk=puk + "00")
    upload, names, sheet = folder / "later.xml", folder / "names.json", folder / "prescription.png"
    upload.write_bytes(write(write20(later)))
    orders = prescribing.filter(visit=row, prescription_kind=kind)["order_number"].to_list()
    told = {
        "patient_name": "測試病患",
        "sex": "F" if visit["patient_id"][1:2] in "29" else "M",
        "physician_name": "測試醫師",
        "department": "02",
        "institution_name": "測試醫院",
        "orders": [{"order_number": number, "product": "測試藥品"} for number in orders],
    }
    names.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    command = ["rx", "print", str(upload), "--record", str(row + 1), "--kind", kind, "--names", str(names)]
    command += ["--card", str(card), "--pin", pin, "-o", str(sheet)]
    done = subprocess.run([sys.executable, "-m", "nhicard", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"nhicard rx print: {done.stderr.strip()}")
    return sheet


def verify_prescription(sheet: Path, code: str, username: str) -> str:
    """Upload the sheet on the portal as the institution does; what became of it."""
    from nhicard.insurer import clock
    from nhicard.insurer.accounts.models import User
    from nhicard.insurer.prescriptions.services import receiving
    from nhicard.insurer.registry.models import Institution

    institution, user = Institution.objects.get(code=code), User.objects.get(username=username)
    image, _ = receiving.receive(institution, sheet.read_bytes(), user, clock.now())
    last = receiving.latest(image)
    assert last is not None
    return str(last.outcome)


def this_years_scheme(insurer: Path, now: datetime) -> None:
    """The packaged scheme with its windows moved to the present year: those of 112 are over."""
    packaged = files("nhicard.insurer.incentives") / "data" / "schemes" / f"{_YEAR}.toml"
    text, year = packaged.read_text(encoding="utf-8"), now.year - 1911
    for offset in (1, 0):
        text = text.replace(f"{_YEAR + 1911 + offset}-", f"{now.year + offset}-")
    text = text.replace(f"year = {_YEAR}", f"year = {year}").replace(f"{_YEAR}年", f"示範{year}年", 1)
    folder = insurer / "schemes"
    folder.mkdir(exist_ok=True)
    (folder / f"{year}.toml").write_text(text, encoding="utf-8")


def show_points() -> dict[str, int]:
    """The points of every institution so far; by code."""
    from nhicard.insurer import clock
    from nhicard.insurer.incentives.engine import HELD
    from nhicard.insurer.incentives.services import computing
    from nhicard.insurer.registry.models import Institution

    today = clock.now().date()
    scheme = computing.scheme_of(today)
    places = Institution.objects.filter(users__isnull=False).distinct().order_by("code")
    found = computing.of_many(computing.facts_of(places), scheme, today)
    names = dict(places.values_list("code", "short_name"))
    table = Table("院所 institution", "項目 items", "點數 points", title=f"獎勵點數 incentive points ({scheme.year})")
    total = {}
    for code, items in found.items():
        total[code] = computing.points(items)
        reached = [item.item for item in items if item.state in HELD]
        table.add_row(f"{names[code]} {code}", " ".join(reached) or "–", f"{total[code]:,}")
    _CONSOLE.print(table)
    return total
