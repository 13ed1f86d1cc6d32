"""Who may do what with a case, and what is then on record."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.db import IntegrityError
from tests.insurer.applications import office
from tests.insurer.applications.office import NOW, TODAY, Office
from tests.insurer.portal import people

from nhicard.insurer.accounts.models import Role
from nhicard.insurer.applications.models import Case, DayNumber, Event, State
from nhicard.insurer.applications.services import cases
from nhicard.insurer.applications.services.guards import Order
from nhicard.insurer.applications.services.refusals import Refused
from nhicard.insurer.applications.tables import kinds, open_to, transitions
from nhicard.insurer.audit import chain
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.registry.models import Suspension

pytestmark = pytest.mark.django_db
ACTIONS = sorted({each.action for each in transitions()})
WITH_ALL: dict[str, Any] = {"reason": "測試理由", "effective_from": TODAY}


@pytest.fixture
def clinic() -> Office:
    return office.opened()


def refused(case: Case, action: str, actor: Any, order: Order | None = None, now: datetime = NOW) -> str:
    """The reason; the case and its history are as before."""
    before, events = Case.objects.filter(pk=case.pk).values().get(), Event.objects.count()
    with pytest.raises(Refused) as refusal:
        cases.act(case.pk, action, actor, now, order)
    assert Case.objects.filter(pk=case.pk).values().get() == before
    assert Event.objects.count() == events
    return refusal.value.name


@pytest.mark.parametrize(("role", "kind"), list(product(Role.values, ["ic20", "return10"])))
def test_a_role_takes_exactly_the_steps_of_the_table(clinic: Office, role: str, kind: str) -> None:
    if kind == "return10":
        clinic.agreed()
    place = {"institution": clinic.institution} if role in ("clerk", "representative") else {}
    actor = people.user(role, **place)  # type: ignore[arg-type]
    case = clinic.submitted(kind)
    mine = {each.action for each in open_to(kind, State.OFFICER, role)}
    for action in ACTIONS:
        if action not in mine:
            assert refused(case, action, actor, Order(**WITH_ALL, officer=clinic.officer)) == "not_possible", action
    assert mine == {
        ("representative", "ic20"): {"withdraw"},
        ("representative", "return10"): {"withdraw"},
        ("officer", "ic20"): {"agree", "refuse", "reassign"},
        ("officer", "return10"): {"propose-agree", "propose-refuse", "reassign"},
        ("supervisor", "ic20"): {"agree", "refuse", "reassign"},
        ("supervisor", "return10"): {"reassign"},
    }.get((role, kind), set())


def test_only_the_representative_hands_in(clinic: Office) -> None:
    case = clinic.drafted()
    assert refused(case, "submit", clinic.clerk) == "not_possible"
    assert cases.act(case.pk, "submit", clinic.representative, NOW).state == State.OFFICER


@pytest.mark.parametrize(("role", "action"), [("officer", "agree"), ("supervisor", "refuse"), ("officer", "reassign")])
def test_another_division_does_not_know_the_case(clinic: Office, role: str, action: str) -> None:
    stranger = people.user(role, division=2)
    assert refused(clinic.submitted(), action, stranger, Order(**WITH_ALL)) == "not_yours"


def test_another_institution_does_not_know_the_case(clinic: Office) -> None:
    stranger = people.user("representative", institution=people.institution("3501200019"))
    assert refused(clinic.submitted(), "withdraw", stranger) == "not_yours"


def test_numbers_have_the_day_and_no_gaps(clinic: Office) -> None:
    other = office.opened("3501200019", division=2)
    assert clinic.submitted().number == "112102500001"
    draft = other.drafted("services", remark="")
    assert refused(draft, "submit", other.representative) == "remark_missing"
    assert draft.number is None
    assert other.submitted().number == "112102500002"
    assert clinic.submitted("support", NOW + timedelta(days=1)).number == "112102600001"
    DayNumber.objects.filter(day=TODAY).update(last=99_999)
    assert refused(clinic.drafted("services"), "submit", clinic.representative) == "no_more_numbers"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"contact_name": ""}, "incomplete"),
        ({"contact_phone": ""}, "incomplete"),
        ({"contact_email": ""}, "incomplete"),
        ({"wanted_from": TODAY - timedelta(days=1)}, "day_past"),
    ],
)
def test_what_is_not_whole_is_not_handed_in(clinic: Office, facts: dict[str, Any], reason: str) -> None:
    assert refused(clinic.drafted(**facts), "submit", clinic.representative) == reason


def test_a_return_needs_its_consequences_read(clinic: Office) -> None:
    clinic.agreed()
    draft = clinic.drafted("return10", consequences_read=False)
    assert refused(draft, "submit", clinic.representative) == "consequences"


def test_preconditions_hold_at_handing_in(clinic: Office) -> None:
    early = clinic.drafted()
    assert refused(early, "submit", clinic.representative, now=NOW - timedelta(days=2)) == "preconditions"  # before H1
    clinic.submitted()
    again = clinic.drafted()
    assert refused(again, "submit", clinic.representative) == "preconditions"  # one is open
    assert refused(clinic.drafted("return10"), "submit", clinic.representative) == "preconditions"  # still on 1.0


def test_preconditions_hold_at_the_decision(clinic: Office) -> None:
    case = clinic.submitted()
    Suspension.objects.create(institution=clinic.institution, valid_from=TODAY)
    assert refused(case, "agree", clinic.officer, Order(effective_from=TODAY)) == "preconditions"
    assert cases.act(case.pk, "refuse", clinic.officer, NOW, Order(reason="停約中")).state == State.REFUSED


@pytest.mark.parametrize(
    ("action", "order", "reason"),
    [
        ("refuse", Order(), "reason_missing"),
        ("refuse", Order(reason="  "), "reason_missing"),
        ("agree", Order(), "day_missing"),
        ("agree", Order(effective_from=TODAY - timedelta(days=1)), "day_past"),
        ("agree", Order(effective_from=TODAY + timedelta(days=367)), "day_far"),
        ("reassign", Order(), "no_colleague"),
    ],
)
def test_a_decision_says_what_it_must(clinic: Office, action: str, order: Order, reason: str) -> None:
    assert refused(clinic.submitted(), action, clinic.officer, order) == reason


def test_a_case_is_handed_over_within_the_division(clinic: Office) -> None:
    case = clinic.submitted()
    for nobody in (people.user("officer", division=2), clinic.clerk, people.user("auditor")):
        assert refused(case, "reassign", clinic.officer, Order(officer=nobody)) == "no_colleague"
    colleague = people.user("officer", division=1)
    after = cases.act(case.pk, "reassign", clinic.officer, NOW, Order(officer=colleague))
    assert (after.state, after.officer) == (State.OFFICER, colleague)


def test_four_eyes_are_two_persons(clinic: Office) -> None:
    clinic.agreed()
    case, order = clinic.submitted("return10"), Order(effective_from=TODAY)
    assert cases.act(case.pk, "propose-agree", clinic.officer, NOW, order).state == State.SUPERVISOR
    assert refused(case, "agree", clinic.officer, order) == "not_possible"
    clinic.officer.role = Role.SUPERVISOR  # promoted meanwhile
    clinic.officer.save()
    assert refused(case, "agree", clinic.officer, order) == "same_person"
    assert refused(case, "refuse", clinic.officer, Order(reason="x")) == "same_person"
    assert cases.act(case.pk, "send-back", clinic.supervisor, NOW, Order(reason="請補說明")).proposal == ""
    assert refused(case, "agree", clinic.supervisor, order) == "not_possible"  # it needs a new proposal
    second = people.user("officer", division=1)
    cases.act(case.pk, "propose-refuse", second, NOW, Order(reason="測試理由"))
    decided = cases.act(case.pk, "agree", clinic.supervisor, NOW, order)
    assert (decided.state, decided.proposed_by, decided.supervisor) == (State.AGREED, second, clinic.supervisor)


def test_one_that_is_refused_leaves_the_others_done(clinic: Office) -> None:
    first, second, third = clinic.submitted(), clinic.submitted("services"), clinic.submitted("support")
    cases.act(second.pk, "withdraw", clinic.representative, NOW)
    outcomes = cases.act_on_many([first, second, third], "agree", clinic.officer, NOW, Order(effective_from=TODAY))
    assert [(each.number, each.refused) for each in outcomes] == [
        (first.number, ""),
        (second.number, "not_possible"),
        (third.number, ""),
    ]
    states = Case.objects.order_by("number").values_list("state", flat=True)
    assert list(states) == [State.AGREED, State.WITHDRAWN, State.AGREED]


def test_every_step_is_an_event_and_an_audited_one(clinic: Office) -> None:
    case = clinic.submitted()
    cases.act(case.pk, "refuse", clinic.officer, NOW, Order(reason="資料不符"))
    told = [(e.number, e.action, e.before, e.after, e.role, e.reason) for e in case.events.order_by("number")]
    assert told == [
        (1, "submit", "draft", "officer", "representative", ""),
        (2, "refuse", "officer", "refused", "officer", "資料不符"),
    ]
    entries = Entry.objects.filter(subject=f"case {case.number}").order_by("number")
    assert [(e.action, e.institution) for e in entries] == [
        ("case.submit", "3501200000"),
        ("case.refuse", "3501200000"),
    ]
    assert not any(office.WRITTEN["contact_name"] in str(entry.facts) for entry in entries)
    assert chain.walk().broken is None


def test_the_history_is_only_added_to(clinic: Office) -> None:
    event = clinic.submitted().events.get()
    event.reason = "改過"
    for change in (event.save, event.delete, Event.objects.all().delete, lambda: Event.objects.update(reason="改過")):
        with pytest.raises(TypeError):
            change()


def test_what_was_handed_in_is_not_written_to(clinic: Office) -> None:
    case = clinic.submitted()
    with pytest.raises(Refused, match="handed_in"):
        cases.write(case, office.WRITTEN | {"remark": "改過"})


def test_there_is_one_draft_a_kind(clinic: Office) -> None:
    assert cases.draft(clinic.clerk, "ic20", NOW).pk == cases.draft(clinic.representative, "ic20", NOW).pk
    with pytest.raises(IntegrityError):
        Case.objects.create(kind="ic20", institution=clinic.institution, applicant=clinic.clerk, created_at=NOW)


@pytest.mark.parametrize(
    ("kind", "day", "due"),
    [
        ("ic20", date(2023, 10, 25), date(2023, 11, 3)),  # seven working days after a Wednesday
        ("ic20", date(2023, 10, 28), date(2023, 11, 7)),  # handed in on a Saturday, as on the Friday before
        ("support", date(2023, 10, 23), date(2023, 10, 30)),
    ],
)
def test_working_days_leave_out_weekends(kind: str, day: date, due: date) -> None:
    assert kinds()[kind].due(day) == due
