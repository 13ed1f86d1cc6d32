"""H1: once, for good, on evidence that nobody edits."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction
from tests.insurer.monitoring import worlds
from tests.insurer.monitoring.worlds import VPN, Visit

from nhicard.insurer import clock
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.intake.models import DayCount, EditionState
from nhicard.insurer.monitoring.models import Qualification
from nhicard.insurer.monitoring.services import evidence
from nhicard.insurer.monitoring.services.qualification import Outcome, qualify, qualify_one
from nhicard.insurer.monitoring.services.report import Counts, report

pytestmark = pytest.mark.django_db
GOOD, ROUNDED, BY_VPN, EMPTY, OLD = "3501200001", "3501200002", "3501200003", "3501200004", "3501200005"
DAY = date(2023, 10, 19)


def counted(institution: str, counts: Counts, day: date = DAY, category: str = "01") -> None:
    DayCount.objects.create(
        institution=institution,
        visit_date=day,
        category=category,
        accepted10=counts.a,
        matched_by_vpn=counts.by_vpn,
        matched_by_web=counts.by_web,
    )


@pytest.fixture
def several() -> None:
    counted(GOOD, Counts(5173, 0, 5173))
    counted(GOOD, Counts(3, 0, 3), DAY + timedelta(days=1), "AE")
    counted(ROUNDED, Counts(5173, 0, 5165))
    counted(BY_VPN, Counts(5173, 1, 5172))
    counted(EMPTY, Counts(9, 0, 9), date(2023, 10, 15))  # before the seven days
    counted(OLD, Counts(4, 0, 4))
    EditionState.objects.create(institution=OLD, qualified_at=worlds.TODAY - timedelta(days=30))


def test_who_meets_both_conditions_qualifies(several: None) -> None:
    assert qualify(worlds.TODAY) == Outcome(seen=4, already=1, qualified=1, not_yet=2)
    row = Qualification.objects.get()
    state = EditionState.objects.get(institution=GOOD)
    assert (row.institution, row.at, state.qualified_at) == (GOOD, worlds.TODAY, worlds.TODAY)
    assert not EditionState.objects.filter(institution__in=[ROUNDED, BY_VPN, EMPTY], qualified_at__isnull=False)
    assert EditionState.objects.get(institution=OLD).qualified_at == worlds.TODAY - timedelta(days=30)


def test_run_again_it_changes_nothing(several: None) -> None:
    qualify(worlds.TODAY)
    before = list(Qualification.objects.values()), list(Entry.objects.values()), list(EditionState.objects.values())
    assert qualify(worlds.TODAY + timedelta(hours=5)) == Outcome(seen=4, already=2, qualified=0, not_yet=2)
    assert qualify_one(GOOD, worlds.TODAY, "clerk") is None
    after = list(Qualification.objects.values()), list(Entry.objects.values()), list(EditionState.objects.values())
    assert before == after


def test_the_evidence_is_the_report_of_that_moment(several: None) -> None:
    found = report(GOOD, worlds.TODAY)
    qualify(worlds.TODAY)
    # when counters change afterwards
    DayCount.objects.filter(institution=GOOD).update(matched_by_web=0)
    # then what was decided on still stands, and can be computed again
    frozen = Qualification.objects.get().evidence
    assert evidence.thawed(frozen) == found
    assert evidence.thawed(frozen).qualifies
    assert evidence.digest(frozen) == frozen["digest"]
    assert frozen["conditions"] == {"all_matched": True, "all_by_web": True}
    assert frozen["total"] == {"a": 5176, "b": 5176, "by_vpn": 0, "by_web": 5176}
    assert not report(GOOD, worlds.TODAY).qualifies


def test_a_changed_evidence_no_longer_agrees_with_its_digest(several: None) -> None:
    qualify(worlds.TODAY)
    frozen = json.loads(json.dumps(Qualification.objects.get().evidence).replace("5173", "5174"))
    assert evidence.digest(frozen) != frozen["digest"]


@pytest.mark.parametrize("change", ["update", "delete"])
def test_the_database_keeps_qualifications_as_they_are(several: None, change: str) -> None:
    qualify(worlds.TODAY)
    rows = Qualification.objects.all()
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic():
        rows.update(institution=ROUNDED) if change == "update" else rows._raw_delete("default")
    assert Qualification.objects.get().institution == GOOD


def test_each_is_in_the_audit_log(several: None) -> None:
    qualify(worlds.TODAY)
    entry = Entry.objects.get()
    row = Qualification.objects.get()
    assert (entry.actor, entry.action, entry.institution) == ("nhicard qualify", "institution.qualified", GOOD)
    assert (entry.subject, entry.facts) == (f"qualification {row.pk}", {"digest": row.evidence["digest"]})


@pytest.mark.parametrize(
    ("as_of", "qualifies"),
    [
        (datetime(2023, 10, 19, 23, 59), False),  # the day itself is not over
        (datetime(2023, 10, 20, 0, 0), True),
        (datetime(2023, 10, 26, 23, 59), True),
        (datetime(2023, 10, 27, 0, 0), False),  # eight days later
    ],
)
def test_the_moment_says_which_days_count(as_of: datetime, qualifies: bool) -> None:
    counted(GOOD, Counts(7, 0, 7))
    assert qualify(as_of).qualified == int(qualifies)
    assert EditionState.objects.filter(institution=GOOD, qualified_at=as_of).exists() == qualifies


def test_more_than_one_page_of_institutions() -> None:
    for number in range(1203):
        counted(f"35{number:08d}", Counts(1, 0, 1 if number % 3 else 0))
    assert qualify(worlds.TODAY) == Outcome(seen=1203, already=0, qualified=802, not_yet=401)


def test_from_the_first_upload_to_h1(monkeypatch: pytest.MonkeyPatch) -> None:
    """A VPN pre-check stands in the way until the same visit is pre-checked by Web API."""
    monkeypatch.setattr(clock, "now", lambda: worlds.TODAY)
    visits = [Visit(number, DAY) for number in range(3)]
    worlds.deliver("B1", [each.record10() for each in visits], by=VPN)
    worlds.deliver("A2", [visits[0].record20()], by=VPN)
    last = worlds.deliver("A2", [each.record20() for each in visits[1:]])
    worlds.work()
    assert qualify_one(worlds.CLINIC, worlds.TODAY, "clerk", "clerk") is None
    last = worlds.deliver("A2", [visits[0].record20("M45=60")])
    worlds.work()
    row = qualify_one(worlds.CLINIC, worlds.TODAY, "clerk", "clerk")
    assert row is not None
    assert row.evidence["cells"] == [["2023-10-19", "01", 3, 0, 3]]
    assert row.evidence["counted_up_to"]["submission"] == last.pk
    # from now on 2.0 for real is admitted
    real = worlds.deliver("A1", [visits[0].record20()])
    worlds.work()
    real.refresh_from_db()
    assert (real.accepted, real.rejected) == (1, 0)
