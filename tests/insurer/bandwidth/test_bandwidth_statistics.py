"""Who takes part by division and kind, and who is reminded."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from tests.insurer.bandwidth.line_world import EARLIER, MONTH, NOW, SINCE, agreed, applied, place, sent

from nhicard.insurer.bandwidth.services import reminding, settling, statistics
from nhicard.insurer.bandwidth.tables import group_of
from nhicard.insurer.registry.models import Institution
from nhicard.insurer.reminders.models import Reminder
from nhicard.insurer.reminders.services import choose

pytestmark = pytest.mark.django_db
EVERYBODY = Institution.objects.all
#: Code, division, kind, last day of the contract, whether it takes part.
PLACES = [
    ("3501200000", 1, "clinic", None, True),
    ("3501200019", 1, "clinic", None, False),
    ("3701200001", 1, "clinic", None, True),
    ("3701200010", 2, "clinic", None, False),
    ("3801200002", 2, "clinic", None, False),
    ("2301200003", 2, "clinic", None, True),
    ("0101200004", 2, "hospital", None, False),
    ("5901200005", 3, "pharmacy", date(2022, 2, 12), False),
    ("5901200014", 3, "pharmacy", date(2022, 2, 13), False),
    ("9A01200006", 3, "not-medical", None, False),
]
AS_OF = date(2022, 2, 13)


@pytest.fixture
def places() -> None:
    for code, division, kind, until, joins in PLACES:
        made = place(code, division, kind, until)
        if joins:
            agreed(made)


def counted(as_of: date = AS_OF) -> dict[tuple[int, str], tuple[int, int]]:
    found = statistics.counts(statistics.standings(EVERYBODY(), as_of))
    return {(each.division, each.group): (each.joined, each.not_joined) for each in found}


def test_by_division_and_kind_without_the_closed(places: None) -> None:
    assert counted() == {
        (1, "western"): (1, 1),
        (1, "dental"): (1, 0),
        (1, ""): (2, 1),
        (2, "hospital"): (0, 1),
        (2, "dental"): (0, 1),
        (2, "chinese"): (0, 1),
        (2, "clinic"): (1, 0),
        (2, ""): (1, 3),
        (3, "pharmacy"): (0, 1),
        (3, ""): (0, 1),
        (0, ""): (3, 5),
    }


def test_the_day_decides(places: None) -> None:
    assert counted(AS_OF - timedelta(days=1))[3, ""] == (0, 2)
    assert counted(AS_OF + timedelta(days=1)).get((3, "")) is None
    assert counted(EARLIER.date() - timedelta(days=1))[0, ""][0] == 0


@pytest.mark.parametrize(
    ("kind", "code", "group"),
    [
        ("clinic", "3500000000", "western"),
        ("clinic", "3700000000", "dental"),
        ("clinic", "3800000000", "chinese"),
        ("clinic", "2300000000", "clinic"),
        ("hospital", "0801200000", "hospital"),
        ("pharmacy", "5900000000", "pharmacy"),
    ],
)
def test_groups(kind: str, code: str, group: str) -> None:
    found = group_of(kind, code)
    assert found
    assert found.code == group


def test_a_kind_that_cannot_take_part_has_no_group() -> None:
    assert group_of("not-medical", "9A00000000") is None


def test_who_has_not_joined_is_reminded_once_a_month(places: None) -> None:
    assert reminding.of_joining(EVERYBODY(), NOW) == 4
    assert reminding.of_joining(EVERYBODY(), NOW + timedelta(days=1)) == 0
    assert reminding.of_joining(EVERYBODY(), NOW + timedelta(days=10)) == 4
    told = set(Reminder.objects.values_list("institution__code", flat=True))
    assert told == {"3501200019", "3701200010", "3801200002", "0101200004"}


def test_who_declined_is_not_reminded(places: None) -> None:
    declining = Institution.objects.get(code="3501200019")
    user = declining.users.first()
    assert user
    choose(user, "bandwidth", is_declined=True, now=NOW)
    assert reminding.of_joining(EVERYBODY(), NOW) == 3


def test_who_sent_no_bill_is_reminded_once() -> None:
    late, prompt, waits = place("3501200000"), place("3501200019"), place("3501200028")
    agreed(late)
    agreed(prompt)
    applied(waits)
    sent(prompt)
    assert reminding.missing(EVERYBODY(), MONTH, NOW) == ["3501200000"]
    assert reminding.of_evidence(EVERYBODY(), MONTH, NOW) == 1
    assert reminding.of_evidence(EVERYBODY(), MONTH, NOW) == 0
    sent(late)
    settling.settle(1, MONTH, 37, NOW.date(), NOW)
    assert reminding.missing(EVERYBODY(), MONTH, NOW) == []
    assert reminding.missing(EVERYBODY(), SINCE, NOW) == ["3501200000", "3501200019"]
