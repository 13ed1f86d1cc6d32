"""What institution, division and headquarters see of points and settlements; the commands."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tests.insurer.incentives import offices
from tests.insurer.portal import people
from typer.testing import CliRunner

from nhicard.cli import incentives as command
from nhicard.insurer import clock
from nhicard.insurer.incentives import presenters, views
from nhicard.insurer.incentives.models import Settlement
from nhicard.insurer.incentives.scheme import INSTITUTIONS
from nhicard.insurer.incentives.services import settling
from nhicard.insurer.operations import database

pytestmark = pytest.mark.django_db
CODE = "3501200000"
NOW = datetime(2023, 11, 20, 10)


@pytest.fixture(autouse=True)
def moment(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(database, "why_unusable", lambda: None)


def seen(client: Client, path: str = "", **asked: str) -> str:
    answer = client.get(f"/portal/incentives/{path}", asked)
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_institution_sees_points_reasons_evidence_and_the_next_step(client: Client) -> None:
    made = offices.switched()
    offices.settled("2023-10-31")
    page = seen(people.signed_in(client, made.clerk))
    for told in (
        "上限 18,000 點",
        "112/10/28 完成：首筆 2.0 正式上傳收載。",
        "113/03/01 前改回 1.0 就不予獎勵。",
        'href="/portal/applications/cases/112102600001">案件 112102600001</a>',
        "請上傳一張印有 QR CODE 的門診處方箋影像。",
        "起始日未設定：部分負擔新制公告日。",
        "112-1-1",
    ):
        assert told in page, told


def test_the_page_as_of_an_earlier_day(client: Client) -> None:
    made = offices.switched()
    client = people.signed_in(client, made.clerk)
    assert "請等分區業務組核定" in seen(client, as_of="112/10/26")
    assert "請改以 2.0 正式上傳" in seen(client, as_of="2023-10-27")
    assert "首筆 2.0 正式上傳收載。" in seen(client, as_of="1121028")


@pytest.mark.parametrize("as_of", ["112/12/31", "soon", "112/13/01"])
def test_a_day_that_cannot_be_shown_is_said_so(client: Client, as_of: str) -> None:
    made = offices.qualified()
    page = seen(people.signed_in(client, made.clerk), as_of=as_of)
    assert "改以今天查看" in page
    assert "截至 112/11/20" in page


def test_an_institution_of_another_kind_is_told_that_there_is_nothing(client: Client) -> None:
    made = people.institution(kind="other")
    page = seen(people.signed_in(client, people.user("clerk", institution=made)))
    assert "這類醫事機構沒有獎勵項目" in page


def test_an_institution_sees_no_list(client: Client) -> None:
    made = offices.switched()
    offices.switched("3501200001")
    page = seen(people.signed_in(client, made.clerk))
    assert "3501200001" not in page


@pytest.fixture
def division() -> None:
    offices.switched()
    offices.qualified("3501200001")
    people.institution("5901200002", kind="pharmacy")
    offices.switched("3501200003", 2)


@pytest.mark.usefixtures("division")
@pytest.mark.parametrize(
    ("asked", "codes", "points"),
    [
        ({}, "3501200000 3501200001 5901200002", "10,000"),
        ({"q": "35012"}, "3501200000 3501200001", "10,000"),
        ({"kind": "pharmacy"}, "5901200002", "0"),
        ({"item": "H", "state": "earned"}, "3501200000", "10,000"),
        ({"item": "H1", "state": "reached"}, "3501200000 3501200001", "10,000"),
        ({"item": "F"}, "5901200002", "0"),
        ({"item": "H", "state": "earned", "as_of": "112/10/27"}, "", "0"),
        ({"division": "2"}, "", "0"),
        ({"state": "nonsense", "page": "99"}, "3501200000 3501200001 5901200002", "10,000"),
    ],
)
def test_a_division_lists_its_own_by_item_state_and_day(
    client: Client, asked: dict[str, str], codes: str, points: str
) -> None:
    answer = people.signed_in(client, people.user("officer", division=1)).get("/portal/incentives/", asked)
    assert [row.code for row in answer.context["rows"]] == codes.split()
    assert answer.context["points"] == points
    assert answer.context["count"] == str(len(codes.split()))


@pytest.mark.usefixtures("division")
def test_of_many_institutions_only_those_of_the_page_are_computed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "_AT_ONCE", 2)
    monkeypatch.setattr(views, "A_PAGE", 2)
    client = people.signed_in(client, people.user("officer", division=1))
    answer = client.get("/portal/incentives/", {"page": "2"})
    assert [row.code for row in answer.context["rows"]] == ["5901200002"]
    assert answer.context["count"] == "3"
    assert "計算合計" in answer.content.decode()
    whole = client.get("/portal/incentives/", {"totals": "on"}).context
    assert (whole["count"], whole["points"]) == ("3", "10,000")
    assert client.get("/portal/incentives/", {"item": "H", "state": "earned"}).context["points"] == "10,000"


@pytest.mark.usefixtures("division")
def test_headquarters_sees_all_and_totals_by_item(client: Client) -> None:
    client = people.signed_in(client, people.user("headquarters"))
    shown = client.get("/portal/incentives/").context
    assert shown["count"] == "4"
    totals = {each.code: (each.count, each.points) for each in shown["totals"]}
    assert totals["H"] == ("2", "20,000")
    assert totals["H1"] == ("3", "")
    assert [row.code for row in client.get("/portal/incentives/", {"division": "2"}).context["rows"]] == ["3501200003"]


@pytest.mark.usefixtures("division")
def test_a_settlement_as_page_and_file(client: Client) -> None:
    made = offices.settled("2023-10-31")
    client = people.signed_in(client, people.user("officer", division=1))
    assert "112-1-1" in seen(client)
    assert made.digest in seen(client, f"settlements/{made.pk}")
    content = client.get(f"/portal/incentives/settlements/{made.pk}.csv").content
    assert content.startswith(b"\xef\xbb\xbf")
    _, row = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert row[:5] == ["1", "臺北業務組", "112-1-1", "2023-10-31", CODE]
    assert row[6:] == ["H", "10000", "0", "10000"]


@pytest.mark.usefixtures("division")
def test_another_divisions_settlement_is_unknown(client: Client) -> None:
    made = offices.settled("2023-10-31", division=2)
    client = people.signed_in(client, people.user("officer", division=1))
    assert client.get(f"/portal/incentives/settlements/{made.pk}").status_code == 404


@pytest.mark.parametrize(
    ("told", "words", "address"),
    [
        ("case 112102600001", "案件 112102600001", "/portal/applications/cases/112102600001"),
        ("qualification 7", "資格判定 7", "/portal/monitoring/3501200000/qualifications/7"),
        ("edition change 2", "改版紀錄 2", ""),
        ("qr-image 5", "處方箋影像 5", "/portal/prescriptions/5"),
        ("dispensing a-1", "調劑單張 a-1", ""),
        ("something else", "something else", ""),
    ],
)
def test_evidence_in_words_and_where_it_is(told: str, words: str, address: str) -> None:
    assert presenters.evidence(CODE, told) == presenters.Evidence(words, address)


# ---- commands ----


def run(*arguments: str) -> Any:
    return CliRunner().invoke(command.app, list(arguments))


@pytest.mark.usefixtures("division")
def test_compute_as_json_tells_everything() -> None:
    told = json.loads(run("compute", "--as-of", "2023-10-28", "--format", "json").output)
    assert (told["scheme"], told["as_of"]) == (112, "2023-10-28")
    assert {each["institution"] for each in told["entitlements"]} == {
        CODE,
        "3501200001",
        "5901200002",
        "3501200003",
    }
    h = next(each for each in told["entitlements"] if (each["institution"], each["item"]) == (CODE, "H"))
    assert (h["points"], h["state"]) == (10000, "earned")
    assert h["evidence"] == ["case 112102600001", "edition change 1", "edition change 2"]
    assert h["reason_en"].startswith("Completed on 2023-10-28")


@pytest.mark.usefixtures("division")
def test_compute_of_one_as_csv_and_text() -> None:
    rows = list(csv.DictReader(io.StringIO(run("compute", "--institution", CODE, "--format", "csv").output)))
    assert [row["item"] for row in rows] == ["A", "B", "C", "G", "H", "H1", "H2", "H3"]
    told = run("compute", "--institution", CODE).output
    assert "H  10,000 earned" in told
    assert told.endswith("112 截至 as of 2023-11-19: 1 家 institutions, 10,000 點 points\n")


@pytest.mark.usefixtures("division")
def test_settle_pays_once() -> None:
    first = run("settle", "--as-of", "2023-10-31", "--division", "1")
    assert first.exit_code == 0
    assert first.output.startswith(
        f"{CODE} H   10,000       0  +10,000\n112-1-1 截至 as of 2023-10-31: 1 筆 lines, +10,000"
    )
    assert run("settle", "--as-of", "2023-10-31", "--division", "1").output == first.output
    assert Settlement.objects.count() == 1


@pytest.mark.usefixtures("division")
def test_verify_computes_every_settlement_again(monkeypatch: pytest.MonkeyPatch) -> None:
    offices.settled("2023-10-31")
    offices.settled("2023-11-15")
    done = run("verify")
    assert (done.exit_code, done.output) == (0, "112-1-1 2023-10-31 相同 same\n112-1-2 2023-11-15 相同 same\n")
    monkeypatch.setattr(settling, "replay", lambda settlement: {})
    assert run("verify").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("compute", "--as-of", "2023-11-21"), "future"),
        (("compute", "--institution", "0000000000"), "no institution"),
        (("compute", "--year", "99"), "no scheme"),
        (("settle", "--as-of", "2023-11-20", "--division", "1"), "day that is over"),
    ],
)
def test_what_cannot_be_done_ends_with_2(arguments: tuple[str, ...], told: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert told in done.stderr


def test_a_folder_of_schemes_in_the_home_sets_days_and_may_be_wrong(settings: Any) -> None:
    offices.switched()
    folder = Path(settings.HOME) / "schemes"
    folder.mkdir()
    file = folder / "112.toml"
    file.write_text("year = 112\n[announcements.qr]\nday = 2023-07-15\n", encoding="utf-8")
    assert "The first day is not set" not in _g_of(run("compute", "--institution", CODE, "--format", "json").output)
    file.write_text("year = 112\npoints = 3\n", encoding="utf-8")
    assert run("compute").exit_code == 2
    file.unlink()
    assert "The first day is not set" in _g_of(run("compute", "--institution", CODE, "--format", "json").output)


def _g_of(output: str) -> str:
    told = json.loads(output)["entitlements"]
    return str(next(each["reason_en"] for each in told if each["item"] == "G"))


def test_the_kinds_are_those_of_the_register() -> None:
    from nhicard.insurer.registry.models import Kind

    assert set(INSTITUTIONS) <= set(Kind.values)
    assert date(2023, 1, 1) == offices.SCHEME.begins
