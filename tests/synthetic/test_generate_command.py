"""``nhicard generate``: the file, what was planted beside it, and what it says."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from nhicard.cli import check as check_command
from nhicard.cli import generate as command
from nhicard.formats import read, write
from nhicard.formats.tables import EDITIONS, Edition
from nhicard.identity.keyring import KeyRing
from nhicard.synthetic import generate, plant
from nhicard.synthetic import generator as generator_module
from tests.synthetic.conftest import AS_OF, KEYS


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_file_is_what_generate_makes(edition: Edition, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "upload.xml"
    assert command.run(edition, path, 200, 3, 0.0, AS_OF, 2) == 0
    batch = generate(edition, 200, 3, AS_OF, 2)
    assert path.read_bytes() == write(batch)
    assert not command.planted_path(path).exists()
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert f"200 visits and {batch.orders.height} MB2" in told
    assert "2026-11-20" in told


def test_what_was_planted_is_written_beside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "upload.xml"
    assert command.run("2.0", path, 400, 3, 0.05, AS_OF, 2) == 0
    batch, planted = plant(generate("2.0", 400, 3, AS_OF, 2), 0.05, 3)
    beside = tmp_path / "upload.xml.planted.csv"
    assert path.read_bytes() == write(batch)
    assert pl.read_csv(beside, schema=planted.schema).equals(planted)
    assert "20 errors" in capsys.readouterr().out


def test_slices_are_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator_module, "SLICE_VISITS", 40)
    path = tmp_path / "upload.xml"
    assert command.run("2.0", path, 100, 3, 0.1, AS_OF, 1) == 0
    batch = read(path)
    assert batch.faults == ()
    assert batch.visits["record"].to_list() == list(range(1, 101))
    planted = pl.read_csv(tmp_path / "upload.xml.planted.csv", infer_schema=False)
    assert planted.columns == ["record", "order", "field", "code", "value"]
    assert planted.height == 10
    of_visits = planted.filter(pl.col("order").is_null() & pl.col("value").is_not_null())
    assert of_visits.height > 0
    for record, _, field, _, value in of_visits.rows():
        assert batch.visits[field][int(record) - 1] == value


@pytest.mark.parametrize("edition", EDITIONS)
def test_what_is_made_with_keys_is_accepted_with_them(
    edition: Edition, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    KEYS.save(tmp_path / "keys.json")
    path = tmp_path / "upload.xml"
    assert command.run(edition, path, 100, 3, 0.0, AS_OF, 3, tmp_path / "keys.json") == 0
    lists = tmp_path / "lists"
    lists.mkdir()
    command.institutions_path(path).rename(lists / command.institutions_path(path).name)
    assert "made-up institutions" in capsys.readouterr().out
    checked = ([str(path)], "json", AS_OF, None, lists)
    assert check_command.run(*checked, tmp_path / "keys.json", None, "both", 10) == 0
    (told,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (told["accepted"], told["findings"]) == (100, [])
    assert "keys" not in {off["reason"] for off in told["rules_off"]}
    KeyRing.new(datetime(2020, 1, 1)).save(tmp_path / "other.json")
    assert check_command.run(*checked, tmp_path / "other.json", None, "both", 10) == 1
    (told,) = map(json.loads, capsys.readouterr().out.splitlines())
    expected = {"04", "16"} if edition == "1.0" else {"04", "16", "D002", "D074"}
    assert {finding["code"] for finding in told["findings"]} == expected


@pytest.mark.parametrize(
    ("since", "says"),
    [(datetime(2026, 10, 1), "the keys must serve visits from 2026-09-21 on"), (None, "cannot be read: No such file")],
)
def test_keys_that_cannot_serve(
    since: datetime | None, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if since:
        KeyRing.new(since).save(tmp_path / "keys.json")
    path = tmp_path / "upload.xml"
    assert command.run("2.0", path, 10, 1, 0.0, AS_OF, 1, tmp_path / "keys.json") == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert not path.exists()


@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_a_path_that_cannot_be_written(rate: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "no such folder" / "upload.xml"
    assert command.run("2.0", path, 10, 1, rate, AS_OF, 1) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "upload.xml" in told.err
    assert "Cannot be written: No such file or directory." in " ".join(told.err.split())


def test_a_moment_before_the_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "upload.xml"
    assert command.run("2.0", path, 10, 1, 0.0, datetime(2020, 1, 1), 1) == 2
    assert "2020-01-01 is before 2022-07-15" in " ".join(capsys.readouterr().err.split())
    assert not path.exists()


def test_a_moment_of_another_time_zone_is_taipeis(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evening_before = datetime.fromisoformat("2026-11-19T20:00:00+00:00")
    assert command.run("2.0", tmp_path / "upload.xml", 10, 1, 0.0, evening_before, 1) == 0
    assert "2026-11-20" in capsys.readouterr().out
