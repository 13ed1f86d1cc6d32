"""``nhicard claims`` as its users call it: exit codes, the three outputs, files that are none, uploaded visits."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from tests.checks.claims.claim_uploads import uploads
from tests.cli import calls

from nhicard.checks.claims.findings import SCHEMA
from nhicard.formats import write as write_visits
from nhicard.formats.claims import read

AS_OF = ("--as-of", "2023-11-05")


def nhicard(*arguments: str | Path, stdin: bytes | None = None) -> CompletedProcess[bytes]:
    return calls.nhicard("claims", *arguments, stdin=stdin)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("good") / "claim.xml"
    done = nhicard("generate", "--kind", "outpatient", "--cases", "40", *AS_OF, "-o", path)
    assert done.returncode == 0, done.stderr.decode()
    return path


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bad") / "claim.xml"
    done = nhicard("generate", "--kind", "pharmacy", "--cases", "40", "--error-rate", "0.5", *AS_OF, "-o", path)
    assert done.returncode == 0, done.stderr.decode()
    return path


def test_a_good_file_is_accepted_and_completes_the_revised_format(good: Path) -> None:
    done = nhicard("check", good, *AS_OF, "--format", "json")
    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert (told["kind"], told["cases"], told["accepted"], told["findings"]) == ("outpatient", 40, 40, [])
    assert {each["item"]: each["completed"] for each in told["revised"]} == {"A": True, "B": True}


def test_json_tells_every_planted_error(bad: Path) -> None:
    done = nhicard("check", bad, *AS_OF, "--format", "json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    planted = list(csv.DictReader(bad.with_name("claim.xml.planted.csv").read_text(encoding="utf-8").splitlines()))
    assert planted
    assert {(row["case"], row["code"]) for row in told["findings"]} == {(int(p["case"]), p["code"]) for p in planted}
    for row in told["findings"]:
        assert set(row) == set(SCHEMA)
        assert row["line"] > 0


def test_csv_has_a_row_a_finding(bad: Path) -> None:
    as_json = json.loads(nhicard("check", bad, *AS_OF, "--format", "json").stdout)
    rows = list(csv.DictReader(io.StringIO(nhicard("check", bad, *AS_OF, "--format", "csv").stdout.decode())))
    assert [row["code"] for row in rows] == [row["code"] for row in as_json["findings"]]
    assert set(rows[0]) == {"file", *SCHEMA}


def test_text_tells_what_to_do_in_both_languages(bad: Path) -> None:
    told = nhicard("check", bad, *AS_OF).stdout.decode()
    for words in ("退件 rejected", "CLM-", "請", "未檢核 off", "F："):
        assert words in told


def test_the_visits_of_an_upload_file_are_compared(good: Path, tmp_path: Path) -> None:
    batch = uploads(read(good), "2.0")
    whole, half = tmp_path / "whole.xml", tmp_path / "half.xml"
    whole.write_bytes(write_visits(batch))
    assert nhicard("check", good, *AS_OF, "--visits", whole).returncode == 0
    claims = read(good)
    half.write_bytes(write_visits(uploads(type(claims)(
        claims.table, claims.totals, claims.cases.head(39), claims.orders
    ), "2.0")))  # fmt: skip
    done = nhicard("check", good, *AS_OF, "--visits", half, "--format", "json")
    assert done.returncode == 1
    assert {(row["case"], row["code"]) for row in json.loads(done.stdout)["findings"]} >= {(40, "CLM-801")}


UNUSABLE = {
    "no such file": ["check", "nowhere.xml"],
    "an upload file that is none": ["check", "{good}", "--visits", "{table}"],
    "a table": ["check", "{table}"],
    "keys without institutions": ["check", "{good}", "--keys", "{table}"],
    "settings that do not exist": ["check", "{good}", "--config", "nowhere.toml"],
    "a month before the revision": ["generate", "--kind", "inpatient", "--as-of", "2023-06-01", "-o", "{out}"],
    "nowhere to write": ["generate", "--kind", "inpatient", "--as-of", "2023-11-05", "-o", "{table}/x.xml"],
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_exit_code_2_and_a_sentence_when_input_cannot_be_used(name: str, good: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a,b\n")
    places = {"good": good, "table": table, "out": tmp_path / "out.xml"}
    done = nhicard(*(argument.format(**places) for argument in UNUSABLE[name]))
    assert done.returncode == 2
    assert done.stderr.strip()
    assert b"Traceback" not in done.stderr


def test_standard_input(good: Path) -> None:
    assert nhicard("check", "-", *AS_OF, stdin=good.read_bytes()).returncode == 0
