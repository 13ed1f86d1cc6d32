"""From 1.0 to 2.0 and back, through the real intake; and how it stood on any day."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from tests.insurer.applications import office
from tests.insurer.applications.office import NOW, TODAY, Office
from tests.insurer.intake.clients import worker

from nhicard.checks.cases.cases import base_record, changed
from nhicard.formats.batch import build
from nhicard.formats.writer import write
from nhicard.insurer import clock
from nhicard.insurer.applications.models import Change, EditionChange, State
from nhicard.insurer.applications.services import cases, progress, switching
from nhicard.insurer.applications.services.guards import Order
from nhicard.insurer.applications.services.refusals import Refused
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.intake.kinds import KINDS, Channel
from nhicard.insurer.intake.models import EditionState, Finding
from nhicard.insurer.intake.services import receiving
from nhicard.insurer.intake.services.receiving import Upload

pytestmark = pytest.mark.django_db
CLINIC = "3501200000"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = datetime(2023, 10, 20, 12)


@pytest.fixture
def clinic() -> Office:
    return office.opened()


class Intake:
    """Uploads at a moment, each a record that was not sent before, and a worker."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch, self.sent = monkeypatch, 0

    def upload(self, kind: str, now: datetime) -> set[str]:
        """Codes that refuse the file."""
        self.monkeypatch.setattr(clock, "now", lambda: now)
        self.sent += 1
        edition = KINDS[kind].edition
        visit, orders = ("A17", "A71") if edition == "1.0" else ("M11", "D01")
        time = f"11210160930{self.sent:02d}"
        changes = [f"{visit}={time}", f"{orders}[1]={time}", f"{orders}[2]={time}"]
        changes += [f"M15=1A2B3C4D5E6F7G8H9J{self.sent:02d}"] if edition == "2.0" else []
        record = changed(edition, base_record(edition, "bases", "outpatient"), tuple(changes))
        content = write(build(edition, [record]))
        submission = receiving.receive(Upload(CLINIC, "SAM000000001", Channel.WEB_API, kind, content), now)
        while worker(as_of=now).once():
            pass
        rejecting = Finding.objects.filter(submission=submission).exclude(severity="warn")
        return set(rejecting.values_list("code", flat=True))


@pytest.fixture
def intake(monkeypatch: pytest.MonkeyPatch) -> Intake:
    return Intake(monkeypatch)


def test_the_whole_way_there_and_back(intake: Intake) -> None:
    # before H1: pre-checks only
    clinic = office.opened(now=NOON)
    assert intake.upload("A1", NOON - 2 * DAY) == {"Y016"}
    assert intake.upload("A2", NOON - 2 * DAY) == set()
    # qualified, then approved from the next day: 1.0 goes on until the first 2.0 record for real is accepted
    clinic.agreed(now=NOON, day=NOON.date() + DAY)
    begun = datetime(2023, 10, 21)
    assert intake.upload("B1", begun) == set()
    assert intake.upload("A1", begun + HOUR) == set()
    assert EditionState.objects.get(institution=CLINIC).switched_at == begun + HOUR
    assert intake.upload("B1", begun + 2 * HOUR) == {"Y000"}
    assert intake.upload("B2", begun + 2 * HOUR) == {"Y000"}
    # a return is agreed for a later day: until then nothing changes
    back = datetime(2023, 10, 23)
    clinic.agreed("return10", now=begun + 3 * HOUR, day=back.date())
    assert intake.upload("B1", back - timedelta(seconds=1)) == {"Y000"}
    assert intake.upload("B1", back) == set()
    # 2.0 for real no longer switches, until it is approved anew
    assert intake.upload("A1", back + HOUR) == set()
    assert intake.upload("B1", back + 2 * HOUR) == set()
    clinic.agreed(now=back + 3 * HOUR)
    assert intake.upload("A1", back + 4 * HOUR) == set()
    assert intake.upload("B1", back + 5 * HOUR) == {"Y000"}
    kinds = EditionChange.objects.order_by("number").values_list("kind", flat=True)
    assert list(kinds) == ["admitted", "switched", "returned", "admitted", "switched"]


def test_2_0_between_h1_and_the_approval_is_kept_and_switches_nothing(intake: Intake) -> None:
    office.opened(now=NOON)
    assert intake.upload("A1", NOON) == set()
    assert intake.upload("B1", NOON + HOUR) == set()
    assert not EditionChange.objects.exists()


def test_a_refused_2_0_file_switches_nothing(clinic: Office, intake: Intake) -> None:
    clinic.agreed()
    EditionState.objects.filter(institution=CLINIC).update(qualified_at=None)
    assert intake.upload("A1", NOW) == {"Y016"}
    assert switching.standing(CLINIC, NOW) == Change.ADMITTED


def test_it_is_switched_once(clinic: Office) -> None:
    clinic.agreed()
    assert switching.first_real_upload([CLINIC, "3501200019"], NOW) == [CLINIC]
    assert switching.first_real_upload([CLINIC], NOW + HOUR) == []
    assert EditionState.objects.get(institution=CLINIC).switched_at == NOW
    assert Entry.objects.filter(action="edition.switched", institution=CLINIC).count() == 1


def test_a_return_that_is_agreed_before_the_switch_ends_it_all_the_same(clinic: Office) -> None:
    clinic.agreed()
    clinic.agreed("return10", NOW + HOUR, TODAY + 3 * DAY)
    assert switching.first_real_upload([CLINIC], NOW + DAY) == [CLINIC]
    back = datetime.combine(TODAY + 3 * DAY, datetime.min.time())
    assert switching.carry_out_due(back - timedelta(seconds=1)) == 0
    assert switching.carry_out_due(back) == 1
    assert switching.carry_out_due(back) == 0
    assert switching.standing(CLINIC, back) == Change.RETURNED


def test_how_it_stood_on_any_day_can_be_replayed(clinic: Office) -> None:
    clinic.agreed(day=TODAY + 2 * DAY)
    switching.first_real_upload([CLINIC], NOW + 3 * DAY)
    clinic.agreed("return10", NOW + 4 * DAY, TODAY + 6 * DAY)
    told = {
        TODAY + 1 * DAY: None,
        TODAY + 2 * DAY: None,  # midnight opens the day that was agreed
        TODAY + 3 * DAY: Change.ADMITTED,
        TODAY + 5 * DAY: Change.SWITCHED,
        TODAY + 7 * DAY: Change.RETURNED,
    }
    found = {day: switching.standing(CLINIC, _start(day) - timedelta(seconds=1)) for day in told}
    assert found == told
    # what was known on the fourth day did not yet hold the return
    known = switching.changes(CLINIC, _start(TODAY + 9 * DAY), known_at=NOW + 3 * DAY)
    assert [each.kind for each in known] == [Change.ADMITTED, Change.SWITCHED]


def _start(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time())


def test_nothing_is_changed_behind_a_later_change(clinic: Office) -> None:
    clinic.agreed(day=TODAY + 5 * DAY)
    case = clinic.submitted("return10")
    order = Order(effective_from=TODAY + 4 * DAY)
    cases.act(case.pk, "propose-agree", clinic.officer, NOW, order)
    with pytest.raises(Refused, match="later_change"):
        cases.act(case.pk, "agree", clinic.supervisor, NOW, order)
    assert cases.locked(case.pk).state == State.SUPERVISOR
    with pytest.raises(TypeError):
        EditionChange.objects.update(effective_at=NOW)
    with pytest.raises(TypeError):
        EditionChange.objects.get().delete()


@pytest.mark.parametrize(
    "statement", ["UPDATE applications_editionchange SET number = 9", "DELETE FROM applications_event"]
)
def test_the_database_itself_refuses_to_change_what_happened(clinic: Office, statement: str) -> None:
    clinic.agreed()
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_two_approvals_of_the_same_are_one(clinic: Office) -> None:
    case = clinic.agreed()
    with pytest.raises(Refused, match="changes_nothing"):
        switching.decided(case, Change.ADMITTED, TODAY, NOW)


def test_progress_is_told_as_of_any_moment(clinic: Office) -> None:
    applied, agreed, effective = NOW + HOUR, NOW + 2 * HOUR, _start(TODAY + DAY)
    case = clinic.submitted(now=applied)
    cases.act(case.pk, "agree", clinic.officer, agreed, Order(effective_from=TODAY + DAY))
    switching.first_real_upload([CLINIC], effective + HOUR)
    clinic.agreed("return10", effective + 2 * HOUR)
    codes = {
        NOW - 2 * DAY: (),
        NOW: ("H1",),
        applied: ("H1", "H2"),
        agreed: ("H1", "H2"),
        effective: ("H1", "H2", "H3"),
        effective + HOUR: ("H1", "H2", "H3"),
        effective + 2 * HOUR: ("H1",),
    }
    assert {at: progress.of(CLINIC, at).codes for at in codes} == codes
    assert progress.of(CLINIC, effective + HOUR).switched_at == effective + HOUR
    assert progress.of(CLINIC, effective).switched_at is None
    assert progress.of("3501200019", NOW).codes == ()


@pytest.mark.parametrize(("action", "who"), [("withdraw", "representative"), ("refuse", "officer")])
def test_an_application_that_came_to_nothing_is_no_h2(clinic: Office, action: str, who: str) -> None:
    case = clinic.submitted()
    cases.act(case.pk, action, getattr(clinic, who), NOW + HOUR, Order(reason="測試理由"))
    assert progress.of(CLINIC, NOW).codes == ("H1", "H2")
    assert progress.of(CLINIC, NOW + HOUR).codes == ("H1",)
