"""What becomes of a visit: sent in both editions, held, rejected, mended, changed, taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.institution.agent.world import (
    NOW,
    ScriptedInsurer,
    good_visits,
    not_ready,
    refused,
    silent,
    with_value,
)

from nhicard.formats import read
from nhicard.institution.agent import Agent, Policy
from nhicard.institution.agent.sending import Pauses
from nhicard.institution.insurer import Answer, NotReady
from nhicard.institution.outbox import Outbox, take, withdraw
from nhicard.institution.visits import write20


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox.sqlite3") as opened:
        yield opened


def states(outbox: Outbox, kind: str) -> list[str]:
    return [state for (state,) in outbox.rows("SELECT state FROM track WHERE kind = ? ORDER BY visit", [kind])]


def agent(outbox: Outbox, insurer: ScriptedInsurer, **policy: Any) -> Agent:
    return Agent(outbox, insurer, policy=Policy(pauses=Pauses(chance=lambda: 1.0), **policy))  # type: ignore[arg-type]


def settled(works: Agent, now: datetime = NOW, turns: int = 20) -> datetime:
    """Turns a minute apart until nothing happens; the moment of the last."""
    for _ in range(turns):
        if not works.turn(now):
            return now
        now += timedelta(minutes=1)
    raise AssertionError("it does not come to rest")


def test_every_visit_goes_out_in_both_editions(outbox: Outbox) -> None:
    insurer = ScriptedInsurer()
    assert take(outbox, good_visits(), NOW).new == 12
    settled(agent(outbox, insurer))
    assert states(outbox, "B1") == states(outbox, "A2") == ["accepted"] * 12
    assert {visit["A01"] for visit in insurer.records("B1")} <= {"1", "2"}
    assert len(insurer.records("B1")) == len(insurer.records("A2")) == 12


def test_a_visit_handed_over_again_is_no_second_one(outbox: Outbox) -> None:
    insurer = ScriptedInsurer()
    take(outbox, good_visits(), NOW)
    settled(agent(outbox, insurer))
    again = take(outbox, good_visits(), NOW)
    assert (again.new, again.changed, again.unchanged) == (0, 0, 12)
    assert not agent(outbox, insurer).turn(NOW + timedelta(hours=1))


def test_what_the_check_would_reject_waits_for_mending(outbox: Outbox) -> None:
    insurer = ScriptedInsurer()
    take(outbox, with_value(good_visits(), 3, birth_date="1150230"), NOW)
    settled(agent(outbox, insurer))
    assert states(outbox, "B1").count("held") == states(outbox, "A2").count("held") == 1
    assert {field for (field,) in outbox.rows("SELECT field FROM finding WHERE NOT by_insurer")} >= {"A13", "M04"}
    assert take(outbox, good_visits(), NOW).changed == 1
    settled(agent(outbox, insurer))
    assert states(outbox, "B1") == states(outbox, "A2") == ["accepted"] * 12
    assert {visit["A01"] for visit in insurer.records("B1")} <= {"1", "2"}, "the insurer never saw the wrong one"


def test_it_goes_all_the_same_where_nothing_is_to_be_held(outbox: Outbox) -> None:
    insurer = ScriptedInsurer()
    take(outbox, with_value(good_visits(), 3, birth_date="1150230"), NOW)
    settled(agent(outbox, insurer, hold=False))
    assert len(insurer.records("B1")) == 12


def test_what_was_rejected_and_mended_is_a_correction_in_10(outbox: Outbox) -> None:
    wrong = with_value(good_visits(), 0, principal_diagnosis="Z9999")
    insurer = ScriptedInsurer(
        lambda kind, visit: ["A25:15"] * (visit.get("A25") == "Z9999") + ["M35:15"] * (visit.get("M35") == "Z9999")
    )
    take(outbox, wrong, NOW)
    works = agent(outbox, insurer, hold=False)
    settled(works)
    assert states(outbox, "B1").count("rejected") == states(outbox, "A2").count("rejected") == 1
    assert outbox.rows("SELECT DISTINCT field, code, by_insurer FROM finding ORDER BY 1") == [
        ("A25", "15", 1),
        ("M35", "15", 1),
    ]
    take(outbox, good_visits(), NOW)
    settled(works, NOW + timedelta(hours=1))
    assert states(outbox, "B1") == states(outbox, "A2") == ["accepted"] * 12
    first, second = (visit for visit in insurer.records("B1") if visit["A12"] == good_visits().visits["patient_id"][0])
    assert {"1": "3", "2": "4"}[first["A01"]] == second["A01"]
    assert not outbox.rows("SELECT * FROM finding"), "nothing is wrong any more"


def test_what_was_accepted_and_changes_is_deleted_and_sent_anew_in_20(outbox: Outbox) -> None:
    insurer = ScriptedInsurer()
    outbox.switch(NOW - timedelta(days=30))
    take(outbox, good_visits(), NOW)
    works = agent(outbox, insurer)
    settled(works)
    assert not insurer.records("B1")
    take(outbox, with_value(good_visits(), 0, principal_diagnosis="E119"), NOW)
    settled(works, NOW + timedelta(hours=1))
    before, deletion, after = (
        visit for visit in insurer.records("A1") if visit["M03"] == good_visits().visits["patient_id"][0]
    )
    key = ("H00", "M03", "M05", "M11", "M15")
    assert [visit["H01"] for visit in (before, deletion, after)] == [before["H01"], "D", before["H01"]]
    assert len({tuple(visit[field] for field in key) for visit in (before, deletion, after)}) == 1
    assert after["M35"] == "E119"
    assert states(outbox, "A1") == ["accepted"] * 12


def test_what_10_has_accepted_stays_and_only_the_precheck_is_repeated(outbox: Outbox) -> None:
    insurer = ScriptedInsurer()
    take(outbox, good_visits(), NOW)
    works = agent(outbox, insurer)
    settled(works)
    take(outbox, with_value(good_visits(), 0, principal_diagnosis="E119"), NOW)
    settled(works, NOW + timedelta(hours=1))
    assert (len(insurer.records("B1")), len(insurer.records("A2"))) == (12, 13)


def test_another_identifier_means_that_the_earlier_precheck_is_deleted_first(outbox: Outbox) -> None:
    insurer = ScriptedInsurer()
    take(outbox, good_visits(), NOW)
    works = agent(outbox, insurer, hold=False)
    settled(works)
    row = next(row for row, told in enumerate(good_visits().visits["visit_identifier"]) if told)
    take(outbox, with_value(good_visits(), row, visit_identifier="V" * 20), NOW)
    settled(works, NOW + timedelta(hours=1))
    deletion, after = insurer.records("A2")[12:]
    assert (deletion["H01"], deletion["M15"]) == ("D", good_visits().visits["visit_identifier"][row])
    assert after["M15"] == "V" * 20


def test_a_visit_taken_back_is_deleted_where_20_holds_it(outbox: Outbox) -> None:
    insurer = ScriptedInsurer()
    take(outbox, good_visits(), NOW)
    works = agent(outbox, insurer)
    settled(works)
    (key,) = outbox.rows("SELECT key FROM visit ORDER BY id LIMIT 1")[0]
    assert withdraw(outbox, [key], NOW) == 1
    settled(works, NOW + timedelta(hours=1))
    assert [visit["H01"] for visit in insurer.records("A2")[12:]] == ["D"]
    assert states(outbox, "A2") == ["deleted"] + ["accepted"] * 11
    assert withdraw(outbox, [key], NOW) == 0


def test_a_visit_taken_back_while_its_file_was_away_and_rejected_is_done_with(outbox: Outbox) -> None:
    insurer = ScriptedInsurer(lambda kind, visit: ["A25:15"] if kind == "B1" else [], before_result=not_ready)
    take(outbox, good_visits(), NOW)
    works = agent(outbox, insurer)
    works.turn(NOW)
    take(outbox, with_value(good_visits(), 0, principal_diagnosis="E119"), NOW)
    (key,) = outbox.rows("SELECT key FROM visit WHERE revision = 2")[0]
    withdraw(outbox, [key], NOW)
    insurer.before_result = lambda: None
    settled(works, NOW + timedelta(hours=1))
    assert states(outbox, "B1").count("deleted") == 1
    assert not outbox.rows("SELECT * FROM track WHERE state = 'waiting'")


def test_a_visit_that_changes_while_its_file_is_away_goes_again(outbox: Outbox) -> None:
    insurer = ScriptedInsurer(before_result=not_ready)
    outbox.switch(NOW - timedelta(days=30))
    take(outbox, good_visits(), NOW)
    works = agent(outbox, insurer)
    works.turn(NOW)
    take(outbox, with_value(good_visits(), 0, principal_diagnosis="E119"), NOW)
    insurer.before_result = lambda: None
    settled(works, NOW + timedelta(hours=1))
    mine = [visit for visit in insurer.records("A1") if visit["M03"] == good_visits().visits["patient_id"][0]]
    assert [visit["H01"] for visit in mine][1] == "D"
    assert [visit["M35"] for visit in mine][2] == "E119"


def test_what_edition_10_does_not_know_is_left_out_with_a_reason(outbox: Outbox) -> None:
    insurer = ScriptedInsurer()
    take(outbox, with_value(good_visits(), 0, visit_category="00"), NOW)
    settled(agent(outbox, insurer, hold=False))
    assert states(outbox, "B1")[0] == "left out"
    assert outbox.rows("SELECT reason FROM track WHERE state = 'left out'")[0][0]


def test_a_character_that_no_file_can_hold_keeps_back_its_visit_alone(outbox: Outbox) -> None:
    insurer = ScriptedInsurer()
    take(outbox, with_value(good_visits(), 0, sequence_number="😀"), NOW)
    settled(agent(outbox, insurer, hold=False))
    assert states(outbox, "A2") == ["held"] + ["accepted"] * 11
    assert ("M13", "Y014", "😀") in outbox.rows("SELECT field, code, value FROM finding WHERE kind = 'A2'")


def test_after_the_switch_only_20_is_sent_and_nothing_twice(outbox: Outbox) -> None:
    insurer = ScriptedInsurer()
    take(outbox, good_visits(), NOW)
    settled(agent(outbox, insurer))
    outbox.switch(NOW + timedelta(hours=1))
    assert not agent(outbox, insurer).turn(NOW + timedelta(hours=2)), "they lie before the switch and are accepted"


@pytest.mark.parametrize("mood", ["before", "after"])
def test_a_sending_that_nobody_answered_is_repeated_word_for_word(outbox: Outbox, mood: str) -> None:
    insurer = ScriptedInsurer()
    setattr(insurer, mood, silent)
    take(outbox, good_visits(), NOW)
    works = agent(outbox, insurer)
    for minute in range(5):
        works.turn(NOW + timedelta(minutes=minute))
    assert states(outbox, "B1") == ["sent"] * 12
    setattr(insurer, mood, lambda: None)
    settled(works, NOW + timedelta(hours=1))
    assert states(outbox, "B1") == states(outbox, "A2") == ["accepted"] * 12
    assert len(insurer.uploads) == 2, "one of each kind, however often it was sent"


def test_two_days_without_a_network_lose_nothing(outbox: Outbox) -> None:
    insurer = ScriptedInsurer(before=silent)
    works = agent(outbox, insurer)
    visits = good_visits()
    for hour in range(48):
        if hour < visits.visits.height:
            take(outbox, visits.part(pl.Series([hour])), NOW + timedelta(hours=hour))
        works.turn(NOW + timedelta(hours=hour))
    insurer.before = lambda: None
    settled(works, NOW + timedelta(days=2, hours=1))
    assert sorted(visit["A17"] for visit in insurer.records("B1")) == sorted(visits.visits["visit_time"])
    assert states(outbox, "B1") == states(outbox, "A2") == ["accepted"] * 12


def test_pauses_grow_to_a_quarter_of_an_hour(outbox: Outbox) -> None:
    insurer = ScriptedInsurer(before=silent)
    take(outbox, good_visits(), NOW)
    works = agent(outbox, insurer)
    works.turn(NOW)
    pauses = []
    for _ in range(10):
        ((due,),) = outbox.rows("SELECT min(next_at) FROM upload WHERE tries > 0")
        ((tries,),) = outbox.rows("SELECT max(tries) FROM upload")
        pauses.append(Pauses(lambda: 1.0).after(tries))
        works.turn(max(datetime.fromisoformat(due), NOW))
    assert pauses[:3] == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20)]
    assert pauses[-1] == timedelta(minutes=15)
    assert Pauses(lambda: 0.0).after(1) == timedelta(seconds=2.5)


def test_a_refusal_that_people_must_see_to_is_told_and_kept(outbox: Outbox) -> None:
    insurer = ScriptedInsurer(before=refused("9005"))
    take(outbox, good_visits(), NOW)
    works = agent(outbox, insurer)
    works.turn(NOW)
    assert {trouble for (trouble,) in outbox.rows("SELECT trouble FROM upload")} == {"9005"}
    insurer.before = lambda: None
    assert not works.turn(NOW + timedelta(minutes=59)).received
    settled(works, NOW + timedelta(hours=1))
    assert states(outbox, "B1") == ["accepted"] * 12


def test_a_result_that_never_comes_leads_to_a_new_file_whose_duplicates_are_accepted(outbox: Outbox) -> None:
    def refuses(kind: str, visit: dict[str, Any]) -> list[str]:
        return ["A17:C001"] if kind == "B1" and len(insurer.uploads) > 2 else []

    insurer = ScriptedInsurer(refuses, before_result=not_ready)
    take(outbox, good_visits(), NOW)
    works = agent(outbox, insurer, patience=timedelta(days=2))
    for hour in range(50):
        works.turn(NOW + timedelta(hours=hour))
    assert len(insurer.uploads) == 2, "the new file has the same bytes, so it is the same upload"
    insurer.before_result = lambda: None
    settled(works, NOW + timedelta(hours=51))
    assert states(outbox, "B1") == states(outbox, "A2") == ["accepted"] * 12


def test_a_receipt_given_twice_is_no_receipt(outbox: Outbox) -> None:
    class Forgetful(ScriptedInsurer):
        same = True

        def upload(self, *facts: Any) -> str:
            receipt = super().upload(*facts)
            return "R" * 42 if self.same else receipt

        def result(self, receipt: str, kind: str, way: str) -> Answer:
            if receipt == "R" * 42:
                raise NotReady
            return super().result(receipt, kind, way)

    insurer = Forgetful()
    take(outbox, good_visits(), NOW)
    works = agent(outbox, insurer)
    works.turn(NOW)
    assert sorted(outbox.rows("SELECT state, trouble FROM upload")) == [
        ("ready", "the receipt was given before, to another file"),
        ("received", ""),
    ]
    insurer.same = False
    works.turn(NOW + timedelta(hours=1))
    assert states(outbox, "A2") == ["accepted"] * 12


def test_what_is_changed_back_is_told_again(outbox: Outbox) -> None:
    """The same bytes would be the same upload, and what came between would stay in force."""
    insurer = ScriptedInsurer()
    works = agent(outbox, insurer)
    for hour, diagnosis in enumerate(("J069", "E119", "J069", "E119", "J069")):
        take(outbox, with_value(good_visits(1), 0, principal_diagnosis=diagnosis), NOW + timedelta(hours=hour))
        settled(works, NOW + timedelta(hours=hour))
        assert states(outbox, "A2") == ["accepted"]
    told = [read(content).visits["M35"][0] for kind, content in insurer.uploads.values() if kind == "A2"]
    assert told == ["J069", "E119", "J069", "E119", "J069"]


def test_what_was_accepted_before_a_rejected_change_is_deleted_when_taken_back(outbox: Outbox) -> None:
    insurer = ScriptedInsurer(lambda kind, visit: ["M35:15"] if visit.get("M35") == "Z9999" else [])
    works = agent(outbox, insurer, hold=False)
    for hour, diagnosis in enumerate(("J069", "Z9999")):
        take(outbox, with_value(good_visits(1), 0, principal_diagnosis=diagnosis), NOW + timedelta(hours=hour))
        settled(works, NOW + timedelta(hours=hour))
    assert states(outbox, "A2") == ["rejected"]
    (key,) = outbox.rows("SELECT key FROM visit")[0]
    assert withdraw(outbox, [key], NOW + timedelta(hours=3)) == 1
    settled(works, NOW + timedelta(hours=3))
    assert states(outbox, "A2") == ["deleted"]
    assert "D" in {read(content).visits["H01"][0] for kind, content in insurer.uploads.values() if kind == "A2"}


def test_what_is_handed_over_again_while_its_deletion_is_under_way_comes_after_it(outbox: Outbox) -> None:
    insurer = ScriptedInsurer(lambda kind, visit: [])
    works = agent(outbox, insurer)
    take(outbox, good_visits(1), NOW)
    settled(works, NOW)
    (key,) = outbox.rows("SELECT key FROM visit")[0]
    withdraw(outbox, [key], NOW + timedelta(hours=1))
    insurer.before = silent
    works.turn(NOW + timedelta(hours=1))
    insurer.before = lambda: None
    take(outbox, good_visits(1), NOW + timedelta(hours=1))
    works.turn(NOW + timedelta(hours=1))  # the deletion still pauses
    settled(works, NOW + timedelta(hours=2))
    assert states(outbox, "A2") == ["accepted"]
    told = [read(content).visits["H01"][0] for kind, content in insurer.uploads.values() if kind == "A2"]
    assert told[-2:] == ["D", "A"]


def test_a_result_of_other_records_is_not_believed(outbox: Outbox) -> None:
    insurer = ScriptedInsurer(lambda kind, visit: ["M15:D002"])
    take(outbox, good_visits(), NOW)
    works = agent(outbox, insurer)
    other = with_value(good_visits(), 0, patient_id="B100000002")
    insurer.as_told = write20(other)
    works.turn(NOW)
    assert states(outbox, "A2") == ["sent"] * 12
    assert ("the result shows other records than the file has (M03)",) in outbox.rows("SELECT trouble FROM upload")


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        ("健保卡就醫資料上傳檢核結果 收檔就醫筆數[7]\n", "7"),
        ("<html>502 Bad Gateway</html>", "not understood"),
        ("健保卡就醫資料上傳檢核結果 收檔就醫筆數[12] 無效就醫筆數[5]\n", "counts"),
    ],
)
def test_an_answer_that_does_not_fit_changes_nothing(outbox: Outbox, answer: str, trouble: str) -> None:
    class Confused(ScriptedInsurer):
        def result(self, receipt: str, kind: str, way: str) -> Answer:
            return Answer(answer.encode("big5"), {})

    take(outbox, good_visits(), NOW)
    works = agent(outbox, Confused())
    works.turn(NOW)
    assert states(outbox, "B1") == states(outbox, "A2") == ["sent"] * 12
    assert all(trouble in told for (told,) in outbox.rows("SELECT trouble FROM upload"))
    works.insurer = ScriptedInsurer(uploads=works.insurer.uploads)  # type: ignore[assignment, attr-defined]
    settled(works, NOW + timedelta(hours=1))
    assert states(outbox, "B1") == ["accepted"] * 12
