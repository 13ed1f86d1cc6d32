"""From where an institution uploads."""

from __future__ import annotations

import pytest
from tests.insurer.registry.lists import CLINIC

from nhicard.insurer.registry import addresses, state
from nhicard.insurer.registry.addresses import BadAddress
from nhicard.insurer.registry.models import Institution, UploadAddress

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clinic() -> Institution:
    return Institution.objects.create(code=CLINIC, name="測試診所", kind="clinic")


@pytest.mark.parametrize(
    ("given", "registered"),
    [
        (["203.0.113.7"], ["203.0.113.7"]),
        (["203.0.113.7/32", "203.0.113.7"], ["203.0.113.7"]),
        (["203.0.113.70/28"], ["203.0.113.64/28"]),
        (["2001:DB8::0:1", "2001:db8::/64"], ["2001:db8::/64", "2001:db8::1"]),
        ([], []),
    ],
)
def test_addresses_are_kept_in_their_shortest_form(given: list[str], registered: list[str]) -> None:
    assert addresses.register(CLINIC, given) == registered
    assert addresses.registered(CLINIC) == registered


def test_new_addresses_take_the_place_of_the_old() -> None:
    addresses.register(CLINIC, ["203.0.113.7", "203.0.113.8"])
    before = state.stamp()
    addresses.register(CLINIC, ["203.0.113.8", "203.0.113.9"])
    assert addresses.registered(CLINIC) == ["203.0.113.8", "203.0.113.9"]
    assert state.stamp() != before


@pytest.mark.parametrize(
    ("code", "given", "told"),
    [
        (CLINIC, ["203.0.113.7", "203.0.113.256"], "203.0.113.256 is neither"),
        (CLINIC, ["clinic.example"], "clinic.example is neither"),
        ("3501200019", ["203.0.113.7"], "no institution 3501200019"),
    ],
)
def test_what_is_wrong_changes_nothing(code: str, given: list[str], told: str) -> None:
    addresses.register(CLINIC, ["203.0.113.1"])
    before = state.stamp()
    with pytest.raises(BadAddress, match=told):
        addresses.register(code, given)
    assert (addresses.registered(CLINIC), state.stamp()) == (["203.0.113.1"], before)
    assert UploadAddress.objects.count() == 1
