"""The demo's data: documents for every representative, some of them on paper."""

from __future__ import annotations

import pytest
from tests.insurer.portal import people
from tests.insurer.taxes.tax_world import NOW, YEAR, clinic

from nhicard.insurer.accounts.models import User
from nhicard.insurer.registry.models import Institution
from nhicard.insurer.taxes.services import made_up, paper

pytestmark = pytest.mark.django_db


def test_the_demo_has_documents_and_letters() -> None:
    for code in ("3501200000", "3501200019"):
        people.user("representative", institution=clinic(code))
    made = made_up.seed(NOW)
    assert (made.new, made.ownerless) == (9, [])
    assert all(User.objects.values_list("national_id", flat=True))
    found = paper.deliveries(Institution.objects.all(), YEAR, NOW.date())
    assert [each.reasons for each in found] == [(), ("old",), ("closed", "old")]
    again = made_up.seed(NOW)
    assert (again.new, again.changed) == (0, 0)
