"""``nhicard registry``: what people type and read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.insurer.registry.lists import CLINIC, FILES, NOW, PATIENT, PHYSICIAN, table, write
from typer.testing import CliRunner

from nhicard.cli.app import app
from nhicard.insurer import clock
from nhicard.insurer.registry.models import Institution, ListVersion

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_the_desk(insurer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NHICARD_INSURER_HOME", str(insurer_home))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(clock, "now", lambda: NOW)


def run(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["registry", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.output


def test_loading_tells_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = write(tmp_path, {"areas.csv": table("code,name", "A01,甲區", "A02,乙區", "A03,丙區")})
    told = run("load", "areas", path)
    assert "areas：已載入 3 列" in told
    assert "新增 added: 3（A01、A02、A03）" in told
    assert "Nothing new: 3 rows" in run("load", "auto", path)
    path.write_text(table("code,name", "A01,甲區", "A02,新區", "A04,丁區"), encoding="utf-8")
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=1))
    told = run("load", "areas", path)
    for line in (
        "新增 added: 1（A04）",
        "終止 ended: 1（A03）",
        "變更 changed: 1（A02）",
        "未變 unchanged: 1",
    ):
        assert line in told
    assert ListVersion.objects.filter(name="areas").count() == 2


def test_every_list_can_be_loaded_at_once_and_no_person_is_named(tmp_path: Path) -> None:
    paths = write(tmp_path, {file.name: file.content for file in FILES})
    told = run("load", "auto", *paths) + run("list")
    for file in FILES:
        assert f"{file.kind}：已載入" in told
        told += run("show", file.kind)
    assert "醫事機構" in told
    assert CLINIC in told
    assert PATIENT not in told
    assert PHYSICIAN not in told


def test_the_list_says_what_is_loaded_what_is_shipped_and_what_is_missing(tmp_path: Path) -> None:
    run("load", "areas", *write(tmp_path, {"areas.csv": "code\nA01\n"}))
    lines = {line.split()[0]: line.split()[1:] for line in run("list").splitlines() if line.strip()}
    assert lines["areas"] == [str(ListVersion.objects.get().pk), "1", "2026-03-02", "09:30", "areas.csv"]
    assert lines["routes"] == ["內附", "shipped"]
    assert lines["drugs"] == ["未載入", "not", "loaded"]


@pytest.mark.parametrize(
    ("as_of", "shown", "hidden"),
    [
        ([], ["A02", "→ 版本 version"], ["A01 "]),
        (["--as-of", "2026-03-02T12:00"], ["A01"], ["A02"]),
        (["--as-of", "2026-03-02T04:00+00:00"], ["A01"], ["A02"]),
        (["--as-of", "2026-03-01"], ["Not loaded at that time"], ["A01", "A02", "→"]),
    ],
)
def test_a_list_is_shown_as_of_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_of: list[str], shown: list[str], hidden: list[str]
) -> None:
    for day, code in enumerate(("A01", "A02")):
        monkeypatch.setattr(clock, "now", lambda day=day: NOW + timedelta(days=day))
        run("load", "areas", *write(tmp_path, {"areas.csv": table("code", code)}))
    told = run("show", "areas", *as_of)
    assert all(word in told for word in shown), told
    assert not any(word in told for word in hidden), told
    assert all(version.digest in told for version in ListVersion.objects.all())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["load", "areas", "{folder}/none.csv"], ["無法讀取 none.csv", "none.csv cannot be read"]),
        (["load", "areas", "{folder}/bad.csv"], ["bad.csv 第 2 行", "bad.csv, line 2", "end"]),
        (["load", "hospitals", "{folder}/bad.csv"], ["沒有「hospitals」這種清單", "There is no list 'hospitals'"]),
        (["load", "auto", "{folder}/bad.csv"], ["看不出是哪一份清單", "does not tell which list"]),
        (["show", "hospitals"], ["There is no list 'hospitals'"]),
        (["show", "areas", "--as-of", "yesterday"], ["--as-of"]),
        (["addresses", CLINIC], [f"沒有院所 {CLINIC}", f"no institution {CLINIC}"]),
        (["addresses", CLINIC, "203.0.113.7", "--anywhere"], ["--anywhere"]),
        (["generate", "--institutions", "10000000"], ["not enough codes"]),
    ],
)
def test_what_cannot_be_done_is_told_in_both_languages(tmp_path: Path, arguments: list[str], told: list[str]) -> None:
    write(tmp_path, {"bad.csv": "code,end\nA01,1151301\n"})
    output = run(*(argument.format(folder=tmp_path) for argument in arguments), code=2)
    assert all(word in output for word in told), output
    assert "Traceback" not in output
    assert not ListVersion.objects.exists()


def test_addresses_are_registered_shown_and_removed() -> None:
    Institution.objects.create(code=CLINIC, name="測試診所", kind="clinic")
    assert run("addresses", CLINIC, "203.0.113.70/28", "203.0.113.7").split() == ["203.0.113.64/28", "203.0.113.7"]
    assert run("addresses", CLINIC).split() == ["203.0.113.64/28", "203.0.113.7"]
    assert "any address" in run("addresses", CLINIC, "--anywhere")
    assert "any address" in run("addresses", CLINIC)


def test_a_register_is_made_up(tmp_path: Path) -> None:
    keys = tmp_path / "sams.jsonl"
    arguments = ("generate", "--institutions", 12, "--persons", 5, "--seed", 7, "--sam-keys", keys)
    told = run(*arguments)
    assert "institutions：已載入 12 列" in told
    assert "安全模組 SAMs：12 張憑證" in told
    assert len(keys.read_text().splitlines()) == Institution.objects.count() == 12
    again = run(*arguments)
    assert again.count("Nothing new") == 4
    assert "無新增" in again
