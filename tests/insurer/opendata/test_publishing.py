"""The daily snapshot: the seed's tables, the files of a release, and that nobody ever reads half of one."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
import threading
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.insurer.incentives import offices
from tests.insurer.incentives.offices import APPLIED, APPROVED, QUALIFIED, SCHEME, SWITCHED
from tests.insurer.opendata import killed_publisher
from tests.insurer.portal import people

from nhicard.insurer.incentives.scheme import INSTITUTIONS
from nhicard.insurer.opendata.services import publishing, release, rows, store
from nhicard.insurer.opendata.tables import ADDED, COLUMNS, FILES, REMOVED, SCHEMA, county_name
from nhicard.insurer.registry.models import Institution

FOLDER = Path(__file__).parent
HOSPITAL = "0936000000"
DAY = date(2023, 12, 31)


def table(name: str) -> list[list[str]]:
    return list(csv.reader((FOLDER / name).read_text(encoding="utf-8").splitlines()))


@pytest.fixture
def hospital(db: None) -> Any:
    """The seed's institution, code made up where the seed hides it."""
    return offices.switched(HOSPITAL, 3, kind="hospital", short_name="AOO醫院", county="03")


def published(day: date, to: Path) -> publishing.Published:
    return publishing.publish(SCHEME, day, to)


@pytest.mark.usefixtures("hospital")
def test_the_table_of_the_seed_in_its_four_states(tmp_path: Path) -> None:
    header, h, *progress = table("seed_rows.csv")
    for day, expected in (
        (QUALIFIED - timedelta(days=1), []),
        (QUALIFIED, progress[:1]),
        (APPLIED, progress[:2]),
        (APPROVED, progress),
        (SWITCHED, [h, *progress]),
    ):
        made = published(day.date(), tmp_path / "out").release
        content = (made / "incentives.csv").read_bytes()
        assert content.startswith(b"\xef\xbb\xbf")
        assert list(csv.reader(io.StringIO(content.decode("utf-8-sig")))) == [header, *expected]


def test_the_item_table_of_the_seed() -> None:
    header, *items, ceilings = table("seed_items.csv")
    assert header == ["項目代碼", "項目名稱", "獎勵點數", "醫院", "診所", "藥局"]
    assert [
        [item.code, item.name_zh, f"{item.points:,}" if item.points else ""]
        + ["V" if kind in item.earned_by else "" for kind in INSTITUTIONS]
        for item in SCHEME.items
    ] == items
    assert [f"{SCHEME.ceilings[kind]:,}" for kind in INSTITUTIONS] == ceilings[3:]


@pytest.mark.usefixtures("hospital")
def test_every_form_has_the_same_rows(tmp_path: Path) -> None:
    made = published(DAY, tmp_path).release
    assert {each.name for each in made.iterdir()} == set(FILES)
    expected = [dict(zip(COLUMNS, row, strict=True)) for row in table("seed_rows.csv")[1:]]
    assert pl.read_parquet(made / "incentives.parquet").to_dicts() == expected
    told = json.loads((made / "incentives.json").read_text(encoding="utf-8"))
    assert (told["day"], told["columns"], told["records"]) == ("2023-12-31", list(COLUMNS), expected)


@pytest.mark.usefixtures("hospital")
def test_the_metadata_name_every_file_with_its_digest(tmp_path: Path, settings: Any) -> None:
    settings.PUBLIC_URL = "https://example.org/"
    published(SWITCHED.date(), tmp_path)
    made = published(DAY, tmp_path).release
    told = json.loads((made / "metadata.jsonld").read_text(encoding="utf-8"))
    assert told["@type"] == "dcat:Dataset"
    assert told["dct:temporal"]["dcat:endDate"] == {"@type": "xsd:date", "@value": "2023-12-31"}
    assert told["dcat:previousVersion"]["@id"] == "https://example.org/opendata/days/2023-10-28/metadata.jsonld#dataset"
    found = {each["dcat:downloadURL"]["@id"]: each for each in told["dcat:distribution"]}
    assert set(found) == {
        f"https://example.org/opendata/days/2023-12-31/{name}" for name in FILES if name != "metadata.jsonld"
    }
    for address, each in found.items():
        content = (made / address.rpartition("/")[2]).read_bytes()
        assert each["spdx:checksum"]["spdx:checksumValue"]["@value"] == hashlib.sha256(content).hexdigest()
        assert each["dcat:byteSize"]["@value"] == str(len(content))


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


@pytest.mark.usefixtures("hospital")
def test_the_same_day_with_the_same_data_is_the_same_bytes(tmp_path: Path) -> None:
    first, second = published(DAY, tmp_path / "one"), published(DAY, tmp_path / "two")
    assert contents(first.release) == contents(second.release)
    assert first.release.name == second.release.name
    again = published(DAY, tmp_path / "one")
    assert again.release == first.release
    assert len(list((tmp_path / "one" / "releases").iterdir())) == 1


def test_the_days_stay_and_the_latest_is_the_latest_day(hospital: Any, tmp_path: Path) -> None:
    late, early = published(date(2024, 3, 5), tmp_path), published(DAY, tmp_path)
    assert store.latest(tmp_path) == late.release
    assert store.of_day(tmp_path, DAY) == early.release
    assert store.days(tmp_path) == [date(2024, 3, 5), DAY]
    offices.returned(hospital)
    corrected = published(date(2024, 3, 5), tmp_path)
    assert corrected.release != late.release
    assert store.latest(tmp_path) == corrected.release
    assert late.release.exists()


def test_changes_against_the_day_before(hospital: Any, tmp_path: Path) -> None:
    offices.returned(hospital)
    published(datetime(2024, 2, 28).date(), tmp_path)
    done = published(datetime(2024, 2, 29).date(), tmp_path)
    told = list(csv.DictReader(io.StringIO((done.release / "changes.csv").read_text("utf-8-sig"))))
    assert [(each["異動"], each["項目代碼"]) for each in told] == [(REMOVED, "H"), (REMOVED, "H2"), (REMOVED, "H3")]
    assert (done.changes, done.before) == (3, date(2024, 2, 28))


ROWS = {"a": ["1"] * 6 + ["x"], "b": ["2"] * 6 + ["x"], "c": ["1"] * 6 + ["y"]}


@pytest.mark.parametrize(
    ("before", "now", "changes"),
    [
        (None, "a", [(ADDED, "1", "x")]),
        ("a", "a", []),
        ("", "a", [(ADDED, "1", "x")]),
        ("a", "", [(REMOVED, "1", "x")]),
        ("a", "ab", [(ADDED, "2", "x")]),
        ("a", "c", [(REMOVED, "1", "x"), (ADDED, "1", "y")]),
    ],
)
def test_a_change_is_a_row_that_came_or_went(before: str | None, now: str, changes: list[tuple[str, ...]]) -> None:
    def frame(names: str) -> pl.DataFrame:
        return pl.DataFrame([ROWS[name] for name in names], schema=SCHEMA, orient="row")

    found = rows.changes(None if before is None else frame(before), frame(now))
    assert found.select("異動", "分區代碼", "項目名稱").rows() == changes


@pytest.mark.parametrize(
    ("code", "county", "name"),
    [
        ("3501200000", "", "臺北市"),
        ("3501200000", "03", "臺中市"),
        ("3501200000", "台南市", "臺南市"),
        ("3501200000", "臺東縣", "臺東縣"),
        ("0936000000", "36", "臺中市"),
        ("0221000000", "", "臺南市"),
        ("3542000000", "", "高雄市"),
        ("3599000000", "", ""),
        ("3501200000", "somewhere", "臺北市"),
    ],
)
def test_the_county(code: str, county: str, name: str) -> None:
    assert pl.DataFrame({"code": [code], "county": [county]}).select(county_name()).item() == name


def test_a_name_that_looks_like_a_formula_is_harmless_in_csv_and_as_it_is_elsewhere() -> None:
    frame = pl.DataFrame([["1", "", "", "3501200000", "=1+1", "H", "x"]], schema=SCHEMA, orient="row")
    assert "'=1+1" in release.as_csv(frame).decode("utf-8-sig")


@pytest.mark.django_db
def test_only_those_who_can_earn_and_hold_something_are_listed(tmp_path: Path) -> None:
    offices.qualified("3501200001", 1)
    people.institution("3501200002")
    other = offices.switched("3501200003", 1)
    Institution.objects.filter(pk=other.institution.pk).update(kind="other")
    moved = offices.switched("3501200004", 1)
    Institution.objects.filter(pk=moved.institution.pk).update(division=None)
    found = rows.snapshot(SCHEME, DAY)
    assert found.select("分區代碼", "分區名稱", "醫事機構代碼").unique(maintain_order=True).rows() == [
        ("", "", "3501200004"),
        ("1", "臺北業務組", "3501200001"),
    ]


def test_a_killed_publisher_leaves_the_release_before_or_the_new_one_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.insurer.opendata.killed_publisher", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=True, cwd=FOLDER.parents[2])
    steps = json.loads(done.stdout)
    assert len(steps) > 4
    assert [each["killed"] for each in steps] == [True] * (len(steps) - 1) + [False]
    before = 0
    for each in steps:
        for where in ("latest", "day"):
            numbers = {int(number) for number, _ in each[where].values()}
            assert len(numbers) == 1, "files of two releases"
            assert numbers <= {before, each["number"]}
            assert {length for _, length in each[where].values()} == {1000}, "half a file"
            assert set(each[where]) == {"incentives.csv", "metadata.jsonld"}
        before = int(each["latest"]["incentives.csv"][0])
    assert any(each["left"] for each in steps)
    assert steps[-1]["left"] == 0, "what was left behind is removed"
    assert before == steps[-1]["number"]


def test_readers_see_whole_releases_while_others_are_published(tmp_path: Path) -> None:
    killed_publisher.publish(tmp_path, 0)
    stop, seen, troubles = threading.Event(), set[str](), list[str]()

    def read() -> None:
        while not stop.is_set():
            found = store.latest(tmp_path)
            told = {each.read_bytes() for each in found.iterdir()} if found else set()
            if len(told) != 1 or len(content := told.pop()) != len(content.split(b"\n")[0] + b"\n") * 1000:
                troubles.append(str(found))
            else:
                seen.add(content.split(b"\n")[0].decode())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 60):
        killed_publisher.publish(tmp_path, number)
    stop.set()
    reader.join()
    assert not troubles
    assert len(seen) > 1
