"""``nhicard demo``: five institutions on their way from 1.0 to 2.0, each left at another step, with all that it takes.

The insurer's services and worker, and the control software of each institution, run as processes of their own; the
agents run here. What their systems hand over has mistakes in it; these are shown, mended (but for the pharmacy's), and
sent again. Then the portal: qualified, applied, approved; and the hospital uploads 2.0 for real.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
from rich.console import Console
from rich.table import Table

from nhicard.bench.processes import client_of, free_port, service
from nhicard.cli import demo_portal, demo_rewards
from nhicard.formats import rocdate
from nhicard.identity.keyring import KeyRing
from nhicard.institution.agent import Agent, Policy
from nhicard.institution.agent.overview import comparison, ranking
from nhicard.institution.agent.sending import Pauses
from nhicard.institution.insurer import Insurer
from nhicard.institution.outbox import Outbox, take
from nhicard.institution.visits import Visits
from nhicard.reader import issuing
from nhicard.reader.client import Reader
from nhicard.reader.datacentre import DataCentre
from nhicard.reader.devices.slots import Slots
from nhicard.reader.home import Home
from nhicard.synthetic.his import visits_of, with_mistakes

_CONSOLE: Final = Console(highlight=False)
_KINDS: Final = {
    "11": ("醫院 hospital", "hospital"),
    "35": ("診所 clinic", "clinic"),
    "37": ("牙醫診所 dental clinic", "dental"),
    "38": ("中醫診所 clinic of Chinese medicine", "chinese"),
    "59": ("藥局 pharmacy", "pharmacy"),
}
_CARD_KINDS: Final = {"dental": "clinic", "chinese": "clinic"}
_UNMENDED: Final = "pharmacy"
_SWITCHES: Final = "hospital"
#: Visits that the one that switches hands over afterwards.
_LATER: Final = 25
_SEED: Final = 7
_MISTAKES: Final = 0.035
_LONGEST: Final = 600.0
_POLICY: Final = Policy(pauses=Pauses(longest=timedelta(seconds=2)))
_SHOWN: Final = 12


@dataclass
class Party:
    """One institution: its visits as they should be, its agent, its control software."""

    code: str
    name: str
    kind: str
    visits: Visits
    agent: Agent

    def hold_back(self, count: int) -> Visits:
        """Take the last visits away, for later."""
        by_time = self.visits.visits["visit_time"].arg_sort()
        later = self.visits.part(by_time.tail(count).sort())
        self.visits = self.visits.part(by_time.head(-count).sort())
        return later

    def compared(self) -> pl.DataFrame:
        """The seven days by day and category."""
        return comparison(self.agent.outbox, rocdate.now(), days=8)


def run(folder: Path, visits: int, *, stay: bool) -> int:
    """The whole story in a folder made anew; 0 where each comes to its step. ``stay``: until the user ends it."""
    folder = folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began = time.perf_counter()
    insurer = folder / "insurer"
    with ExitStack() as running:
        port = free_port()
        url, ca = f"https://127.0.0.1:{port}", insurer / "https" / "https.pem"
        serve = ["serve", "--home", str(insurer), "--port", str(port), "--test-cards"]
        running.enter_context(service(serve, folder / "insurer.log"))
        running.enter_context(client_of(url, ca, "/health"))
        keys = KeyRing.load(insurer / "keys" / "identifier-keys.json")
        told = visits_of(visits, _SEED, rocdate.now(), len(_KINDS), keys)
        _register(folder, insurer, told)
        running.enter_context(service(["worker", "--home", str(insurer), "--pause", "0.1"], folder / "worker.log"))
        parties = [_party(each, told, folder, url, ca, running) for each in _institutions(told)]
        switching = next(party for party in parties if party.kind == _SWITCHES)
        later = switching.hold_back(_LATER)
        _say(f"準備好了 ready ({time.perf_counter() - began:.0f} s)")
        for party in parties:
            mistaken, counts = with_mistakes(party.visits, _MISTAKES, _SEED)
            taken = take(party.agent.outbox, mistaken, rocdate.now())
            planted = "、".join(f"{name} × {count}" for name, count in counts.items() if count)
            _say(f"[bold]{party.name}[/bold] {party.code}: {taken.new:,} 筆就醫 visits；系統的錯誤 mistakes: {planted}")
        _send_all(parties, "第一輪 first round")
        for party in parties:
            _show_comparison(party)
            _show_errors(party)
        _show_answer(parties[0])
        _say("\n[bold]改正後重送 mended and sent again[/bold]")
        mended = [party for party in parties if party.kind != _UNMENDED]
        for party in mended:
            taken = take(party.agent.outbox, party.visits, rocdate.now())
            _say(f"{party.name}: {taken.changed:,} 筆已改 changed, {taken.unchanged:,} 筆不變 as before")
        _send_all(mended, "第二輪 second round")
        for party in parties:
            _show_comparison(party)
        complete = all(_is_complete(party) == (party in mended) for party in parties)
        demo_portal.prepare(insurer, {party.kind: party.code for party in parties})
        switching.agent.outbox.switch(rocdate.now())
        take(switching.agent.outbox, later, rocdate.now())
        _send_all([switching], f"{switching.name} 正式上傳 2.0 for real")
        switched = demo_portal.show_steps()
        _reward(folder, insurer, switching, later, url, ca)
        demo_portal.seed_services()
        for party in parties:
            party.agent.outbox.close()
        demo_portal.show(url, insurer)
        if stay:
            _say("Ctrl-C 結束 ends the demo.")
            _wait_for_the_end()
    _say(f"檔案與紀錄 files and logs: {folder}（{time.perf_counter() - began:.0f} s）")
    return 0 if complete and switched == [switching.code] else 1


def _reward(folder: Path, insurer: Path, party: Party, later: Visits, url: str, ca: Path) -> None:
    """A prescription with QR codes printed, its picture uploaded and verified; everybody's points."""
    now = rocdate.now()
    demo_rewards.this_years_scheme(insurer, now)
    with DataCentre(url, ca) as centre:
        sheet = demo_rewards.print_prescription(folder / party.kind, later, centre, now)
    if sheet:
        outcome = demo_rewards.verify_prescription(sheet, party.code, f"{party.kind}.representative")
        _say(f"\n[bold]處方箋二維條碼 prescription with QR codes[/bold] {sheet}: {outcome}")
    demo_rewards.show_points()


def _wait_for_the_end() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)


def _institutions(told: Visits) -> list[str]:
    codes = told.visits["institution"].unique().to_list()
    return sorted(codes, key=lambda code: list(_KINDS).index(code[:2]))


def _register(folder: Path, insurer: Path, told: Visits) -> None:
    """Tell the insurer of the institutions and SAMs that occur, as a list that is loaded."""
    names = ["institution", "original_institution"]
    codes = pl.concat(
        [told.visits[name].rename("code") for name in names] + [told.orders["testing_institution"].rename("code")]
    )
    codes.drop_nulls().unique().sort().to_frame().write_csv(folder / "institutions.csv")
    modules = told.visits.select(sam="security_module", institution="institution").drop_nulls().unique()
    modules.write_csv(folder / "sams.csv")
    for name in ("institutions", "sams"):
        _do("registry", "load", name, str(folder / f"{name}.csv"), "--home", str(insurer), "--shrink")


def _party(code: str, told: Visits, folder: Path, url: str, ca: Path, running: ExitStack) -> Party:
    """An institution with a SAM, its control software running, and an agent with an empty outbox."""
    title, kind = _KINDS[code[:2]]
    home = Home(folder / kind / "reader")
    with DataCentre(url, ca) as centre:
        holder = issuing.Holder(
            institution=code, institution_name=f"測試{title.split()[0]}", institution_kind=_CARD_KINDS.get(kind, kind)
        )
        issuing.issue("SAM", holder, home.cards / "sam.json", post=centre.post, today=rocdate.now().date())
    Slots(home.slots).insert("Slot 1", home.cards / "sam.json")
    port = free_port()
    serve = ["reader", "serve", "--home", str(home.folder), "--port", str(port), "--no-pcsc"]
    serve += ["--centre", url, "--centre-ca", str(ca)]
    running.enter_context(service(serve, folder / kind / "reader.log"))
    address, reader_ca = f"https://127.0.0.1:{port}", home.https / "https.pem"
    running.enter_context(client_of(address, reader_ca, "/openapi.json"))
    reader = running.enter_context(Reader(url, address, reader_ca=reader_ca, centre_ca=ca))
    reader.open()
    insurer = running.enter_context(Insurer(url, reader.upload_signature, ca=ca, timeout=120))
    outbox = Outbox(folder / kind / "outbox.sqlite3")
    rows = (told.visits["institution"] == code).arg_true()
    return Party(code, title, kind, told.part(rows), Agent(outbox, insurer, policy=_POLICY))


def _send_all(parties: list[Party], title: str) -> None:
    """Turns of every agent until all is answered."""
    began = time.perf_counter()
    with _CONSOLE.status(f"{title}：上傳、等結果 sending, waiting for results") as told:
        while True:
            busy = [bool(party.agent.turn(rocdate.now())) for party in parties]
            waiting = [_unanswered(party) for party in parties]
            seconds = time.perf_counter() - began
            told.update(f"{title}：還有 {sum(waiting)} 個檔等結果 files without a result（{seconds:.0f} s）")
            if not any(waiting) and not any(busy):
                break
            if seconds > _LONGEST:
                raise TimeoutError(f"{title}: {sum(waiting)} files without a result after {seconds:.0f} s")
            time.sleep(0.2)
    _say(f"{title}：{time.perf_counter() - began:.1f} s")


def _unanswered(party: Party) -> int:
    return int(party.agent.outbox.rows("SELECT count(*) FROM upload WHERE state IN ('ready', 'received')")[0][0])


def _show_comparison(party: Party) -> None:
    """The days as the insurer's report shows them."""
    compared = party.compared()
    table = Table("就醫日期 day", "1.0 收載 (A)", "2.0 預檢通過 (B)", "(B)/(A)", title=f"{party.name} {party.code}")
    for day, a, b in (
        compared.group_by("visit_date").agg(pl.col("a").sum(), pl.col("b").sum()).sort("visit_date").iter_rows()
    ):
        table.add_row(f"{day}", f"{a:,}", f"{b:,}", _share(a, b))
    a, b = _totals(compared)
    table.add_section()
    table.add_row("合計 total", f"{a:,}", f"{b:,}", _share(a, b))
    _CONSOLE.print(table)


def _share(a: int, b: int) -> str:
    """The rounded percentage; a rounded 100 % that is not exact says so."""
    if not a:
        return "–"
    text = f"{b / a:.1%}"
    return text if a == b or text != "100.0%" else f"{text}（未達 not all）"


def _totals(compared: pl.DataFrame) -> tuple[int, int]:
    return int(compared["a"].sum()), int(compared["b"].sum())


def _is_complete(party: Party) -> bool:
    a, b = _totals(party.compared())
    return 0 < a == b


def _show_errors(party: Party) -> None:
    for row in ranking(party.agent.outbox).head(_SHOWN // 2).iter_rows(named=True):
        _say(f"  {row['records']:>5,} 筆  {row['field']}:{row['code']}  {row['text_zh']}", markup=False)


def _show_answer(party: Party) -> None:
    """The start of a result as the insurer gives it."""
    found: list[Any] = party.agent.outbox.rows(
        "SELECT receipt, result FROM upload WHERE kind = 'A2' AND length(result) > 0 "
        "ORDER BY length(result) DESC LIMIT 1"
    )
    for receipt, content in found:
        lines = content.decode("cp950").splitlines()
        _say(f"\n[bold]檢核結果原文 a result as the insurer gives it[/bold]  {receipt.strip()}")
        for line in lines[:_SHOWN]:
            _say(f"  {line}", markup=False)
        _say(f"  … （共 {len(lines)} 行 lines）")


def _say(text: str, *, markup: bool = True) -> None:
    _CONSOLE.print(text, soft_wrap=True, markup=markup)


def _do(*arguments: str) -> None:
    """One of our own commands; its failure is the demo's."""
    done = subprocess.run([sys.executable, "-m", "nhicard", *arguments], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"nhicard {arguments[0]}: {done.stderr.strip()}")
