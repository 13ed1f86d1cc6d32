"""``nhicard check`` as its users call it: exit codes, the three outputs, input that is none."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.cli.calls import nhicard
from tests.formats.test_structure import END, HEAD, RECORD

from nhicard.checks.cases.cases import base_record, changed
from nhicard.checks.findings import SCHEMA
from nhicard.formats import build, write
from nhicard.identity.keyring import KeyRing

AS_OF = ("--as-of", "2023-10-20T12:00")


def upload(*changes: str, base: str = "outpatient", copies: int = 1) -> bytes:
    record = changed("2.0", base_record("2.0", "bases", base), changes)
    return write(build("2.0", [record] * copies))


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.xml"
    path.write_bytes(upload())
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.xml"
    path.write_bytes(upload("M56=13"))
    return path


def objects(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def test_exit_code_0_when_nothing_is_rejected(good: Path) -> None:
    assert nhicard("check", good, *AS_OF).returncode == 0


def test_exit_code_1_when_something_is_rejected(good: Path, bad: Path) -> None:
    assert nhicard("check", good, bad, *AS_OF).returncode == 1


def test_exit_code_2_when_a_file_cannot_be_used(good: Path, tmp_path: Path) -> None:
    done = nhicard("check", good, tmp_path / "missing.xml", *AS_OF)
    assert done.returncode == 2
    assert b"missing.xml" in done.stderr
    assert b"Traceback" not in done.stderr


def test_json_is_one_object_a_file_with_the_agreed_keys(good: Path, bad: Path) -> None:
    first, second = objects(nhicard("check", good, bad, "--format", "json", *AS_OF))
    assert list(first) == [
        "file", "edition", "encoding", "records", "orders", "accepted", "accepted_with_warnings", "rejected",
        "rules_off", "findings",
    ]  # fmt: skip
    assert (first["records"], first["orders"], first["accepted"], first["findings"]) == (1, 2, 1, [])
    (finding,) = second["findings"]
    assert finding["record"] == 1
    assert finding["order"] is None
    assert (finding["field"], finding["code"], finding["severity"], finding["value"]) == ("M56", "D066", "reject", "13")
    assert bad.read_bytes().splitlines()[finding["line"] - 1] == b"<M56>13</M56>"
    assert finding["text_zh"]
    assert finding["text_en"]
    assert {off["code"] for off in second["rules_off"]} >= {"04", "C001", "07"}


def test_findings_of_orders_count_orders_from_1(tmp_path: Path) -> None:
    path = tmp_path / "orders.xml"
    path.write_bytes(upload("D05[2]=X", copies=3))
    (told,) = objects(nhicard("check", path, "--format", "json", *AS_OF))
    assert [(f["record"], f["order"], f["field"], f["code"]) for f in told["findings"]] == [
        (1, 2, "D05", "AD"),
        (2, 2, "D05", "AD"),
        (3, 2, "D05", "AD"),
    ]


def test_csv_has_one_header_and_a_row_a_finding(good: Path, bad: Path) -> None:
    done = nhicard("check", good, bad, bad, "--format", "csv", *AS_OF)
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    assert list(rows[0]) == ["file", *SCHEMA]
    assert [(row["file"], row["field"], row["code"]) for row in rows] == [(str(bad), "M56", "D066")] * 2


def test_text_names_record_field_value_line_and_remedy_in_both_languages(bad: Path) -> None:
    told = nhicard("check", bad, *AS_OF).stdout.decode()
    for words in ("退件 rejected 1", "第 1 筆", "M56:D066", "'13'", "行 ", "請改正", "correct one of them"):
        assert words in told
    assert "A123456789" not in told  # the key masks the ID


def test_one_language_is_enough_if_asked_for(bad: Path) -> None:
    assert "請改正" not in nhicard("check", bad, "--lang", "en", *AS_OF).stdout.decode()


def test_standard_input_and_folders(good: Path, bad: Path) -> None:
    done = nhicard("check", "-", good.parent, "--format", "json", *AS_OF, stdin=bad.read_bytes())
    assert [(Path(told["file"]).name, told["rejected"]) for told in objects(done)] == [
        ("-", 1),
        ("bad.xml", 1),
        ("good.xml", 0),
    ]


def test_the_moment_of_upload_decides(good: Path) -> None:
    (late,) = objects(nhicard("check", good, "--format", "json", "--as-of", "2024-03-01"))
    assert {finding["code"] for finding in late["findings"]} == {"BH"}
    assert nhicard("check", good, "--as-of", "yesterday").returncode == 2


def test_one_record_of_another_institution_rejects_a_whole_file_of_edition_10(tmp_path: Path) -> None:
    own = base_record("1.0", "bases", "outpatient")
    foreign = changed("1.0", own, ("A14=1101010012",))
    path = tmp_path / "foreign.xml"
    path.write_bytes(write(build("1.0", [own, foreign, own])))
    done = nhicard("check", path, "--institution", "3501200000", "--format", "json", *AS_OF)
    (told,) = objects(done)
    assert done.returncode == 1
    assert (told["records"], told["accepted"], told["rejected"]) == (3, 0, 3)
    assert [(f["record"], f["code"], f["severity"]) for f in told["findings"]] == [(2, "07", "file")]


def test_settings_file_gives_institution_and_assumptions(good: Path, tmp_path: Path) -> None:
    settings = tmp_path / "nhicard.toml"
    settings.write_text('institution = "1101010012"\n[assumptions]\naa02_fields = ["M36"]\n', encoding="utf-8")
    (told,) = objects(nhicard("check", good, "--config", settings, "--format", "json", *AS_OF))
    assert {finding["code"] for finding in told["findings"]} == {"07", "AA02"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour = 1", "colour"),
        ("institution = 3", "institution"),
        ("[assumptions]\nbody_site_leters_combine = true", "body_site_letters_combine"),
        ("not toml", "nhicard.toml"),
    ],
)
def test_a_bad_settings_file_is_told_in_a_sentence(good: Path, tmp_path: Path, text: str, words: str) -> None:
    settings = tmp_path / "nhicard.toml"
    settings.write_text(text, encoding="utf-8")
    done = nhicard("check", good, "--config", settings)
    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert b"Traceback" not in done.stderr


BOMB = b'<?xml version="1.0"?><!DOCTYPE RECS [<!ENTITY a "lol">' + b"".join(
    b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in range(ord("b"), ord("k"))
) + b"]><RECS><REC>&j;</REC></RECS>"  # fmt: skip
HOSTILE = {
    "empty": b"",
    "zip": b"PK\x03\x04" + b"\0" * 100,
    "utf-16": (HEAD + RECORD + END).encode("utf-16"),
    "billion laughs": BOMB,
    "truncated": (HEAD + RECORD)[:120].encode(),
    "wrong nesting": (HEAD + RECORD.replace("</MB1>", "</MB>") + END).encode(),
    "duplicated tags": (HEAD + RECORD.replace("<M07>01</M07>", "<M07>01</M07>" * 50) + END).encode(),
    "NUL bytes": (HEAD + RECORD.replace("01", "\0\0") + END).encode(),
    "ten megabytes in one value": (HEAD + RECORD.replace("01", "9" * (10 << 20)) + END).encode(),
    "noise": bytes(range(256)) * 40,
    "noise behind a good start": HEAD.encode() + bytes(range(256)) * 40,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_gives_a_finding_or_one_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.xml"
    path.write_bytes(HOSTILE[name])
    done = nhicard("check", path, "--format", "json", *AS_OF)
    assert b"Traceback" not in done.stderr
    if done.returncode == 2:
        assert len(done.stderr.decode().strip().splitlines()) <= 2
        assert not done.stdout
    else:
        assert done.returncode == 1
        (told,) = objects(done)
        assert told["findings"]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    done = nhicard("check", tmp_path)
    assert done.returncode == 2
    assert "no XML file" in done.stderr.decode()


def test_no_names_or_whole_ids_in_error_messages(tmp_path: Path) -> None:
    path = tmp_path / "broken.xml"
    path.write_bytes(upload().replace(b"<M03>A123456789</M03>", b"<M03>A123456789</M04>"))
    (told,) = objects(nhicard("check", path, "--format", "json", *AS_OF))
    assert all("A123456789" not in f["text_zh"] + f["text_en"] + (f["key"] or "") for f in told["findings"])


def test_lists_of_a_folder_switch_rules_on_and_strange_files_are_named(good: Path, tmp_path: Path) -> None:
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "staff.csv").write_text("id,start,end\nA223456781,1100101,\n", encoding="utf-8")
    (lists / "holiday.txt").write_text("x", encoding="utf-8")
    done = nhicard("check", good, "--reference", lists, "--format", "json", *AS_OF)
    (told,) = objects(done)
    assert [(finding["field"], finding["code"]) for finding in told["findings"]] == [("M06", "13")]
    assert "13" not in {off["code"] for off in told["rules_off"]}
    assert b"holiday.txt" in done.stderr


def test_a_list_that_cannot_be_understood_stops_the_check(good: Path, tmp_path: Path) -> None:
    (tmp_path / "staff.csv").write_text("name\nsomebody\n", encoding="utf-8")
    done = nhicard("check", good, "--reference", tmp_path)
    assert done.returncode == 2
    assert b"staff.csv" in done.stderr
    assert b"Traceback" not in done.stderr


def test_keys_without_the_list_of_institutions_are_of_no_use(good: Path, tmp_path: Path) -> None:
    KeyRing.new(datetime(2020, 1, 1)).save(tmp_path / "keys.json")
    done = nhicard("check", good, "--keys", tmp_path / "keys.json")
    assert done.returncode == 2
    assert not done.stdout
    assert "institutions" in done.stderr.decode()
    assert "--reference" in done.stderr.decode()


def test_keys_may_stand_in_the_settings(good: Path, tmp_path: Path) -> None:
    KeyRing.new(datetime(2020, 1, 1)).save(tmp_path / "keys.json")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "institutions.csv").write_text("code\n3501200000\n", encoding="utf-8")
    (tmp_path / "nhicard.toml").write_text('keys = "keys.json"\nreference = "lists"\n', encoding="utf-8")
    (told,) = objects(nhicard("check", good, "--config", tmp_path / "nhicard.toml", "--format", "json", *AS_OF))
    assert {(f["field"], f["code"]) for f in told["findings"]} == {("M14", "04"), ("M15", "D002"), ("D11", "16")}
    assert "keys" not in {off["reason"] for off in told["rules_off"]}


def test_without_keys_the_report_says_so(good: Path) -> None:
    (told,) = objects(nhicard("check", good, "--format", "json", *AS_OF))
    assert {"04", "16", "D002"} <= {off["code"] for off in told["rules_off"] if off["reason"] == "keys"}


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [(b"{}", 0o600, "is no key file"), (b"SECRET", 0o600, "is no key file"), (b"{}", 0o644, "chmod 600")],
)
def test_a_key_file_that_cannot_be_used(content: bytes, mode: int, says: str, good: Path, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(content)
    path.chmod(mode)
    done = nhicard("check", good, "--keys", path)
    assert done.returncode == 2
    assert says in done.stderr.decode()
    assert b"SECRET" not in done.stderr
    assert b"Traceback" not in done.stderr
