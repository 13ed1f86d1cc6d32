"""What is on record decides: duplicates, deletions, corrections, refills, across uploads and within one."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.insurer.intake.clients import worker

from nhicard.checks.cases.cases import Record, base_record, changed
from nhicard.formats.batch import build
from nhicard.formats.writer import write
from nhicard.insurer import clock
from nhicard.insurer.intake.kinds import KINDS, Channel
from nhicard.insurer.intake.models import DayCount, EditionState, Finding, Refill, Submission, Visit, VisitState
from nhicard.insurer.intake.services import receiving
from nhicard.insurer.intake.services.receiving import Upload

NOON = datetime(2023, 10, 20, 12, 0)
CLINIC, PHARMACY, OTHER_PHARMACY = "3501200000", "5901010010", "5901010020"
PRESCRIPTION = "2B2B3C4D5E6F7G8H9J0K"


@pytest.fixture(autouse=True)
def qualified(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    for code in (CLINIC, PHARMACY, OTHER_PHARMACY):
        EditionState.objects.create(institution=code, qualified_at=NOON - timedelta(days=100))


def rec(base: str, *changes: str, family: str = "bases") -> Record:
    """A record of the rules' own cases, changed."""
    return changed("2.0", base_record("2.0", family, base), changes)


def deliver(*records: Record, kind: str = "A1", institution: str | None = None) -> Submission:
    """Receive an upload; it waits in the queue."""
    edition = KINDS[kind].edition
    content = write(build(edition, list(records)))
    sender = institution or records[0][0].get("M05") or records[0][0]["A14"]
    return receiving.receive(Upload(sender, "SAM000000001", Channel.WEB_API, kind, content), NOON)


def codes(submission: Submission) -> dict[int | None, set[str]]:
    """Codes that reject, by record."""
    found: dict[int | None, set[str]] = {}
    for finding in Finding.objects.filter(submission=submission).exclude(severity="warn"):
        found.setdefault(finding.record, set()).add(finding.code)
    return found


def upload(*records: Record, kind: str = "A1", institution: str | None = None) -> dict[int | None, set[str]]:
    """Receive and check an upload; codes that reject, by record."""
    submission = deliver(*records, kind=kind, institution=institution)
    while worker().once():
        pass
    return codes(submission)


OUTPATIENT = rec("outpatient")
DELETION = rec("outpatient", "H01=D")
AGAIN = rec("outpatient", "M13=0009")


def in_force() -> int:
    return Visit.objects.filter(state=VisitState.ACCEPTED).count()


def test_a_record_on_record_is_a_duplicate() -> None:
    assert upload(OUTPATIENT) == {}
    assert "C001" in upload(AGAIN)[1]
    assert in_force() == 1


def test_a_pre_check_sent_again_takes_the_place_of_the_first() -> None:
    assert upload(OUTPATIENT, kind="A2") == {}
    assert upload(AGAIN, kind="A2") == {}
    assert [visit.sequence for visit in Visit.objects.filter(state=VisitState.ACCEPTED)] == ["0009"]
    assert Visit.objects.filter(state=VisitState.REPLACED).count() == 1


def test_pre_checks_and_real_records_do_not_stand_in_each_others_way() -> None:
    assert upload(OUTPATIENT, kind="A2") == {}
    assert upload(OUTPATIENT) == {}
    assert in_force() == 2


def test_within_a_file_the_second_of_two_is_the_duplicate() -> None:
    found = upload(OUTPATIENT, AGAIN)
    assert "C001" in found[2]
    assert 1 not in found
    assert in_force() == 1


def test_two_uploads_of_one_batch_are_checked_in_their_order() -> None:
    first, second = deliver(OUTPATIENT), deliver(AGAIN)
    assert worker().once() == 2
    assert codes(first) == {}
    assert "C001" in codes(second)[1]


def test_deleted_and_sent_again_in_one_file() -> None:
    assert upload(OUTPATIENT) == {}
    assert upload(DELETION, AGAIN) == {}
    assert [(visit.state, visit.sequence) for visit in Visit.objects.order_by("id")] == [
        (VisitState.DELETED, "0001"),
        (VisitState.CARRIED_OUT, "0001"),
        (VisitState.ACCEPTED, "0009"),
    ]


def test_what_is_not_on_record_cannot_be_deleted() -> None:
    assert upload(DELETION)[1]
    assert not Visit.objects.exclude(state=VisitState.REJECTED).exists()


def test_line_numbers_survive_rounds() -> None:
    upload(OUTPATIENT)
    broken = rec("outpatient", "H01=D", "M03=A123456788")
    submission = deliver(DELETION, AGAIN, broken)
    worker().once()
    lines = Finding.objects.filter(submission=submission, record=3).values_list("line", flat=True)
    assert lines
    assert all(line and line > 40 for line in lines)


def test_a_rejected_record_blocks_nothing() -> None:
    assert upload(rec("outpatient", "M44=many"))[1]
    assert upload(OUTPATIENT) == {}


def test_before_h1_nothing_goes_in_for_real() -> None:
    EditionState.objects.all().delete()
    assert "Y016" in set().union(*upload(OUTPATIENT).values())
    assert in_force() == 0
    assert upload(OUTPATIENT, kind="A2") == {}


def test_after_the_switch_no_more_1_0() -> None:
    EditionState.objects.filter(institution=CLINIC).update(switched_at=NOON - timedelta(days=1))
    record = changed("1.0", base_record("1.0", "bases", "outpatient"), ())
    assert "Y000" in set().union(*upload(record, kind="B1").values())


def test_the_report_counts_what_is_in_force_and_matched() -> None:
    record = changed("1.0", base_record("1.0", "bases", "outpatient"), ())
    facts = record[0]
    assert upload(record, kind="B1") == {}
    count = DayCount.objects.get()
    assert (count.institution, count.category, count.accepted10, count.matched_by_web) == (
        facts["A14"],
        facts["A23"],
        1,
        0,
    )
    twin = rec(
        "outpatient", f"M03={facts['A12']}", f"M05={facts['A14']}", f"M11={facts['A17']}", f"D01[*]={facts['A17']}"
    )
    assert upload(twin, kind="A2") == {}
    count = DayCount.objects.get()
    assert (count.accepted10, count.matched_by_web, count.matched_by_vpn) == (1, 1, 0)


def test_a_precheck_is_counted_on_the_day_of_its_1_0_record() -> None:
    """A late card: 1.0 tells the actual day (A54), which 2.0 may tell otherwise (M49)."""
    record = changed("1.0", base_record("1.0", "bases", "outpatient"), ("A19=2", "A54=1121012"))
    facts = record[0]
    assert upload(record, kind="B1") == {}
    here = (f"M03={facts['A12']}", f"M05={facts['A14']}", f"M11={facts['A17']}", f"D01[*]={facts['A17']}")
    twin = rec("outpatient", *here)
    assert twin[0].get("M49") is None, "so that its own day is that of the tap"
    assert upload(twin, kind="A2") == {}
    count = DayCount.objects.get()
    assert (count.visit_date.day, count.accepted10, count.matched_by_web) == (12, 1, 1)


def refills() -> list[tuple[int, str, bool]]:
    """Number, who dispensed it, whether it is cancelled."""
    return list(Refill.objects.order_by("number").values_list("number", "dispensed_by", "cancelled"))


PRESCRIBED = rec("prescribed", family="refills")
SECOND = rec("pharmacy")


def test_the_first_refill_is_dispensed_with_the_prescription_the_next_by_a_pharmacy() -> None:
    assert upload(PRESCRIBED) == {}
    assert refills() == [(1, CLINIC, False), (2, "", False), (3, "", False)]
    assert upload(SECOND) == {}
    assert refills() == [(1, CLINIC, False), (2, PHARMACY, False), (3, "", False)]


def test_a_prescription_and_its_dispensing_in_one_batch() -> None:
    first, second = deliver(PRESCRIBED), deliver(SECOND)
    assert worker().once() == 2
    assert (codes(first), codes(second)) == ({}, {})
    assert refills()[1] == (2, PHARMACY, False)


def test_a_refill_is_dispensed_once() -> None:
    upload(PRESCRIBED)
    upload(SECOND)
    again = rec("pharmacy", f"M05={OTHER_PHARMACY}", "M15=9Z2B3C4D5E6F7G8H9J0K", "M11=1121017093015")
    again = changed("2.0", again, ("D01[*]=1121017093015",))
    assert "D025" in upload(again)[1]
    assert refills()[1] == (2, PHARMACY, False)


def test_cancelled_and_restored() -> None:
    upload(PRESCRIBED)
    assert upload(rec("cancellation", family="refills")) == {}
    assert [cancelled for *_, cancelled in refills()] == [False, True, True]
    assert "D023" in upload(SECOND)[1]
    assert upload(rec("restoration", family="refills")) == {}
    assert upload(SECOND) == {}


def test_a_deleted_dispensing_gives_its_refill_back() -> None:
    upload(PRESCRIBED)
    upload(SECOND)
    assert upload(changed("2.0", SECOND, ("H01=D",))) == {}
    assert refills()[1] == (2, "", False)


def test_a_prescription_that_comes_after_its_dispensing_finds_it() -> None:
    assert upload(SECOND) == {}
    assert refills() == []
    assert upload(PRESCRIBED) == {}
    assert refills()[1] == (2, PHARMACY, False)


def test_a_first_visit_and_the_return_on_the_same_day_in_one_file() -> None:
    first = rec("first-visit", family="history")
    back = rec("same-day")
    assert upload(first, back) == {}
