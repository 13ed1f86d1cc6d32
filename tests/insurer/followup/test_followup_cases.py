"""Cases from the upload to the end: found by the job, corrected by an upload, explained, overdue, reminded."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from tests.insurer.intake.clients import worker
from tests.insurer.portal import people
from typer.testing import CliRunner

from nhicard.checks.cases.cases import Record, base_record, changed
from nhicard.cli.app import app
from nhicard.formats.batch import build
from nhicard.formats.writer import write
from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.cases.acting import CannotAct, Why
from nhicard.insurer.followup import made_up
from nhicard.insurer.followup.models import Birth, BirthList, Case, State, Step
from nhicard.insurer.followup.services import acting, births, running
from nhicard.insurer.followup.services.births import BadList
from nhicard.insurer.intake.kinds import Channel
from nhicard.insurer.intake.models import Visit, VisitState
from nhicard.insurer.intake.services.receiving import Upload, receive
from nhicard.insurer.reminders.models import Reminder

pytestmark = pytest.mark.django_db
CLINIC, PARENT = "3501200000", "A123456789"
VISITED = date(2023, 10, 16)
NEXT_DAY = datetime(2023, 10, 17, 9, 0)
ORDERED = ("A72[2]=5", "A73[2]=12196B")
TWIN = ("A20=1120920", "A21=2", "A24=b")  # the second of twins, born 112-09-20
REGISTERED = date(2023, 9, 20) + timedelta(days=60)


@pytest.fixture(autouse=True)
def clinic() -> Any:
    return people.institution(CLINIC)


def record(*changes: str) -> Record:
    return changed("1.0", base_record("1.0", "bases", "outpatient"), changes)


def deliver(*records: Record, at: datetime = NEXT_DAY, kind: str = "B1") -> None:
    """An upload, checked."""
    receive(Upload(CLINIC, "SAM000000001", Channel.VPN, kind, write(build("1.0", list(records)))), at)
    worker(as_of=at).once()


def run(day: date, at: datetime | None = None) -> running.Outcome:
    return running.run(day, at or datetime.combine(day, datetime.min.time()) + timedelta(hours=23))


def load(*children: str, since: date = date(2023, 1, 1), as_of: date = REGISTERED) -> BirthList:
    lines = "\n".join(("mother,birth,sex", *children))
    return births.load(lines.encode(), "births.csv", since, as_of, datetime.combine(as_of, datetime.min.time()))


def only_case() -> Case:
    return Case.objects.get()


# --- results of 12196B --------------------------------------------------------------------------------------


def test_an_order_without_result_is_due_fourteen_days_after_the_visit_and_then_overdue() -> None:
    deliver(record(*ORDERED))
    due = VISITED + timedelta(days=14)
    # when the job runs until the last day, the case is open
    assert run(VISITED + timedelta(days=1)).found == 1
    assert run(due).overdue == 0
    assert (only_case().state, only_case().due) == (State.OPEN, due)
    # then it is overdue, once
    assert [run(due + timedelta(days=1)).overdue for _ in range(2)] == [1, 0]
    assert only_case().state == State.OVERDUE


def test_a_result_in_a_later_record_corrects_the_case() -> None:
    deliver(record(*ORDERED))
    run(VISITED + timedelta(days=1))
    deliver(
        changed(
            "1.0",
            base_record("1.0", "bases", "allergy"),
            ("A17=1121020093015", "MB2[1]=-", "MB2[+]=A80:N,A81:HLA-B 1502 negative"),
        ),
        at=datetime(2023, 10, 20, 12, 0),
    )
    assert run(date(2023, 10, 20)).corrected == 1
    assert only_case().state == State.CORRECTED
    assert list(only_case().steps.order_by("pk").values_list("name", flat=True)) == ["found", "corrected"]


def test_a_record_with_its_result_opens_no_case() -> None:
    deliver(record(*ORDERED, "MB2[+]=A80:N,A81:HLA-B 1502 negative"))
    assert run(VISITED + timedelta(days=1)).found == 0


@pytest.mark.parametrize("kind", ["B1", "B2"])
def test_a_pre_check_opens_no_case(kind: str) -> None:
    deliver(record(*ORDERED), kind=kind)
    assert run(VISITED + timedelta(days=1)).found == (kind == "B1")


def test_a_visit_taken_back_closes_the_case_and_one_that_comes_back_opens_it_again() -> None:
    deliver(record(*ORDERED))
    run(VISITED + timedelta(days=1))
    Visit.objects.update(state=VisitState.DELETED)
    assert run(VISITED + timedelta(days=2)).corrected == 1
    Visit.objects.update(state=VisitState.ACCEPTED)
    assert run(VISITED + timedelta(days=3)).reopened == 1
    assert only_case().state == State.OPEN


# --- newborn marks ------------------------------------------------------------------------------------------


def test_without_a_list_newborn_marks_are_not_looked_at() -> None:
    deliver(record(*TWIN))
    outcome = run(REGISTERED)
    assert (outcome.births, outcome.found) == (False, 0)


def test_twins_of_whom_one_is_registered_are_a_case_when_both_had_to_be() -> None:
    deliver(record(*TWIN))
    load(f"{PARENT},1120920,M", as_of=REGISTERED - timedelta(days=1))
    assert run(REGISTERED - timedelta(days=1)).found == 0
    load(f"{PARENT},1120920,M")
    assert run(REGISTERED).found == 1
    assert only_case().findings == ["count", "mark"]
    assert only_case().due == REGISTERED + timedelta(days=30)


def test_a_newer_list_that_agrees_corrects_the_case() -> None:
    deliver(record(*TWIN))
    load(f"{PARENT},1120920,M")
    run(REGISTERED)
    load(f"{PARENT},1120920,M", f"{PARENT},1120920,F", as_of=REGISTERED + timedelta(days=5))
    assert run(REGISTERED + timedelta(days=5)).corrected == 1


def test_a_list_that_says_nothing_of_the_birth_leaves_the_case_alone() -> None:
    deliver(record(*TWIN))
    load(f"{PARENT},1120920,M")
    run(REGISTERED)
    load("A223456781,1121101,M", since=date(2023, 10, 1), as_of=REGISTERED + timedelta(days=5))
    assert run(REGISTERED + timedelta(days=5)).corrected == 0
    assert only_case().state == State.OPEN


def test_a_case_older_than_the_window_is_still_looked_at() -> None:
    deliver(record(*TWIN))
    load(f"{PARENT},1120920,M")
    run(REGISTERED)
    much_later = VISITED + timedelta(days=400)
    assert run(much_later).corrected == 0
    assert only_case().state == State.OVERDUE


# --- the job ------------------------------------------------------------------------------------------------


def test_the_same_day_again_changes_nothing() -> None:
    deliver(record(*TWIN, *ORDERED))
    load(f"{PARENT},1120920,M")
    first, second = run(REGISTERED), run(REGISTERED)
    assert (first.found, second.found, second.overdue, second.reminded) == (2, 0, 0, 0)
    assert Step.objects.filter(name="found").count() == 2


def test_days_run_forward_and_not_into_the_future() -> None:
    run(VISITED)
    with pytest.raises(running.CannotRun):
        run(VISITED - timedelta(days=1))
    with pytest.raises(running.CannotRun):
        run(VISITED + timedelta(days=1), NEXT_DAY - timedelta(days=1))


def test_what_was_received_later_is_not_seen() -> None:
    deliver(record(*ORDERED), at=datetime(2023, 10, 18, 0, 0))
    assert run(date(2023, 10, 17)).found == 0
    assert run(date(2023, 10, 18)).found == 1


@pytest.mark.parametrize(("days_before", "reminded"), [(4, 0), (3, 1), (0, 1)])
def test_reminded_three_days_before_the_end(days_before: int, reminded: int) -> None:
    deliver(record(*ORDERED))
    day = VISITED + timedelta(days=14 - days_before)
    assert run(day).reminded == reminded
    assert run(day).reminded == 0
    assert set(Reminder.objects.values_list("topic", flat=True)) <= {"hla_b"}


def test_reminded_when_it_is_overdue() -> None:
    deliver(record(*ORDERED))
    run(VISITED + timedelta(days=15))
    assert Reminder.objects.get().title_zh == "12196B 檢測結果已逾期"


# --- the list of births -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("mother,birth\nA123456789,1120920", "sex"),
        ("mother,birth,sex\nA123456780,1120920,M", "line 2"),
        ("mother,birth,sex\nA123456789,1120920,M\nA123456789,1121320,M", "line 3"),
        ("mother,birth,sex\nA123456789,1120920,X", "line 2"),
        ("mother,birth,sex,father\nA123456789,1120920,M,B", "line 2"),
        ("mother,birth,sex", "empty"),
    ],
)
def test_a_list_with_a_mistake_is_refused_and_names_nobody(content: str, told: str) -> None:
    with pytest.raises(BadList) as refusal:
        births.load(content.encode(), "births.csv", None, None, NEXT_DAY)
    assert told in refusal.value.en
    assert "A1234" not in str(refusal.value)
    assert not BirthList.objects.exists()


def test_a_newer_list_takes_the_place_of_the_older_one() -> None:
    first = load(f"{PARENT},1120920,M")
    assert load(f"{PARENT},1120920,M").pk == first.pk
    load(f"{PARENT},1120920,男", f"{PARENT},1120921,2", as_of=REGISTERED + timedelta(days=1))
    assert [(each.born.day, each.sex) for each in Birth.objects.order_by("born")] == [(20, "M"), (21, "F")]
    with pytest.raises(BadList, match="newer"):
        load(f"{PARENT},1120920,M")


@pytest.mark.parametrize(("since", "as_of"), [(date(2023, 9, 21), REGISTERED), (date(2023, 1, 1), date(2023, 9, 19))])
def test_births_outside_the_days_of_the_list_are_refused(since: date, as_of: date) -> None:
    with pytest.raises(BadList, match="outside"):
        load(f"{PARENT},1120920,M", since=since, as_of=as_of)


# --- people -------------------------------------------------------------------------------------------------


@pytest.fixture
def case() -> Case:
    deliver(record(*ORDERED))
    run(VISITED + timedelta(days=1))
    return only_case()


@pytest.fixture
def clerk(clinic: Any) -> User:
    return people.user("clerk", institution=clinic)


@pytest.fixture
def officer() -> User:
    return people.user("officer", division=1)


def test_explained_returned_explained_accepted(case: Case, clerk: User, officer: User) -> None:
    acting.act(case, "explain", clerk, "尚未執行", NEXT_DAY)
    returned = acting.act(case, "return", officer, "請附日期", NEXT_DAY + timedelta(days=20))
    assert (returned.state, returned.due) == (State.OPEN, date(2023, 12, 6))
    acting.act(case, "explain", clerk, "11 月 3 日取消", NEXT_DAY + timedelta(days=21))
    assert acting.act(case, "accept", officer, "", NEXT_DAY + timedelta(days=22)).state == State.ACCEPTED
    names = list(case.steps.order_by("pk").values_list("name", flat=True))
    assert names == ["found", "explained", "returned", "explained", "accepted"]
    assert Entry.objects.filter(action__startswith="followup.", subject=f"case {case.pk}").count() == 4
    # and the job leaves it alone, however late
    run(VISITED + timedelta(days=60))
    assert only_case().state == State.ACCEPTED


@pytest.mark.parametrize(
    ("role", "state", "action", "remark", "why"),
    [
        ("clerk", "open", "explain", "", Why.REMARK),
        ("clerk", "overdue", "explain", "說明", None),
        ("clerk", "explained", "explain", "說明", Why.NOT_NOW),
        ("clerk", "corrected", "explain", "說明", Why.NOT_NOW),
        ("clerk", "explained", "accept", "說明", Why.NOT_NOW),
        ("officer", "open", "accept", "", Why.NOT_NOW),
        ("officer", "explained", "return", "", Why.REMARK),
        ("officer", "explained", "accept", "", None),
        ("supervisor", "explained", "return", "理由", None),
        ("headquarters", "explained", "accept", "", Why.NOT_NOW),
    ],
)
def test_who_may_do_what_when(
    case: Case, clinic: Any, role: str, state: str, action: str, remark: str, why: Why | None
) -> None:
    Case.objects.update(state=state)
    user = people.user(role, **({"institution": clinic} if role == "clerk" else {}))
    if why is None:
        acting.act(case, action, user, remark, NEXT_DAY)
        assert only_case().state != state
        return
    with pytest.raises(CannotAct, match=why):
        acting.act(case, action, user, remark, NEXT_DAY)
    assert only_case().state == state


def test_the_history_is_only_added_to(case: Case) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        Step._base_manager.update(remark="another")
    with pytest.raises(TypeError):
        case.steps.get().delete()


def test_pages_and_file_hide_whom_it_is_about(
    case: Case, clerk: User, officer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NEXT_DAY)
    for user in (clerk, officer):
        client = people.signed_in(Client(), user)
        told = [client.get(reverse("followup:cases")), client.get(reverse("followup:case", args=[case.pk]))]
        content = client.get(reverse("followup:cases_csv")).content.decode("utf-8-sig")
        assert [PARENT in each.content.decode() for each in told] == [False, False]
        rows = list(csv.DictReader(io.StringIO(content)))
        assert [(row["身分證號（遮蔽）"], row["期限"]) for row in rows] == [("A******789", "112/10/30")]
    stranger = people.signed_in(Client(), people.user("officer", division=2))
    assert stranger.get(reverse("followup:cases_csv")).content.decode().count("\n") == 1


def test_the_institution_explains_on_the_page(case: Case, clerk: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NEXT_DAY)
    client = people.signed_in(Client(), clerk)
    answer = client.post(reverse("followup:act", args=[case.pk, "explain"]), {"remark": "尚未執行"}, follow=True)
    assert "已送出說明" in answer.content.decode()
    assert only_case().state == State.EXPLAINED


# --- command and demo ---------------------------------------------------------------------------------------


def test_the_command_loads_runs_and_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nhicard.insurer.operations.database.why_unusable", lambda: "")
    monkeypatch.setattr(clock, "now", lambda: datetime(2023, 12, 1, 9, 0))
    deliver(record(*TWIN))
    file = tmp_path / "births.csv"
    file.write_text(f"mother,birth,sex\n{PARENT},1120920,M\n", encoding="utf-8")
    loaded = CliRunner().invoke(app, ["followup", "load", str(file), "--since", "2023-01-01", "--as-of", "2023-12-01"])
    assert loaded.exit_code == 0
    told = CliRunner().invoke(app, ["followup", "run", "--as-of", "2023-12-01"])
    assert (told.exit_code, "found: 1" in told.output) == (0, True)
    assert CliRunner().invoke(app, ["followup", "run", "--as-of", "2023-12-02"]).exit_code == 2
    file.write_text("mother,birth,sex\nX,1120920,M\n", encoding="utf-8")
    assert CliRunner().invoke(app, ["followup", "load", str(file)]).exit_code == 2
    assert CliRunner().invoke(app, ["followup", "load", str(tmp_path / "none.csv")]).exit_code == 2


def test_the_demo_has_cases_of_both_kinds_and_is_seeded_once(clerk: User) -> None:
    people.user("clerk")
    made = made_up.seed(datetime(2026, 3, 10, 9, 30))
    assert made == made_up.seed(datetime(2026, 3, 10, 9, 30)) + made
    found = set(Case.objects.values_list("kind", "state"))
    assert {("newborn", "open"), ("newborn", "explained"), ("hla_b", "open"), ("hla_b", "overdue")} <= found
