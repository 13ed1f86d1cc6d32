"""Where the agent's visits come from, what its settings must say, and the hours that are left."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.institution.agent.test_agent import agent, settled
from tests.institution.agent.world import NOW, ScriptedInsurer, good_visits, with_value

from nhicard.formats import write
from nhicard.institution.agent import settings
from nhicard.institution.agent.deadlines import open_visits
from nhicard.institution.agent.folder import UnusableFile, from_objects, take_files
from nhicard.institution.agent.overview import comparison, ranking, states
from nhicard.institution.outbox import Outbox, take
from nhicard.institution.outbox.content import as_texts, as_visits
from nhicard.institution.visits import Visits, write10, write20


def left_by_the_his(path: Path, content: bytes) -> None:
    """A file that was written a while ago."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (1, 1))


def as_objects(visits: Visits) -> list[dict[str, Any]]:
    return [json.loads(text) for text in as_texts(visits)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("visits.json", lambda: json.dumps(as_objects(good_visits())).encode()),
        ("visits20.xml", lambda: write(write20(good_visits()))),
        ("visits10.xml", lambda: write(write10(good_visits()).batch)),
        ("visits.csv", lambda: good_visits().visits.with_row_index("visit").write_csv().encode()),
    ],
)
def test_whole_files_are_taken_and_put_aside(tmp_path: Path, name: str, content: Any) -> None:
    taken: list[Visits] = []
    left_by_the_his(tmp_path / name, content())
    assert take_files(tmp_path, lambda visits, _: taken.append(visits)) == 1
    assert [visits.visits.height for visits in taken] == [12]
    assert not (tmp_path / name).exists()
    assert [path.name.endswith(name) for path in (tmp_path / "taken").iterdir()] == [True]


def test_a_file_that_is_still_being_written_is_left(tmp_path: Path) -> None:
    path = tmp_path / "visits.json"
    path.write_text("[")
    assert take_files(tmp_path, lambda *_: None) == 0
    assert path.exists()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", "[", "JSON"),
        ("a.json", '{"visits": []}', "清單"),
        ("a.json", '[{"patient": "A123456789"}]', "patient"),
        ("a.xml", "<RECS><REC>", "REC"),
        ("a.xml", "PK\x03\x04", "ZIP"),
        ("a.csv", "no_such_column\n1\n", "template"),
    ],
)
def test_a_file_that_cannot_be_read_is_put_aside_with_its_reason(
    tmp_path: Path, name: str, content: str, reason: str
) -> None:
    left_by_the_his(tmp_path / name, content.encode())
    assert take_files(tmp_path, lambda *_: pytest.fail("nothing to keep")) == 0
    (told,) = (path.read_text(encoding="utf-8") for path in (tmp_path / "failed").glob("*.txt"))
    assert reason in told
    assert "A123456789" not in told


def test_what_the_outbox_keeps_is_what_it_was_given() -> None:
    again = as_visits(as_texts(good_visits()))
    assert again.visits.equals(good_visits().visits)
    assert again.orders.equals(good_visits().orders)


def test_orders_in_json_belong_to_their_visit() -> None:
    visits, department = from_objects(
        [{"patient_id": "A123456789", "department": "02"}, {"patient_id": "B100000002", "orders": [{"days": "3"}]}]
    )
    assert department is not None
    assert department.to_list() == ["02", None]
    assert visits.orders.select("visit", "days").rows() == [(1, "3")]
    own, _ = from_objects([{}, {"orders": [{"visit": "0", "days": "3"}]}])
    assert (own.visits.height, own.orders["visit"].to_list()) == (2, [1])


@pytest.mark.parametrize("orders", [["x"], None, "x", {"days": "3"}])
def test_orders_that_are_none_are_refused(orders: Any) -> None:
    with pytest.raises(UnusableFile, match="第 1 筆"):
        from_objects([{"orders": orders}])


def test_settings_name_every_fault_at_once(tmp_path: Path) -> None:
    (tmp_path / settings.FILE).write_text(
        'institution = 35\n[insurer]\nurl = "http://x"\n[reader]\nulr = "https://y"\n[polcy]\n', encoding="utf-8"
    )
    with pytest.raises(settings.UnusableSettings) as refused:
        settings.load(tmp_path)
    told = str(refused.value)
    for fault in ("institution", "https://", "did you mean url?", "did you mean policy?"):
        assert fault in told


def test_new_settings_can_be_used(tmp_path: Path) -> None:
    settings.create(tmp_path, "3501200000", "https://insurer.example", Path("/ca.pem"), settings.READER, None)
    found = settings.load(tmp_path)
    assert (found.institution, found.insurer_ca, found.reader_ca) == ("3501200000", Path("/ca.pem"), None)
    assert found.folder == tmp_path / "in"
    with pytest.raises(FileExistsError):
        settings.create(tmp_path, "3501200000", "https://insurer.example", None, settings.READER, None)


@pytest.mark.parametrize(
    ("hours", "urgency"), [(17.9, []), (18, ["warning"]), (22.9, ["warning"]), (23, ["alarm"]), (24.1, ["overdue"])]
)
def test_hours_that_are_left(tmp_path: Path, hours: float, urgency: list[str]) -> None:
    with Outbox(tmp_path / "outbox.sqlite3") as outbox:
        take(outbox, good_visits(1), NOW)
        (at,) = outbox.frame("SELECT visit_at FROM visit", [], {"at": pl.String})["at"].str.to_datetime()
        found = open_visits(outbox, at + timedelta(hours=hours))
        assert found["urgency"].to_list() == urgency
        settled(agent(outbox, ScriptedInsurer()))
        assert not open_visits(outbox, at + timedelta(hours=hours)).height, "1.0 has accepted it"


def test_the_comparison_and_the_worst_errors(tmp_path: Path) -> None:
    insurer = ScriptedInsurer(lambda kind, visit: ["M15:D002"] * (visit.get("M15") == "V" * 20))
    with Outbox(tmp_path / "outbox.sqlite3") as outbox:
        row = next(row for row, told in enumerate(good_visits().visits["visit_identifier"]) if told)
        take(outbox, with_value(good_visits(), row, visit_identifier="V" * 20), NOW, pl.Series(["02"] * 12))
        settled(agent(outbox, insurer, hold=False))
        compared = comparison(outbox, NOW + timedelta(days=1), days=60)
        assert (compared["a"].sum(), compared["b"].sum()) == (12, 11)
        worst = ranking(outbox, within=["department"]).to_dicts()
        assert [(each["department"], each["code"], each["records"]) for each in worst] == [("02", "D002", 1)]
        assert states(outbox)["A2"]["rejected"] == 1
