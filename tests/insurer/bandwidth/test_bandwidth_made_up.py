"""The demo's data: believable, at every step, and no more of it when seeded again."""

from __future__ import annotations

import pytest
from tests.insurer.bandwidth.line_world import NOW, place
from tests.insurer.portal import people

from nhicard.insurer.bandwidth.models import Decision, Enrolment, Evidence, Line
from nhicard.insurer.bandwidth.services import made_up

pytestmark = pytest.mark.django_db


def test_the_demo_shows_every_step() -> None:
    for number, kind in enumerate(("hospital", "clinic", "clinic", "clinic", "pharmacy")):
        place(f"350120000{number}", kind=kind)
    assert made_up.seed(NOW) == 5
    assert sorted(Decision.objects.values_list("is_agreed", flat=True)) == [False, True, True, True]
    assert Enrolment.objects.filter(decision=None).count() == 1
    assert 0 < Line.objects.count() < Evidence.objects.count()
    before = (Enrolment.objects.count(), Line.objects.count())
    assert made_up.seed(NOW) == 0
    assert (Enrolment.objects.count(), Line.objects.count()) == before


def test_places_without_an_officer_are_left_alone() -> None:
    people.user("representative")
    assert made_up.seed(NOW) == 0
