"""Two who act at the same moment: one is done, the other is told; nothing is done twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.insurer.applications import office
from tests.insurer.applications.office import NOW, TODAY, Office
from tests.insurer.faults.databases import at_once, opened
from tests.insurer.portal import people

from nhicard.insurer.applications.models import Case, Change, EditionChange, State
from nhicard.insurer.applications.services import cases, switching
from nhicard.insurer.applications.services.guards import Order
from nhicard.insurer.applications.services.refusals import Refused
from nhicard.insurer.audit import chain

ROUNDS = 5
AGREE = Order(effective_from=TODAY)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, django_db_setup: Any, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), opened(tmp_path_factory.mktemp("races")):
        yield


@pytest.fixture(scope="module")
def clinics(database: None) -> list[Office]:
    return [office.opened(f"35012000{number:02d}", division=1) for number in range(ROUNDS)]


@pytest.fixture(autouse=True)
def unblocked(clinics: list[Office], django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


def told(step: Callable[[], Any]) -> Callable[[], str]:
    """The step, which then says why it was refused."""

    def taken() -> str:
        try:
            step()
        except Refused as refusal:
            return refusal.name
        return ""

    return taken


def test_withdrawing_races_with_deciding(clinics: list[Office]) -> None:
    for clinic in clinics:
        case = clinic.submitted("support")
        answers = at_once(
            [
                told(lambda c=case, o=clinic: cases.act(c.pk, "withdraw", o.representative, NOW)),  # type: ignore[misc]
                told(lambda c=case, o=clinic: cases.act(c.pk, "agree", o.officer, NOW, AGREE)),  # type: ignore[misc]
            ]
        )
        assert sorted(answers) == ["", "not_possible"]
        after = Case.objects.get(pk=case.pk)
        assert after.state == (State.WITHDRAWN if answers[0] == "" else State.AGREED)
        assert after.events.count() == 2
    assert chain.walk().broken is None


def test_numbers_given_at_once_are_different_and_have_no_gap(clinics: list[Office]) -> None:
    day = NOW + timedelta(days=1)
    drafts = [clinic.drafted("support", day) for clinic in clinics]
    at_once(
        [
            told(lambda d=draft, o=clinic: cases.act(d.pk, "submit", o.representative, day))  # type: ignore[misc]
            for draft, clinic in zip(drafts, clinics, strict=True)
        ]
    )
    given = Case.objects.filter(pk__in=[draft.pk for draft in drafts]).order_by("number")
    assert [case.number for case in given] == [f"1121026{number:05d}" for number in range(1, ROUNDS + 1)]


def test_one_agreement_and_one_switch(clinics: list[Office]) -> None:
    clinic = clinics[0]
    case = clinic.submitted()
    colleagues = [people.user("officer", division=1) for _ in range(3)]
    answers = at_once([told(lambda w=who: cases.act(case.pk, "agree", w, NOW, AGREE)) for who in colleagues])  # type: ignore[misc]
    assert sorted(answers) == ["", "not_possible", "not_possible"]
    code = clinic.institution.code
    switched = at_once([lambda: switching.first_real_upload([code], NOW)] * 3)
    assert sorted(switched) == [[], [], [code]]
    kinds = EditionChange.objects.filter(institution=code).order_by("number").values_list("kind", flat=True)
    assert list(kinds) == [Change.ADMITTED, Change.SWITCHED]
