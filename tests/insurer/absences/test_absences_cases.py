"""Cases from the list to the end: found in visits and claims, corrected, explained, upheld, overdue, reminded."""

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
from tests.insurer.portal import people
from tests.insurer.virtualcards.virtual_weeks import visit
from typer.testing import CliRunner

from nhicard.cli.app import app
from nhicard.formats.claims import build, write
from nhicard.insurer import clock
from nhicard.insurer.absences.models import Case, Claim, ClaimFile, Evidence, ListedAbsence, State, Step
from nhicard.insurer.absences.rules import rules
from nhicard.insurer.absences.services import acting, claims, finding, lists, made_up, reporting
from nhicard.insurer.absences.services.lists import BadList
from nhicard.insurer.absences.services.reporting import Journey, Refused, Why
from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.cases.acting import CannotAct
from nhicard.insurer.intake.models import Visit
from nhicard.insurer.registry.models import Institution
from nhicard.insurer.reminders.models import Reminder

pytestmark = pytest.mark.django_db
CLINIC = "3501200000"
ABSENT, STAND_IN, PATIENT = "A123456789", "A223456781", "B123456780"
EXIT, ENTRY = date(2026, 3, 2), date(2026, 3, 10)
RUN = date(2026, 3, 12)
DUE = RUN + timedelta(days=30)


@pytest.fixture(autouse=True)
def clinic() -> Institution:
    return people.institution(CLINIC)


@pytest.fixture
def clerk(clinic: Institution) -> User:
    return people.user("clerk", institution=clinic)


def moment(day: date, hour: int = 23) -> datetime:
    return datetime.combine(day, datetime.min.time()) + timedelta(hours=hour)


def roc(day: date | None) -> str:
    return f"{day.year - 1911:03d}{day:%m%d}" if day else ""


def load(*journeys: tuple[str, date, date | None], as_of: date = RUN) -> None:
    lines = ["physician,exit,entry,code", *(f"{who},{roc(out)},{roc(back)},D007" for who, out, back in journeys)]
    lists.load("\n".join(lines).encode(), "list.csv", as_of, moment(as_of, 8))


def treated(clinic: Institution, day: date, physician: str = ABSENT, **facts: Any) -> Visit:
    return visit(clinic, day, staff_id=physician, patient_id=PATIENT, **facts)


def find(day: date = RUN) -> finding.Outcome:
    return finding.find(day, moment(day))


def names(case: Case) -> list[str]:
    return list(case.steps.order_by("pk").values_list("name", flat=True))


def claim(kind: Any, *cases: dict[str, str], day: date = RUN) -> ClaimFile:
    numbered: list[Any] = [
        ({"d1": "01", "d2": str(number), "d3": PATIENT, **case}, []) for number, case in enumerate(cases, 1)
    ]
    totals = {"t1": "10" if kind == "outpatient" else "20", "t2": CLINIC, "t3": "11503", "t5": "1"}
    made = claims.load(write(build(kind, totals, numbered)), moment(day, 8))
    assert made
    return made


# --- what is found ------------------------------------------------------------------------------------------


def test_visits_and_claims_of_one_absence_are_one_case(clinic: Institution) -> None:
    load((ABSENT, EXIT, ENTRY))
    for day in (EXIT - timedelta(days=1), EXIT, EXIT + timedelta(days=1), ENTRY, ENTRY + timedelta(days=1)):
        treated(clinic, day)
    claim("outpatient", {"d9": roc(date(2026, 3, 4)), "d30": ABSENT}, {"d9": roc(date(2026, 3, 11)), "d30": ABSENT})
    claim("inpatient", {"d10": roc(date(2026, 3, 4)), "d11": roc(date(2026, 3, 8)), "d20": "D007"})
    assert find().found == 1
    case = Case.objects.get()
    assert (case.institution, case.physician, case.exit_on, case.entry_on) == (CLINIC, ABSENT, EXIT, ENTRY)
    rows = {(each.first_day, each.claim.partition(" ")[0], each.is_travel_day) for each in case.evidence.all()}
    assert rows == {
        (EXIT, "", True),
        (EXIT + timedelta(days=1), "", False),
        (ENTRY, "", True),
        (date(2026, 3, 4), "outpatient", False),
        (date(2026, 3, 4), "inpatient", False),
    }


def test_each_institution_and_each_journey_has_its_case(clinic: Institution) -> None:
    load((ABSENT, EXIT, EXIT), (ABSENT, ENTRY, None))
    other = people.institution()
    for place, day in ((clinic, EXIT), (clinic, ENTRY), (other, ENTRY)):
        treated(place, day)
    assert find().found == 3
    found = set(Case.objects.values_list("institution", "exit_on"))
    assert found == {(CLINIC, EXIT), (CLINIC, ENTRY), (other.code, ENTRY)}


@pytest.mark.parametrize("facts", [{"is_precheck": True}, {"state": "rejected"}, {"state": "replaced"}])
def test_only_real_records_in_force_are_looked_at(clinic: Institution, facts: dict[str, Any]) -> None:
    load((ABSENT, EXIT, ENTRY))
    treated(clinic, EXIT, **facts)
    assert find().found == 0


def test_the_job_again_changes_nothing(clinic: Institution) -> None:
    load((ABSENT, EXIT, ENTRY))
    treated(clinic, EXIT)
    find()
    before = list(Case.objects.values()), list(Step.objects.values()), list(Evidence.objects.values())
    again = find()
    assert (again.found, again.reopened, again.cleared, again.reminded) == (0, 0, 0, 0)
    assert (list(Case.objects.values()), list(Step.objects.values()), list(Evidence.objects.values())) == before


def test_days_are_run_in_order_and_not_in_advance() -> None:
    find()
    for day, now in ((RUN - timedelta(days=1), moment(RUN)), (RUN + timedelta(days=1), moment(RUN))):
        with pytest.raises(finding.CannotRun):
            finding.find(day, now)


def test_an_absence_older_than_the_look_back_is_left_alone(clinic: Institution) -> None:
    load((ABSENT, EXIT, ENTRY))
    treated(clinic, EXIT)
    last = ENTRY + timedelta(days=rules().look_back)
    assert find(last + timedelta(days=1)).found == 0


def test_an_absence_of_just_the_look_back_is_looked_at(clinic: Institution) -> None:
    load((ABSENT, EXIT, ENTRY))
    treated(clinic, EXIT)
    assert find(ENTRY + timedelta(days=rules().look_back)).found == 1


# --- what becomes of it -------------------------------------------------------------------------------------


def test_a_corrected_visit_is_gone_and_the_last_one_closes_the_case(clinic: Institution) -> None:
    load((ABSENT, EXIT, ENTRY))
    visits = [treated(clinic, EXIT), treated(clinic, ENTRY)]
    find()
    Visit.objects.filter(pk=visits[0].pk).update(state="replaced")
    assert find(RUN + timedelta(days=1)).cleared == 0
    assert [each.gone_at is None for each in Evidence.objects.order_by("first_day")] == [False, True]
    Visit.objects.filter(pk=visits[1].pk).update(staff_id=STAND_IN)
    assert find(RUN + timedelta(days=2)).cleared == 1
    assert Case.objects.get().state == State.CLEARED


def test_what_comes_back_after_the_correction_opens_the_case_again(clinic: Institution) -> None:
    load((ABSENT, EXIT, ENTRY))
    made = treated(clinic, EXIT)
    find()
    for day, physician in ((1, STAND_IN), (2, ABSENT)):
        Visit.objects.filter(pk=made.pk).update(staff_id=physician)
        find(RUN + timedelta(days=day))
    case = Case.objects.get()
    assert (case.state, case.due) == (State.OPEN, DUE + timedelta(days=2))
    assert names(case) == ["found", "cleared", "reopened"]


def test_a_claim_file_of_the_same_month_takes_the_place_of_the_earlier(clinic: Institution) -> None:
    load((ABSENT, EXIT, ENTRY))
    claim("outpatient", {"d9": roc(EXIT), "d30": ABSENT})
    find()
    claim("outpatient", {"d9": roc(EXIT), "d30": STAND_IN}, day=RUN + timedelta(days=1))
    assert find(RUN + timedelta(days=1)).cleared == 1
    assert (ClaimFile.objects.count(), Claim.objects.count()) == (1, 1)


def test_the_institution_explains_and_the_division_answers(clinic: Institution, clerk: User) -> None:
    load((ABSENT, EXIT, ENTRY))
    treated(clinic, EXIT)
    find()
    case, officer = Case.objects.get(), people.user("officer", division=1)
    supervisor = people.user("supervisor", division=1)
    with pytest.raises(CannotAct):
        acting.act(case, "explain", clerk, "", moment(RUN))
    acting.act(case, "explain", clerk, "當日上午看診後出境", moment(RUN))
    acting.act(case, "return", officer, "請附掛號紀錄", moment(RUN + timedelta(days=3)))
    assert Case.objects.get().due == RUN + timedelta(days=33)
    acting.act(case, "explain", clerk, "附上", moment(RUN + timedelta(days=4)))
    with pytest.raises(CannotAct):
        acting.act(case, "uphold", officer, "不符", moment(RUN + timedelta(days=5)))
    acting.act(case, "uphold", supervisor, "與紀錄不符", moment(RUN + timedelta(days=5)))
    assert names(case) == ["found", "explained", "returned", "explained", "upheld"]
    assert find(RUN + timedelta(days=6)).reopened == 0


def test_an_accepted_case_opens_again_for_other_visits_only(clinic: Institution, clerk: User) -> None:
    load((ABSENT, EXIT, ENTRY))
    treated(clinic, EXIT)
    find()
    case = Case.objects.get()
    acting.act(case, "explain", clerk, "出境前看診", moment(RUN))
    acting.act(case, "accept", people.user("officer", division=1), "", moment(RUN))
    assert find(RUN + timedelta(days=1)).reopened == 0
    treated(clinic, EXIT + timedelta(days=1))
    assert find(RUN + timedelta(days=2)).reopened == 1


def test_an_explanation_does_not_speak_of_what_is_found_later(clinic: Institution, clerk: User) -> None:
    load((ABSENT, EXIT, ENTRY))
    treated(clinic, EXIT)
    find()
    acting.act(Case.objects.get(), "explain", clerk, "出境前看診", moment(RUN))
    treated(clinic, EXIT + timedelta(days=1))
    find(RUN + timedelta(days=1))
    case = Case.objects.get()
    assert (case.state, names(case)) == (State.OPEN, ["found", "explained", "more"])


def test_the_last_day_still_counts_and_the_next_is_overdue(clinic: Institution) -> None:
    load((ABSENT, EXIT, ENTRY))
    treated(clinic, EXIT)
    find()
    assert find(DUE).overdue == 0
    assert [find(DUE + timedelta(days=1)).overdue for _ in range(2)] == [1, 0]
    titles = list(Reminder.objects.order_by("pk").values_list("title_en", flat=True))
    assert titles == [
        "Visits name a physician who was abroad",
        "Cases of physicians abroad are due",
        "Cases of physicians abroad are overdue",
    ]


def test_history_is_only_added_to(clinic: Institution) -> None:
    load((ABSENT, EXIT, ENTRY))
    treated(clinic, EXIT)
    find()
    step = Step.objects.get()
    with pytest.raises(TypeError):
        step.save()
    with pytest.raises(TypeError):
        step.delete()
    for change in (lambda: Step._base_manager.update(name="x"), lambda: Step._base_manager.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


# --- reports ------------------------------------------------------------------------------------------------


def test_a_reported_journey_is_looked_at_and_names_who_stands_in(clinic: Institution, clerk: User) -> None:
    reporting.report(Journey(ABSENT, STAND_IN, EXIT, None), clerk, moment(EXIT, 8))
    treated(clinic, EXIT)
    treated(people.institution(), EXIT)  # elsewhere the report says nothing
    find()
    case = Case.objects.get()
    assert (case.institution, case.replacement, case.is_reported) == (CLINIC, STAND_IN, True)


def test_the_list_speaks_for_the_days_and_the_report_for_who_stands_in(clinic: Institution, clerk: User) -> None:
    reporting.report(Journey(ABSENT, STAND_IN, EXIT + timedelta(days=1), None), clerk, moment(EXIT, 8))
    load((ABSENT, EXIT, ENTRY))
    treated(clinic, EXIT)
    find()
    case = Case.objects.get()
    assert (case.exit_on, case.replacement, case.is_reported) == (EXIT, STAND_IN, False)


def test_a_withdrawn_report_says_nothing(clinic: Institution, clerk: User) -> None:
    made = reporting.report(Journey(ABSENT, STAND_IN, EXIT, ENTRY), clerk, moment(EXIT, 8))
    treated(clinic, EXIT)
    find()
    reporting.withdraw(made, clerk, moment(RUN, 23))
    assert find(RUN + timedelta(days=1)).cleared == 1


@pytest.mark.parametrize(
    ("journey", "why"),
    [
        (Journey("A123456788", STAND_IN, EXIT, ENTRY), Why.PHYSICIAN),
        (Journey(ABSENT, "A223456789", EXIT, ENTRY), Why.REPLACEMENT),
        (Journey(ABSENT, ABSENT, EXIT, ENTRY), Why.SAME),
        (Journey(ABSENT, STAND_IN, EXIT, EXIT - timedelta(days=1)), Why.DAYS),
        (Journey(PATIENT, STAND_IN, ENTRY, None), Why.OVERLAP),
        (Journey(ABSENT, PATIENT, EXIT - timedelta(days=3), EXIT), Why.AWAY),
    ],
)
def test_reports_that_are_refused(clerk: User, journey: Journey, why: Why) -> None:
    reporting.report(Journey(PATIENT, STAND_IN, EXIT, ENTRY), clerk, moment(EXIT, 8))
    with pytest.raises(Refused) as refusal:
        reporting.report(journey, clerk, moment(EXIT, 9))
    assert refusal.value.why == why


# --- lists --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("physician,exit\nA123456789,1150302", "entry"),
        ("physician,exit,entry\nA123456788,1150302,", "line 2"),
        ("physician,exit,entry\nA123456789,1150302,1150301", "line 2"),
        ("physician,exit,entry\nA123456789,1150302,\nA223456781,1150332,", "line 3"),
        ("physician,exit,entry\nA123456789,1150313,", "line 2"),
        ("physician,exit,entry\nA123456789,1150302,1150310\nA123456789,1150309,", "overlap"),
        ("physician,exit,entry\nA123456789,1150302,\nA123456789,1150305,1150306", "overlap"),
    ],
)
def test_a_list_that_is_not_right_changes_nothing(content: str, told: str) -> None:
    load((ABSENT, EXIT, ENTRY))
    with pytest.raises(BadList) as refusal:
        lists.load(content.encode(), "list.csv", RUN, moment(RUN))
    assert told in refusal.value.en
    assert "A12345678" not in str(refusal.value)
    assert ListedAbsence.objects.count() == 1


def test_the_newest_list_holds_and_an_older_one_is_refused() -> None:
    load((ABSENT, EXIT, None))
    load((ABSENT, EXIT, ENTRY), (STAND_IN, EXIT, ENTRY), as_of=RUN + timedelta(days=1))
    assert ListedAbsence.objects.filter(entry_on=ENTRY).count() == 2 == ListedAbsence.objects.count()
    with pytest.raises(BadList):
        load((ABSENT, EXIT, None))


# --- pages and commands -------------------------------------------------------------------------------------


def test_the_file_and_the_page_hide_who_it_is_and_the_look_is_written_down(clinic: Institution, clerk: User) -> None:
    load((ABSENT, EXIT, ENTRY))
    treated(clinic, EXIT)
    find()
    client = people.signed_in(Client(), clerk)
    case = Case.objects.get()
    page = client.get(reverse("absences:case", args=[case.pk])).content.decode()
    file = client.get(reverse("absences:cases_csv")).content.decode("utf-8-sig")
    for told in (page, file):
        assert not {ABSENT, PATIENT} & set(told.replace(",", " ").replace("<", " ").replace(">", " ").split())
        assert "A******789" in told
    assert [row["就醫上傳筆數"] for row in csv.DictReader(io.StringIO(file))] == ["1"]
    seen = Entry.objects.filter(action__in=["absences.seen", "absences.downloaded"])
    assert sorted(seen.values_list("subject", flat=True)) == sorted([f"case {case.pk}", "cases"])


def test_a_report_is_made_and_withdrawn_on_the_page(clinic: Institution, clerk: User) -> None:
    client = people.signed_in(Client(), clerk)
    told = {"physician": "a123456789 ", "replacement": STAND_IN, "exit_on": "115/03/02", "entry_on": ""}
    assert client.post(reverse("absences:reports"), told | {"exit_on": "115/13/02"}).status_code == 422
    assert client.post(reverse("absences:reports"), told).status_code == 302
    made = clinic.reported_absences.get()
    assert (made.physician, made.exit_on, made.entry_on) == (ABSENT, EXIT, None)
    client.post(reverse("absences:withdraw", args=[made.pk]))
    assert clinic.reported_absences.get().withdrawn_at is not None


def test_the_commands(clinic: Institution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nhicard.cli.absences._ready", lambda home: None)
    monkeypatch.setattr(clock, "now", lambda: moment(RUN))
    treated(clinic, EXIT)
    (tmp_path / "list.csv").write_text(f"physician,exit,entry\n{ABSENT},{roc(EXIT)},{roc(ENTRY)}\n")
    numbered: list[Any] = [({"d1": "01", "d2": "1", "d3": PATIENT, "d9": roc(EXIT), "d30": ABSENT}, [])]
    content = write(build("outpatient", {"t1": "10", "t2": CLINIC, "t3": "11503"}, numbered))
    (tmp_path / "TOTFA.xml").write_bytes(content)

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["absences", *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    assert "1 次出國" in run("load", str(tmp_path / "list.csv"))
    assert "1 件 cases" in run("claims", str(tmp_path / "TOTFA.xml"))
    assert "found: 1" in run("find", "--as-of", "2026-03-12")
    assert Evidence.objects.count() == 2
    (tmp_path / "list.csv").write_text("nothing")
    assert CliRunner().invoke(app, ["absences", "load", str(tmp_path / "list.csv")]).exit_code == 2


def test_the_demo(clinic: Institution, clerk: User) -> None:
    treated(clinic, EXIT)
    assert [made_up.seed(moment(RUN)), made_up.seed(moment(RUN))] == [1, 0]
    assert Case.objects.get().state == State.EXPLAINED
