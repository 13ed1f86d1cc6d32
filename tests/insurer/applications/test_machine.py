"""Whatever anybody tries in whatever order: the history is a path through the table, and what is decided stays so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.insurer.applications import office
from tests.insurer.applications.office import NOW, TODAY
from tests.insurer.portal import people

from nhicard.insurer.applications.models import Case, Change, EditionChange, State
from nhicard.insurer.applications.services import cases
from nhicard.insurer.applications.services.guards import Order
from nhicard.insurer.applications.services.refusals import Refused
from nhicard.insurer.applications.tables import kinds, open_to, transitions
from nhicard.insurer.audit.models import Entry

ACTIONS = sorted({each.action for each in transitions()})
STEPS = {(each.action, each.before, each.after, role) for each in transitions() for role in each.roles}
FINAL = {State.AGREED, State.REFUSED, State.WITHDRAWN}
REACHED: set[tuple[str, str]] = set()
WHO = ["clerk", "representative", "officer", "supervisor", "second", "stranger", "headquarters", "auditor"]


class Machine(RuleBasedStateMachine):
    """A case decided by one person and one decided by two, and everybody who might touch them."""

    @initialize()
    def open(self) -> None:
        self.scope = transaction.atomic()
        self.scope.__enter__()
        first, second = office.opened(), office.opened("3501200019")
        second.agreed()
        self.now = NOW
        strangers = {
            "second": people.user("supervisor", division=1),
            "stranger": people.user("supervisor", division=2),
            "headquarters": people.user("headquarters"),
            "auditor": people.user("auditor"),
        }
        self.people: list[dict[str, Any]] = [
            {name: getattr(clinic, name) for name in WHO[:4]} | strangers for clinic in (first, second)
        ]
        self.cases = [first.drafted("ic20").pk, second.drafted("return10").pk]
        self.before = Entry.objects.filter(action__startswith="case.").count()
        self.final: dict[int, Any] = {}
        self.taken = 0

    @rule(which=st.integers(0, 1), choice=st.integers(0, 99))
    def takes_a_step_towards_the_end(self, which: int, choice: int) -> None:
        case = Case.objects.get(pk=self.cases[which])
        mine = self.people[which]
        steps = [(step, who) for who in WHO[1:5] for step in open_to(case.kind, case.state, mine[who].role)]
        steps = [(step, who) for step, who in steps if step.action not in ("reassign", "withdraw")]
        if steps:
            step, who = steps[choice % len(steps)]
            self.tries(which, step.action, who, "測試理由", self.now.date())

    @rule(
        which=st.integers(0, 1),
        action=st.sampled_from(ACTIONS),
        who=st.sampled_from(WHO),
        reason=st.sampled_from(["", "測試理由"]),
        day=st.sampled_from([None, TODAY, TODAY + timedelta(days=3), TODAY - timedelta(days=1)]),
    )
    def tries(self, which: int, action: str, who: str, reason: str, day: Any) -> None:
        actor = self.people[which][who]
        try:
            case = cases.act(
                self.cases[which], action, actor, self.now, Order(reason, day, self.people[which]["second"])
            )
        except Refused:
            return
        self.taken += 1
        REACHED.add((case.kind, case.state))
        event = case.events.order_by("number").last()
        assert event is not None
        assert (action, event.before, event.after, actor.role) in STEPS
        assert who not in ("clerk", "stranger", "headquarters", "auditor")
        assert not (action in ("refuse", "propose-refuse", "send-back") and not reason)
        if kinds()[case.kind].four_eyes and case.state in (State.AGREED, State.REFUSED):
            assert case.proposed_by is not None
            assert case.proposed_by != case.supervisor

    @rule(which=st.integers(0, 1))
    def the_applicant_withdraws(self, which: int) -> None:
        self.tries(which, "withdraw", "representative", "", None)

    @rule()
    def a_day_passes(self) -> None:
        self.now += timedelta(days=1)

    @invariant()
    def histories_are_whole(self) -> None:
        if not hasattr(self, "cases"):
            return
        for case in Case.objects.filter(pk__in=self.cases):
            events = list(case.events.order_by("number"))
            states = [State.DRAFT, *(event.after for event in events)]
            assert [event.before for event in events] == states[:-1]
            assert [event.number for event in events] == list(range(1, len(events) + 1))
            assert case.state == states[-1]
            told = (case.state, case.decided_at, case.reason, case.effective_from)
            assert self.final.setdefault(case.pk, told) == told if case.state in FINAL else True
        assert Entry.objects.filter(action__startswith="case.").count() == self.before + self.taken
        for code, path in (("3501200000", [Change.ADMITTED]), ("3501200019", [Change.ADMITTED, Change.RETURNED])):
            changes = EditionChange.objects.filter(institution=code).order_by("number")
            assert [each.kind for each in changes] == path[: len(changes)]
            assert [each.effective_at for each in changes] == sorted(each.effective_at for each in changes)

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.scope.__exit__(None, None, None)


@pytest.mark.django_db
def test_no_way_leads_around_the_table() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        ),
    )
    assert {(kind, state) for kind in ("ic20", "return10") for state in FINAL} <= REACHED
