"""Findings from the job to the end: asked, answered, upheld and published, or marked, confirmed and not found again."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from tests.insurer.portal import people
from tests.insurer.virtualcards.virtual_weeks import visit
from typer.testing import CliRunner

from nhicard.cli.app import app
from nhicard.formats.claims import build, write
from nhicard.insurer import clock
from nhicard.insurer.absences.services import claims
from nhicard.insurer.accounts.models import User
from nhicard.insurer.announcements.models import Announcement
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.cases.acting import CannotAct, Why
from nhicard.insurer.detectors.models import Evidence, FactKind, FactList, Finding, State, Step
from nhicard.insurer.detectors.services import acting, facts, gathering, made_up, publishing, running
from nhicard.insurer.hours.models import RegularHours
from nhicard.insurer.intake.models import Visit
from nhicard.insurer.registry.models import Institution, StaffMember
from nhicard.insurer.reminders.models import Reminder

pytestmark = pytest.mark.django_db
CLINIC = "3501200000"
PATIENT, DOCTOR = "A123456789", "B123456780"
MONTH, DAY = date(2026, 3, 1), date(2026, 3, 3)  # a Tuesday
NOW = datetime(2026, 4, 2, 9)


@pytest.fixture(autouse=True)
def clinic() -> Institution:
    return people.institution(CLINIC)


@pytest.fixture
def clerk(clinic: Institution) -> User:
    return people.user("clerk", institution=clinic)


@pytest.fixture
def officer() -> User:
    return people.user("officer", division=1)


@pytest.fixture
def supervisor() -> User:
    return people.user("supervisor", division=1)


def roc(day: date) -> str:
    return f"{day.year - 1911:03d}{day:%m%d}"


def seen(clinic: Institution, day: date = DAY, **told: Any) -> Visit:
    base = {"patient_id": PATIENT, "staff_id": DOCTOR, "visit_time": f"{roc(day)}093000", "upload_kind": "A"}
    return visit(clinic, day, **(base | told))


def died(day: date) -> None:
    facts.load(FactKind.DEATHS, f"person,died\n{PATIENT},{roc(day)}".encode(), "deaths.csv", NOW)


def run(now: datetime = NOW, **settings: Any) -> running.Outcome:
    return running.run(MONTH, now, settings)


def dead_patient(clinic: Institution) -> Finding:
    """A finding: a visit a day after the death."""
    seen(clinic)
    died(DAY - timedelta(days=1))
    assert run().found == 1
    return Finding.objects.get()


def names(finding: Finding) -> list[str]:
    return list(finding.steps.order_by("pk").values_list("name", flat=True))


# --- the job ------------------------------------------------------------------------------------------------


def test_a_finding_has_its_evidence_and_the_job_again_changes_nothing(clinic: Institution) -> None:
    finding = dead_patient(clinic)
    assert (finding.detector, finding.institution, finding.person, finding.day) == ("after_death", CLINIC, PATIENT, DAY)
    assert finding.evidence.get().visit == Visit.objects.get()
    before = list(Finding.objects.values()), list(Step.objects.values()), list(Evidence.objects.values())
    assert run() == running.Outcome(0, 0, 0)
    assert (list(Finding.objects.values()), list(Step.objects.values()), list(Evidence.objects.values())) == before


@pytest.mark.parametrize("told", [{"is_precheck": True}, {"state": "rejected"}, {"state": "deleted"}])
def test_only_real_records_in_force_are_looked_at(clinic: Institution, told: dict[str, Any]) -> None:
    seen(clinic, **told)
    died(DAY - timedelta(days=1))
    assert run().found == 0


def test_a_month_that_is_not_over_is_not_run() -> None:
    for now, is_over in ((datetime(2026, 3, 31, 23), False), (datetime(2026, 4, 1, 0), True)):
        if is_over:
            running.run(MONTH, now)
        else:
            with pytest.raises(running.CannotRun):
                running.run(MONTH, now)


def test_claims_and_stays_out_of_claims_are_looked_at(clinic: Institution) -> None:
    stay = {
        "d1": "1",
        "d2": "1",
        "d3": PATIENT,
        "d10": roc(DAY - timedelta(days=2)),
        "d11": roc(DAY + timedelta(days=2)),
    }
    outpatient = {"d1": "01", "d2": "7", "d3": PATIENT, "d9": roc(DAY), "d30": DOCTOR}
    for kind, case in (("inpatient", stay), ("outpatient", outpatient)):
        told = {"t1": "10" if kind == "outpatient" else "20", "t2": CLINIC, "t3": "11503"}
        claims.load(write(build(kind, told, [(case, [])])), NOW)  # type: ignore[arg-type]
    seen(clinic)
    run()
    finding = Finding.objects.get()
    assert finding.detector == "while_hospitalised"
    assert set(finding.evidence.values_list("claim", flat=True)) == {"", "outpatient 2026-03 01 7"}


def test_days_without_a_session_are_closed_where_hours_are_registered(clinic: Institution) -> None:
    people.institution()  # of which nothing is known
    open_on_mondays = "".join("N" if number % 7 == 0 else "Y" for number in range(21))
    RegularHours.objects.create(
        institution=clinic, specialty="00", valid_from=date(2026, 1, 1), cells=open_on_mondays, at=NOW
    )
    found = gathering.closed(date(2026, 3, 1), date(2026, 3, 8))
    assert set(found["institution"]) == {CLINIC}
    assert found["day"].to_list() == [date(2026, 3, day) for day in (1, 3, 4, 5, 6, 7, 8)]
    seen(clinic)
    run()
    assert Finding.objects.get().detector == "closed_day"


def test_a_correction_is_not_a_late_upload(clinic: Institution) -> None:
    late, first = datetime(2026, 3, 20), datetime(2026, 3, 3, 12)
    for number in range(5):
        made = seen(clinic, received_at=late, patient_id=f"P{number}")
        seen(clinic, received_at=first, key=made.key, state="replaced", patient_id=f"P{number}")
    assert run().found == 0
    Visit.objects.filter(state="replaced").update(received_at=late)
    assert run().found == 1


def test_settings_change_bounds_and_leave_detectors_out(clinic: Institution) -> None:
    for number in range(3):
        seen(clinic, patient_id=f"P{number}")
    assert run(impossible_volume={"most": 3}).found == 0
    assert run(impossible_volume={"most": 2, "enabled": False}).found == 0
    assert run(impossible_volume={"most": 2}).found == 1


# --- what becomes of it -------------------------------------------------------------------------------------


def test_asked_answered_and_accepted(clinic: Institution, clerk: User, officer: User) -> None:
    finding = dead_patient(clinic)
    acting.act(finding, "send", officer, "", NOW)
    told = Finding.objects.get()
    assert (told.state, told.sent_at, told.due) == (State.SENT, NOW, date(2026, 5, 2))
    assert Reminder.objects.get().topic == "detectors"
    with pytest.raises(CannotAct) as refusal:
        acting.act(finding, "answer", clerk, "", NOW)
    assert refusal.value.why == Why.REMARK
    acting.act(finding, "answer", clerk, "登打錯誤", NOW)
    acting.act(finding, "accept", officer, "", NOW)
    assert names(finding) == ["found", "sent", "answered", "accepted"]
    with pytest.raises(CannotAct):
        acting.act(finding, "answer", clerk, "再說明", NOW)


def test_a_false_positive_takes_two_and_does_not_come_back_for_the_same_evidence(
    clinic: Institution, officer: User, supervisor: User
) -> None:
    finding = dead_patient(clinic)
    with pytest.raises(CannotAct) as refusal:
        acting.act(finding, "mark", supervisor, "", NOW)
    assert refusal.value.why == Why.REMARK
    acting.act(finding, "mark", supervisor, "戶政資料有誤", NOW)
    with pytest.raises(CannotAct) as refusal:
        acting.act(finding, "confirm", supervisor, "", NOW)
    assert refusal.value.why == Why.SAME_PERSON
    acting.act(finding, "refuse", supervisor, "請附資料", NOW)
    acting.act(finding, "mark", officer, "戶政已更正", NOW)
    acting.act(finding, "confirm", supervisor, "", NOW)
    assert run() == running.Outcome(0, 0, 0)
    assert Finding.objects.get().state == State.DISMISSED
    # the same record uploaded again is the same evidence; another visit is not
    Visit.objects.update(state="replaced")
    seen(clinic, key=Visit.objects.get().key)
    assert run() == running.Outcome(0, 0, 0)
    seen(clinic, DAY + timedelta(days=1))
    assert run().more == 1
    assert (Finding.objects.get().state, names(finding)[-1]) == (State.NEW, "reopened")


def test_what_was_corrected_is_cleared_and_comes_back_with_the_fault(clinic: Institution, officer: User) -> None:
    finding = dead_patient(clinic)
    acting.act(finding, "send", officer, "", NOW)
    Visit.objects.update(patient_id="A223456781")
    assert run().cleared == 1
    assert Finding.objects.get().state == State.CLEARED
    assert not Evidence.objects.get().is_current
    Visit.objects.update(patient_id=PATIENT)
    assert run().more == 1
    assert Finding.objects.get().state == State.NEW


def test_an_answer_does_not_speak_of_what_is_found_later(clinic: Institution, clerk: User, officer: User) -> None:
    finding = dead_patient(clinic)
    acting.act(finding, "send", officer, "", NOW)
    acting.act(finding, "answer", clerk, "登打錯誤", NOW)
    seen(clinic, DAY + timedelta(days=1))
    run()
    assert (Finding.objects.get().state, names(finding)[-1]) == (State.SENT, "more")


def test_history_is_only_added_to(clinic: Institution) -> None:
    dead_patient(clinic)
    step = Step.objects.get()
    with pytest.raises(TypeError):
        step.save()
    with pytest.raises(TypeError):
        step.delete()
    for change in (lambda: Step._base_manager.update(name="x"), lambda: Step._base_manager.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


# --- case texts ---------------------------------------------------------------------------------------------


def upheld(clinic: Institution, supervisor: User) -> Finding:
    finding = dead_patient(clinic)
    acting.act(finding, "send", supervisor, "", NOW)
    return acting.act(finding, "uphold", supervisor, "查證屬實", NOW)


def test_a_draft_tells_nothing_and_is_published_once(clinic: Institution, supervisor: User) -> None:
    finding = upheld(clinic, supervisor)
    title, body = publishing.draft(finding)
    assert "某診所" in body
    publishing.check(finding, title, body)
    made = publishing.publish_case(finding, title, body, supervisor, NOW)
    assert (made.section, made.divisions, made.body) == ("contracted", [1], body)
    with pytest.raises(PermissionDenied):
        publishing.publish_case(finding, title, body, supervisor, NOW)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (PATIENT, "code"),
        (CLINIC, "code"),
        ("測試000的案例", "institution"),
        ("測試醫師甲看診", "person"),
        ("115年3月3日就醫", "day"),
        ("115/03/03 就醫", "day"),
        ("1150303", "day"),
        ("2026-03-03", "day"),
    ],
)
def test_a_text_that_tells_whose_case_it_is_is_refused(
    clinic: Institution, supervisor: User, told: str, why: str
) -> None:
    StaffMember.objects.create(id_no=DOCTOR, name="測試醫師甲")
    finding = upheld(clinic, supervisor)
    with pytest.raises(publishing.Tells) as refusal:
        publishing.publish_case(finding, "案例", told, supervisor, NOW)
    assert str(refusal.value) == f"detectors.tells.{why}"
    assert not Announcement.objects.exists()


@pytest.mark.parametrize("told", ["115年3月30日起", "115年間某月", "60 人次"])
def test_a_text_that_tells_nothing_is_let_through(clinic: Institution, supervisor: User, told: str) -> None:
    publishing.check(upheld(clinic, supervisor), told)


# --- lists, pages, commands ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "content", "told"),
    [
        ("deaths", "person\nA123456789", "died"),
        ("deaths", "person,died\nA123456788,1150303", "line 2"),
        ("deaths", "person,died\nA123456789,", "line 2"),
        ("stays", "person,admitted,discharged\nA123456789,1150303,1150302", "line 2"),
        ("stays", "person,admitted,discharged\nA123456789,1150303,\nA123456789,,1150302", "line 3"),
    ],
)
def test_a_list_that_is_not_right_changes_nothing(kind: str, content: str, told: str) -> None:
    with pytest.raises(facts.BadList) as refusal:
        facts.load(FactKind(kind), content.encode(), "list.csv", NOW)
    assert told in refusal.value.en
    assert not FactList.objects.exists()


def test_the_newest_list_holds_and_of_the_older_nothing_is_kept() -> None:
    died(DAY)
    died(DAY + timedelta(days=1))
    assert facts.newest(FactKind.DEATHS).collect()["died"].to_list() == [DAY + timedelta(days=1)]
    assert [bool(each.content) for each in FactList.objects.order_by("pk")] == [False, True]


def test_an_institution_sees_what_was_sent_and_no_internal_remark(
    clinic: Institution, clerk: User, officer: User, supervisor: User
) -> None:
    finding = dead_patient(clinic)
    client, page = people.signed_in(Client(), clerk), reverse("detectors:finding", args=[finding.pk])
    assert client.get(page).status_code == 404
    assert "共 0 件" in client.get(reverse("detectors:list")).content.decode()
    acting.act(finding, "send", officer, "請核對", NOW)
    acting.act(finding, "answer", clerk, "登打錯誤", NOW)
    acting.act(finding, "mark", officer, "內部意見", NOW)
    told = client.get(page).content.decode()
    assert "登打錯誤" in told
    assert "內部意見" not in told
    assert PATIENT not in told
    assert Entry.objects.filter(action="detectors.seen", actor=clerk.username).count() == 1


def test_files_hide_people(clinic: Institution, officer: User) -> None:
    finding = dead_patient(clinic)
    client = people.signed_in(Client(), officer)
    for name, arguments in (("csv", []), ("evidence", [finding.pk])):
        file = client.get(reverse(f"detectors:{name}", args=arguments)).content.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(file)))
        assert [row["病患（遮蔽）"] for row in rows] == ["A******789"]
        assert PATIENT not in file
    assert Entry.objects.filter(action="detectors.downloaded").count() == 2


def test_what_another_institution_did_stays_hidden(clinic: Institution, clerk: User, officer: User) -> None:
    seen(people.institution(), identifier="ABCDEFGHIJKLMNOPQRST", patient_id="A223456781")
    seen(clinic, identifier="ABCDEFGHIJKLMNOPQRST")
    run()
    finding = Finding.objects.get()
    assert finding.institution == CLINIC
    acting.act(finding, "send", officer, "", NOW)
    told = people.signed_in(Client(), clerk).get(reverse("detectors:finding", args=[finding.pk])).content.decode()
    others = Evidence.objects.exclude(institution=CLINIC).get()
    assert others.institution not in told
    assert "其他院所" in told


def test_the_page_publishes(clinic: Institution, supervisor: User) -> None:
    finding = upheld(clinic, supervisor)
    client, page = people.signed_in(Client(), supervisor), reverse("detectors:publish", args=[finding.pk])
    assert "違規案例分析" in client.get(page).content.decode()
    assert client.post(page, {"title": "案例", "body": CLINIC}).status_code == 422
    assert client.post(page, {"title": "案例", "body": "某診所"}).status_code == 302
    assert client.get(page).status_code == 404
    assert Announcement.objects.get().body == "某診所"


def test_the_commands(clinic: Institution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nhicard.cli.detectors._ready", lambda home: None)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    seen(clinic)
    (tmp_path / "deaths.csv").write_text(f"person,died\n{PATIENT},{roc(DAY - timedelta(days=1))}\n")
    (tmp_path / "bad.toml").write_text("[nothing]\nmost = 1\n")

    def call(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["detectors", *arguments])

    assert "1 筆" in call("load", "deaths", str(tmp_path / "deaths.csv")).output
    assert "found: 1" in call("run").output
    assert call("run", "--month", "2026-04").exit_code == 2
    assert call("run", "--config", str(tmp_path / "bad.toml")).exit_code == 2
    assert call("load", "stays", str(tmp_path / "deaths.csv")).exit_code == 2


def test_the_demo(clinic: Institution, clerk: User, officer: User) -> None:
    seen(clinic)
    seen(clinic, patient_id="A223456781")
    assert [made_up.seed(NOW), made_up.seed(NOW)] == [2, 0]
    assert set(Finding.objects.values_list("state", flat=True)) == {State.ANSWERED, State.SENT}
