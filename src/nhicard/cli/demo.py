"""``nhicard demo``: a week's visits in both editions through the running insurer, answered and compared."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from nhicard.bench.processes import client_of, free_port, service
from nhicard.cli.submit import Insurer
from nhicard.formats import read, rocdate
from nhicard.reader import issuing
from nhicard.reader.client import Reader
from nhicard.reader.datacentre import DataCentre
from nhicard.reader.devices.slots import Slots
from nhicard.reader.home import Home

_CONSOLE: Final = Console(highlight=False)
_SHOWN: Final = 18
_KINDS: Final = [("1.0", "B1", "vpn", "1.0 正式上傳（VPN）"), ("2.0", "A2", "web", "2.0 預檢（Web API）")]


def run(folder: Path, visits: int) -> int:
    """The whole demo in a folder made anew; 0 where every upload was answered."""
    folder = folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    home, insurer = Home(folder / "reader"), folder / "insurer"
    with ExitStack() as running:
        centre, reader = free_port(), free_port()
        url, ca = f"https://127.0.0.1:{centre}", insurer / "https" / "https.pem"
        serve = ["serve", "--home", str(insurer), "--port", str(centre), "--test-cards"]
        running.enter_context(service(serve, folder / "insurer.log"))
        running.enter_context(client_of(url, ca, "/health"))
        files = _files(folder, insurer, visits)
        modules = read(files["2.0"]).visits.select(sam="M01", institution="M05").drop_nulls().unique()
        modules.write_csv(folder / "sams.csv")
        clinic = modules["institution"][0]
        with DataCentre(url, ca) as data_centre:
            holder = issuing.Holder(institution=clinic, institution_name="測試院所", institution_kind="hospital")
            today = rocdate.now().date()
            issuing.issue("SAM", holder, home.cards / "sam.json", post=data_centre.post, today=today)
        Slots(home.slots).insert("Slot 1", home.cards / "sam.json")
        for name in ("institutions", "sams"):
            _do("registry", "load", name, str(folder / f"{name}.csv"), "--home", str(insurer), "--shrink")
        running.enter_context(service(["worker", "--home", str(insurer)], folder / "worker.log"))
        serve = ["reader", "serve", "--home", str(home.folder), "--port", str(reader), "--no-pcsc"]
        serve += ["--centre", url, "--centre-ca", str(ca)]
        running.enter_context(service(serve, folder / "reader.log"))
        running.enter_context(client_of(f"https://127.0.0.1:{reader}", home.https / "https.pem", "/openapi.json"))
        with Reader(
            url, f"https://127.0.0.1:{reader}", reader_ca=home.https / "https.pem", centre_ca=ca
        ) as control_software:
            control_software.open()
            for edition, kind, via, title in _KINDS:
                _submit(Insurer(url, ca, control_software, via), files[edition], kind, title)
        _compare(insurer)
    _CONSOLE.print(f"\n檔案與紀錄 files and logs: {folder}")
    return 0


def _files(folder: Path, insurer: Path, visits: int) -> dict[str, Path]:
    """The same visits in both editions, with genuine identifiers; in 2.0 one of fifty has a planted error."""
    made = {}
    for edition, errors in (("1.0", "0"), ("2.0", "0.02")):
        made[edition] = folder / f"visits{edition.replace('.', '')}.xml"
        _do(
            *("generate", "--edition", edition, "--visits", str(visits), "--seed", "7", "--error-rate", errors),
            *("--keys", str(insurer / "keys" / "identifier-keys.json"), "-o", str(made[edition])),
        )
    names = sorted(
        {line for file in folder.glob("institutions-*.csv") for line in file.read_text().splitlines()[1:] if line}
    )
    (folder / "institutions.csv").write_text("\n".join(["code", *names]) + "\n")
    return made


def _submit(insurer: Insurer, file: Path, kind: str, title: str) -> None:
    began = datetime.now()
    reply = insurer.upload(file.read_bytes(), kind)
    text = insurer.result(reply["opCode"], kind, wait=300)
    seconds = (datetime.now() - began).total_seconds()
    _CONSOLE.print(f"\n[bold]{title}[/bold]  {file.name}  收據 receipt {reply['opCode']}  {seconds:.1f} s")
    lines = text.splitlines()
    for line in lines[:_SHOWN]:
        _CONSOLE.print(f"  {line}", soft_wrap=True, markup=False)
    if len(lines) > _SHOWN:
        _CONSOLE.print(f"  … （共 {len(lines)} 行 lines）")
    if not lines:
        _CONSOLE.print("  沒有退件也沒有提示 nothing rejected, nothing to say")


def _compare(insurer: Path) -> None:
    """The counters of the monitoring report: (A) 1.0 accepted, (B) of those accepted in the 2.0 pre-check."""
    from nhicard.cli.insurer import ready

    ready(insurer)
    from django.db.models import Sum

    from nhicard.insurer.intake.models import DayCount

    table = Table("就醫日期 day", "1.0 收載 (A)", "2.0 預檢 (B)", "(B)/(A)", title="預檢比對 pre-check against 1.0")
    days = DayCount.objects.values("visit_date").annotate(
        a=Sum("accepted10"), vpn=Sum("matched_by_vpn"), web=Sum("matched_by_web")
    )
    for day in days.order_by("visit_date"):
        b = day["vpn"] + day["web"]
        table.add_row(f"{day['visit_date']}", f"{day['a']}", f"{b}", f"{b / day['a']:.1%}")
    _CONSOLE.print()
    _CONSOLE.print(table)


def _do(*arguments: str) -> None:
    """One of our own commands; its failure is the demo's."""
    done = subprocess.run([sys.executable, "-m", "nhicard", *arguments], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"nhicard {arguments[0]}: {done.stderr.strip()}")
