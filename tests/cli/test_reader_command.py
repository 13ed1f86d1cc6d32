"""``nhicard reader``: the demo on real services, and cards and cloud SAMs from a terminal."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests import tables
from typer.testing import CliRunner, Result

from nhicard.cli.app import app
from nhicard.cli.reader import demo as commands
from nhicard.identity import national_id, virtual_token
from nhicard.reader import demo
from nhicard.reader.devices.slots import Slots
from nhicard.reader.home import Home

CLINIC = "3501200000"
PASSWORD = "correct horse battery"
PIN = ["--pin", "135790"]


def run(*arguments: str | Path) -> Result:
    """One command, in this process."""
    return CliRunner().invoke(app, ["reader", *map(str, arguments)])


# ---- the demo ----

AT_THE_READER = {
    "GET /api/common/v1/Status 0",
    "POST /api/common/v1/Initial 0",
    "POST /api/common/v1/Initial 1001",
    "POST /api/sam/v1/Verification 0",
    "POST /api/sam/v1/Signature 0",
    "POST /api/hpc/v1/Verification/Hpc 0",
    "DELETE /api/hc/v1/Logout 0",
    "POST /api/hc/v1/Signature/Hc 0",
    "POST /api/hc/v1/Signature/HpcHc 0",
    "POST /api/hc/v1/VirtualHc/ReadBasic 0",
    "POST /api/hc/v1/Verification/VirtualHc 0",
    "POST /api/hc/v1/Verification/VirtualHc 1525",
}
AT_THE_CENTRE = {
    "/test/v1/Card/Issue",
    "/api/v1/Sam/Verification",
    "/api/v1/BasicData/Query",
    "/api/v1/BasicData/Register2",
    "/api/v1/SequelNumber/Next",
    "/api/v1/SequelNumber/Rollback",
    "/api/v1/TreatmentNumber/Card",
    "/api/v1/TreatmentNumber/NoCard",
    "/api/v1/Treatment/WriteCodeFee",
    "/api/v1/Prescription/Write",
    "/api/v1/Prescription/Query",
    "/api/v1/VirtualHc/ReadBasic",
    "/api/v1/VirtualHc/Verification",
    "/api/v1/VirtualHc/Logout",
    "/api/v1/TeleMedicine/RequestToken",
    "/api/v1/TeleMedicine/ResponseToken",
    "/app/v1/TeleMedicine/Pending",
    "/app/v1/TeleMedicine/Decide",
}


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The demo's folder and how it ended, as a user starts it."""
    folder = tmp_path_factory.mktemp("demo") / "reader"
    command = [sys.executable, "-m", "nhicard", "reader", "demo", "--folder", str(folder)]
    return folder, subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_demo_ends_well_and_shows_every_exchange(walked: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, ended = walked
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Every answer as it must be" in ended.stdout
    for line in AT_THE_READER:
        method, path, code = line.split()
        assert re.search(rf"本機 {method} +{path} +{code}\b", ended.stdout), line
    assert "5 identifiers opened by the insurer" in ended.stdout


def test_the_demo_s_logs_have_every_call_and_nobody_s_name(
    walked: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, ended = walked
    reader, centre = ((folder / f"{name}.log").read_text() for name in ("reader", "datacentre"))
    assert [line for line in AT_THE_READER if f" {line} " not in reader] == []
    assert [path for path in AT_THE_CENTRE if not re.search(rf" {path} \d", centre)] == []
    cards = [json.loads(card.read_bytes()) for card in (folder / "reader" / "cards").glob("*.json")]
    assert len(cards) == 4
    facts = {str(card.get(key)) for card in cards for key in ("number", "person_id", "id_no", "name")} - {"None"}
    assert facts >= {"A123456789", "測試病患甲", "測試病患乙", "測試醫師"}
    for text in (reader, centre, ended.stdout, ended.stderr):
        assert [fact for fact in (*facts, demo.STAFF_PIN) if fact in text] == []


def test_the_demo_leaves_no_key_that_others_may_read(
    walked: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = walked
    keys = [file for file in folder.rglob("*") if file.is_file() and b"PRIVATE KEY" in file.read_bytes()]
    assert len(keys) >= 6  # four cards, two services
    assert {stat.S_IMODE(file.stat().st_mode) for file in keys} == {0o600}


@pytest.mark.soak
def test_the_demo_ends_badly_where_an_answer_is_not_as_it_must_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = commands._make_cards

    def without_patient(home: Home, *arguments: object) -> object:
        phone = made(home, *arguments)  # type: ignore[arg-type]
        Slots(home.slots).remove("Slot 3")
        return phone

    monkeypatch.setattr(commands, "_make_cards", without_patient)
    result = run("demo", "--folder", tmp_path / "demo", "--quiet")
    assert result.exit_code == 1
    assert "/api/hc/v1/Signature/Hc: statusCode 1102 instead of 0" in re.sub(r"\s+", " ", result.output)


def test_the_demo_clears_no_folder_but_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")
    result = run("demo", "--folder", tmp_path)
    assert result.exit_code == 2
    assert "thesis.txt" in result.output
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


# ---- cards and cloud SAMs ----


@dataclass(frozen=True)
class Centre:
    """A data centre that issues test cards."""

    url: str
    ca: Path
    database: Path

    @property
    def options(self) -> list[str]:
        """Where it is, for a command."""
        return ["--centre", self.url, "--centre-ca", str(self.ca)]


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """``nhicard serve`` on a free port."""
    home = tmp_path_factory.mktemp("insurer")
    shutil.copyfile(tables.sqlite_file(), home / "insurer.sqlite3")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["serve", "--home", str(home), "--port", str(port), "--test-cards"]
    with subprocess.Popen(
        [sys.executable, "-m", "nhicard", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as service:
        try:
            while service.poll() is None:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield Centre(f"https://127.0.0.1:{port}", home / "https" / "https.pem", home / "insurer.sqlite3")
        finally:
            service.terminate()


@pytest.fixture(scope="module")
def all_cards(tmp_path_factory: pytest.TempPathFactory, centre: Centre) -> Path:
    """A home folder with one card of each kind, made by command."""
    home = tmp_path_factory.mktemp("home")
    for arguments in (
        ["sam", "--kind", "sam", "--institution", CLINIC],
        ["doctor", "--kind", "staff", "--institution", CLINIC, "--representative", *PIN],
        ["patient", "--kind", "patient", "--id", "A123456789", "--birthday", "1990-01-01", "--sex", "M"],
        ["phone", "--kind", "virtual", "--sex", "F"],
    ):
        result = run("card", "new", *arguments, *centre.options, "--home", home)
        assert result.exit_code == 0, result.output
    return home


@pytest.fixture
def home(all_cards: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(all_cards, tmp_path / "home"))


def test_cards_are_made_listed_inserted_and_removed(home: Path) -> None:
    assert run("card", "insert", "patient", "--slot", "Slot 2", "--home", home).exit_code == 0
    listed = run("card", "list", "--home", home).output
    for card, kind, slot in (
        ("doctor", "HPC", ""),
        ("patient", "HC", "Slot 2"),
        ("phone", "VHC", ""),
        ("sam", "SAM", ""),
    ):
        assert re.search(rf"{card} *│ *{kind} *│ *{slot} *│", listed), listed
    assert run("card", "remove", "Slot 2", "--home", home).output == "Slot 2 已取出 emptied\n"
    assert run("card", "remove", "Slot 2", "--home", home).output == "Slot 2 本來就沒有卡片 was empty\n"
    files = list((home / "cards").glob("*.json"))
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_made_up_person_has_a_valid_id(home: Path) -> None:
    person = json.loads((home / "cards" / "phone.json").read_bytes())["id_no"]
    assert national_id.is_valid_id(person)
    assert person[1] == "2"


@pytest.mark.parametrize("place", ["on-site", "telemedicine", "home-care"])
def test_a_qr_code_is_shown_or_printed(home: Path, place: str) -> None:
    result = run("card", "qr", "phone", "--place", place, "--text", "--home", home)
    token = virtual_token.read(result.output)
    assert (token.setting.value, token.certificate is not None) == (place, place == "home-care")
    shown = run("card", "qr", "phone", "--place", place, "--home", home).output
    assert len(shown.splitlines()) > 20


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["card", "new", "patient", "--kind", "patient"], "patient.json"),
        (["card", "new", "other", "--kind", "patient", "--id", "A123456780"], "1706"),
        (["card", "new", "other", "--kind", "patient", "--name", "測試病患測試病患測試病患"], "20"),
        (["card", "new", "../other", "--kind", "sam"], "../other"),
    ],
)
def test_a_card_that_cannot_be_is_refused_plainly(home: Path, centre: Centre, arguments: list[str], says: str) -> None:
    before = sorted((home / "cards").iterdir())
    result = run(*arguments, *centre.options, "--home", home)
    assert (result.exit_code, says in result.output) == (2, True), result.output
    assert "Traceback" not in result.output
    assert sorted((home / "cards").iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["card", "insert", "nobody"], "nobody"),
        (["card", "insert", "patient", "--slot", "Slot 9"], "Slot 1, Slot 2, Slot 3"),
        (["card", "insert", "phone"], "phone.json"),
        (["card", "qr", "patient"], "patient.json"),
        (["card", "remove", "Slot 9"], "Slot 1, Slot 2, Slot 3"),
        (["sam", "install", "pyproject.toml", "--password", PASSWORD], "1610"),
    ],
)
def test_what_cannot_be_done_is_said_plainly(home: Path, arguments: list[str], says: str) -> None:
    result = run(*arguments, "--home", home)
    assert (result.exit_code, says in result.output) == (2, True), result.output
    assert "Traceback" not in result.output


def test_a_data_centre_that_does_not_answer_is_said_plainly(tmp_path: Path) -> None:
    arguments = ["card", "new", "sam", "--kind", "sam", "--institution", CLINIC, "--home", str(tmp_path)]
    result = run(*arguments, "--centre", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert result.output.startswith("1700 ")


def test_a_cloud_sam_from_application_to_installation(home: Path, centre: Centre, tmp_path: Path) -> None:
    who: list[str | Path] = ["--institution", CLINIC, "--card", "doctor", *PIN, *centre.options, "--home", home]
    applied = run("sam", "apply", *who)
    assert applied.exit_code == 0, applied.output
    number = re.findall(r"\d+", applied.output)[0]
    decided = "UPDATE datacentre_cloudsamapplication SET state = 'approved' WHERE id = ?"
    with sqlite3.connect(centre.database, timeout=20) as database:
        database.execute(decided, [number])
    database.close()
    assert re.search(rf"{number} *│ *approved", run("sam", "status", *who).output)

    download: list[str | Path] = ["sam", "download", number, "--password", PASSWORD, *who]
    nowhere = tmp_path / "file"
    nowhere.write_bytes(b"")
    assert run(*download, "--folder", nowhere).exit_code == 2, "no folder: said before the one download is spent"
    file = Path(run(*download, "--folder", tmp_path).output.strip())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run(*download, "--folder", tmp_path).output.startswith("1611 ")

    assert run("sam", "install", file, "--password", "wrong horse battery", "--home", home).output.startswith("9039 ")
    installed = run("sam", "install", file, "--password", PASSWORD, "--home", home)
    assert installed.output == f"已安裝 Installed: {file.name[10:22]}\n"
    assert f"Installed here: {file.name[10:22]}" in run("sam", "status", *who).output


def test_the_certificate_is_shown_with_its_fingerprint(tmp_path: Path) -> None:
    shown = run("certificate", "show", "--home", tmp_path).output.splitlines()
    assert shown[0] == str(tmp_path / "https" / "https.pem")
    assert re.fullmatch(r"SHA-256 [0-9A-F]{2}(:[0-9A-F]{2}){31}", shown[1])
    assert run("certificate", "show", "--home", tmp_path).output.splitlines() == shown
