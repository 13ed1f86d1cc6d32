"""The public page, the files and the API, without signing in."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.test import Client
from tests.insurer.incentives import offices
from tests.insurer.incentives.offices import SCHEME
from typer.testing import CliRunner

from nhicard.cli import opendata as command
from nhicard.insurer import clock
from nhicard.insurer.opendata.services import publishing, release, store
from nhicard.insurer.opendata.tables import COLUMNS, FILES, SCHEMA
from nhicard.insurer.operations import database

DAYS = (date(2023, 12, 30), date(2023, 12, 31))
NAMES = {item.code: item.name_zh for item in SCHEME.items}
PLACES = (
    ("1", "臺北業務組", "臺北市", "3501"),
    ("1", "臺北業務組", "宜蘭縣", "3534"),
    ("3", "中區業務組", "臺中市", "3503"),
)


def frame(each: int = 3) -> pl.DataFrame:
    """Some institutions a place, every one with H1, the first of a place with H."""
    rows = [
        (number, division, county, f"{stem}20000{place}", f"測試{stem}{place}", item, NAMES[item])
        for number, division, county, stem in PLACES
        for place in range(each)
        for item in (("H", "H1") if place == 0 else ("H1",))
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("分區代碼", "縣市名稱", "醫事機構代碼", "項目代碼")


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """Two days: the first with fewer rows."""
    settings.HOME = tmp_path
    before: tuple[date, pl.DataFrame] | None = None
    for day, rows in zip(DAYS, (frame(2), frame(3)), strict=True):
        with store.publishing(publishing.folder()):
            made = release.files(rows, before, day, SCHEME, publishing.address())
            store.publish(publishing.folder(), day, made)
        before = (day, rows)
    return publishing.folder()


@pytest.mark.django_db
def test_before_anything_is_published_the_page_says_so(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    assert "還沒有發布資料" in client.get("/opendata/").content.decode()
    assert client.get("/opendata/api/records").status_code == 404
    assert client.get("/opendata/latest/incentives.csv").status_code == 404
    assert client.get("/opendata/api/days").json() == {"days": []}


@pytest.mark.django_db
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("asked", "count", "charted"),
    [
        ({}, "12", [4 // 2, 1, 1, 1, 1]),
        ({"division": "1"}, "8", [2, 1, 1]),
        ({"county": "臺中市"}, "4", [1, 1]),
        ({"item": "H1"}, "9", [6, 3, 3, 3, 3]),
        ({"q": "3503"}, "4", [1, 1]),
        ({"q": "測試35342"}, "1", []),
        ({"day": "2023-12-30"}, "9", [2, 1, 1, 1, 1]),
        ({"q": "nobody"}, "0", []),
        ({"division": "9", "page": "-1"}, "12", [2, 1, 1, 1, 1]),
    ],
)
def test_the_page_searches_filters_and_charts(
    client: Client, asked: dict[str, str], count: str, charted: list[int]
) -> None:
    answer = client.get("/opendata/", asked)
    assert answer.status_code == 200
    assert answer.context["count"] == count
    assert [bar.count for bar in answer.context["chart"].bars] == charted
    assert "Set-Cookie" not in answer


@pytest.mark.django_db
@pytest.mark.usefixtures("folder")
def test_the_page_in_english(client: Client) -> None:
    page = client.get("/opendata/", {"lang": "en"}).content.decode()
    for told in ('<html lang="en">', "Taichung City", "Taipei Division", "Progress to 2.0: qualified", "18,000"):
        assert told in page
    assert 'lang="zh-Hant-TW">中文' in page


@pytest.mark.django_db
@pytest.mark.parametrize("name", FILES)
def test_every_file_under_its_stable_address_and_that_of_its_day(client: Client, folder: Path, name: str) -> None:
    latest, of_day = client.get(f"/opendata/latest/{name}"), client.get(f"/opendata/days/2023-12-31/{name}")
    content = b"".join(latest.streaming_content)  # type: ignore[attr-defined]
    assert content == b"".join(of_day.streaming_content)  # type: ignore[attr-defined]
    assert content == (folder / "latest" / name).read_bytes()
    assert latest["Content-Type"].startswith(FILES[name])
    assert latest["Access-Control-Allow-Origin"] == "*"
    known = client.get(f"/opendata/latest/{name}", headers={"If-None-Match": latest["ETag"]})
    assert known.status_code == 304
    other = client.get(f"/opendata/days/2023-12-30/{name}", headers={"If-None-Match": latest["ETag"]})
    assert other.status_code == 200
    other.close()


@pytest.mark.django_db
@pytest.mark.usefixtures("folder")
def test_the_page_names_the_digests_of_its_files(client: Client, folder: Path) -> None:
    page = client.get("/opendata/").content.decode()
    assert hashlib.sha256((folder / "latest" / "incentives.csv").read_bytes()).hexdigest() in page


@pytest.mark.django_db
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "path",
    [
        "latest/nothing.csv",
        "latest/..%2f..%2fkeys",
        "days/2023-12-29/incentives.csv",
        "days/yesterday/incentives.csv",
        "days/..%2f/incentives.csv",
    ],
)
def test_what_is_not_published_is_404(client: Client, path: str) -> None:
    assert client.get(f"/opendata/{path}").status_code == 404


@pytest.mark.django_db
@pytest.mark.usefixtures("folder")
def test_the_api_walks_through_all_pages() -> None:
    client, path, found = Client(), "/opendata/api/records?page_size=5", list[dict[str, str]]()
    while path:
        told = client.get(path).json()
        assert (told["total"], told["pages"], told["day"]) == (12, 3, "2023-12-31")
        found += told["records"]
        path = told["next"]
    assert found == frame(3).to_dicts()
    assert set(found[0]) == set(COLUMNS)


@pytest.mark.django_db
@pytest.mark.usefixtures("folder")
def test_the_api_filters_and_answers_what_is_known_with_304(client: Client) -> None:
    answer = client.get("/opendata/api/records", {"item": "H", "division": "3"})
    assert [each["醫事機構代碼"] for each in answer.json()["records"]] == ["3503200000"]
    etag = answer["ETag"]
    headers = {"If-None-Match": etag}
    assert client.get("/opendata/api/records", {"item": "H", "division": "3"}, headers=headers).status_code == 304
    assert client.get("/opendata/api/records", {"item": "H1", "division": "3"}, headers=headers).status_code == 200
    earlier = {"item": "H", "division": "3", "day": "2023-12-30"}
    assert client.get("/opendata/api/records", earlier, headers=headers).status_code == 200


@pytest.mark.django_db
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "asked", [{"page": "0"}, {"page_size": "1001"}, {"page": "x"}, {"day": "today"}, {"division": "7"}, {"item": "h'"}]
)
def test_the_api_says_which_parameter_is_wrong(client: Client, asked: dict[str, str]) -> None:
    answer = client.get("/opendata/api/records", asked)
    assert answer.status_code == 400
    assert set(answer.json()["details"]) == set(asked)


@pytest.mark.django_db
@pytest.mark.usefixtures("folder")
def test_the_days(client: Client) -> None:
    told = client.get("/opendata/api/days").json()["days"]
    assert [each["day"] for each in told] == ["2023-12-31", "2023-12-30"]
    for address in told[1]["files"].values():
        answer = client.get(address)
        assert answer.status_code == 200
        answer.close()


@pytest.mark.django_db
def test_nobody_changes_anything_here(client: Client) -> None:
    for path in ("", "api/records", "api/days", "latest/incentives.csv"):
        assert client.post(f"/opendata/{path}").status_code == 405


@pytest.mark.django_db
def test_the_command_publishes_into_the_home_or_elsewhere(
    monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    settings.HOME = tmp_path
    monkeypatch.setattr(clock, "now", lambda: datetime(2023, 11, 1, 6))
    monkeypatch.setattr(database, "why_unusable", lambda: None)
    offices.switched()
    runner = CliRunner()
    first = runner.invoke(command.app, ["publish", "--as-of", "2023-10-25"])
    assert first.exit_code == 0
    assert first.output.startswith("2023-10-25: 1 筆 records, 1 筆異動 changes (第一次 first)")
    assert runner.invoke(command.app, ["publish"]).output.startswith(
        "2023-10-31: 4 筆 records, 3 筆異動 changes (2023-10-25)"
    )
    assert runner.invoke(command.app, ["publish", "--to", str(tmp_path / "web")]).exit_code == 0
    names = {each.name for each in (tmp_path / "web" / "latest").iterdir()}
    assert names == set(FILES)
    (tmp_path / "file").touch()
    assert runner.invoke(command.app, ["publish", "--to", str(tmp_path / "file")]).exit_code == 2
