"""Joining and leaving, what a month counts, what it earns: with the days and numbers around the limits."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from tests.insurer.portal import people
from tests.insurer.virtualcards.virtual_weeks import card, read, tap, video, visit
from typer.testing import CliRunner

from nhicard.cli.app import app
from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.registry.models import Contract, Institution
from nhicard.insurer.reminders.models import Reminder
from nhicard.insurer.virtualcards import made_up, rewards
from nhicard.insurer.virtualcards.models import FIGURES, MonthFigures, Participation, Setting
from nhicard.insurer.virtualcards.services import counting, months, participating, telling
from nhicard.insurer.virtualcards.services.participating import CannotDo, Why

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 9, 30)
TODAY = NOW.date()
MARCH = date(2026, 3, 1)
FIRST, LAST = datetime(2026, 3, 1), datetime(2026, 3, 31, 23, 59, 59)
BEFORE, AFTER = FIRST - timedelta(seconds=1), LAST + timedelta(seconds=1)
ON_SITE = Setting.ON_SITE


@pytest.fixture(autouse=True)
def moment(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def clinic() -> Institution:
    found = people.institution("3501200000")
    Contract.objects.create(institution=found, valid_from=date(2020, 1, 1))
    return found


@pytest.fixture
def clerk(clinic: Institution) -> User:
    return people.user("clerk", institution=clinic)


def counted(institution: Institution) -> dict[str, int]:
    """March's figures of the institution that are not 0."""
    counting.count(MARCH, NOW)
    row = MonthFigures.objects.filter(institution=institution, month=MARCH).first()
    return {name: getattr(row, name) for name in FIGURES if row and getattr(row, name)}


# --- participation ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "why"), [(-1, Why.PAST), (0, None), (1, None)])
def test_one_joins_from_today_on(clerk: User, days: int, why: Why | None) -> None:
    first = TODAY + timedelta(days=days)
    if why is None:
        assert participating.join(clerk, ON_SITE, first, NOW).valid_from == first
        assert Entry.objects.filter(action="virtual_cards.joined").count() == 1
        return
    with pytest.raises(CannotDo) as refusal:
        participating.join(clerk, ON_SITE, first, NOW)
    assert refusal.value.why == why
    assert not Entry.objects.exists()


@pytest.mark.parametrize(("days", "why"), [(-2, Why.PAST), (-1, None), (0, None), (30, None)])
def test_one_leaves_from_yesterday_on(clerk: User, days: int, why: Why | None) -> None:
    participating.join(clerk, ON_SITE, TODAY - timedelta(days=9), NOW - timedelta(days=9))
    last = TODAY + timedelta(days=days)
    if why is None:
        assert participating.leave(clerk, ON_SITE, last, NOW).valid_until == last
        return
    with pytest.raises(CannotDo) as refusal:
        participating.leave(clerk, ON_SITE, last, NOW)
    assert refusal.value.why == why


def test_what_has_not_begun_is_taken_back(clerk: User) -> None:
    participating.join(clerk, ON_SITE, TODAY + timedelta(days=5), NOW)
    participating.leave(clerk, ON_SITE, TODAY, NOW)
    assert not Participation.objects.exists()


def test_a_setting_is_joined_once_and_periods_do_not_overlap(clerk: User) -> None:
    participating.join(clerk, ON_SITE, TODAY, NOW)
    with pytest.raises(CannotDo, match=Why.JOINED):
        participating.join(clerk, ON_SITE, TODAY, NOW)
    participating.leave(clerk, ON_SITE, TODAY + timedelta(days=3), NOW)
    with pytest.raises(CannotDo, match=Why.OVERLAP):
        participating.join(clerk, ON_SITE, TODAY + timedelta(days=3), NOW)
    participating.join(clerk, ON_SITE, TODAY + timedelta(days=4), NOW)
    participating.join(clerk, Setting.TELEMEDICINE, TODAY, NOW)
    assert Participation.objects.count() == 3


def test_without_a_contract_nobody_joins(clerk: User) -> None:
    Contract.objects.update(valid_until=TODAY)
    with pytest.raises(CannotDo, match=Why.NOT_CONTRACTED):
        participating.join(clerk, ON_SITE, TODAY + timedelta(days=1), NOW)


def test_the_data_centre_takes_the_virtual_cards_of_who_joins(clerk: User, clinic: Institution) -> None:
    Institution.objects.filter(pk=clinic.pk).update(takes_virtual_cards=False)
    participating.join(clerk, ON_SITE, TODAY, NOW)
    clinic.refresh_from_db()
    assert clinic.takes_virtual_cards


# --- figures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "counts"), [(BEFORE, False), (FIRST, True), (LAST, True), (AFTER, False)], ids=str)
def test_what_happened_in_the_month_counts(clinic: Institution, at: datetime, counts: bool) -> None:
    tap(card(), clinic, at)
    video(clinic, at, True)
    visit(clinic, at.date(), sequence="W001")
    figures = {"visits_made": 1, "telemedicine": 1, "visits_uploaded": 1, "uploaded_all": 1}
    assert counted(clinic) == (figures if counts else {})


@pytest.mark.parametrize(
    ("orders", "facts", "uploaded"),
    [
        ((), {"sequence": "W001"}, 1),
        (("V000",), {}, 1),
        (("V000", "V000"), {"sequence": "W999"}, 1),
        (("R001",), {"sequence": "0001"}, 0),
        ((), {"sequence": "W001", "is_precheck": True}, 0),
        ((), {"sequence": "W001", "state": "rejected"}, 0),
        ((), {"sequence": "W001", "state": "replaced"}, 0),
        ((), {"sequence": "W001", "state": "deleted"}, 0),
    ],
    ids=str,
)
def test_an_uploaded_visit_made_with_a_virtual_card(
    clinic: Institution, orders: tuple[str, ...], facts: dict[str, Any], uploaded: int
) -> None:
    visit(clinic, TODAY, *orders, **facts)
    assert counted(clinic).get("visits_uploaded", 0) == uploaded


def test_taps_with_a_plastic_card_and_those_rolled_back_do_not_count(clinic: Institution) -> None:
    tap(card(is_virtual=False), clinic, NOW)
    tap(card(), clinic, NOW, rolled_back_at=NOW)
    video(clinic, NOW, None)
    video(clinic, NOW, False)
    assert counted(clinic) == {}


def test_a_card_is_used_for_the_first_time_once_and_in_one_place(clinic: Institution) -> None:
    # given a card read here first, then there, and twice; one that was read there last month already
    there, new, old = people.institution(division=2), card(), card()
    for place, minutes in ((clinic, 0), (there, 1), (clinic, 2)):
        read(new, place, NOW + timedelta(minutes=minutes))
    read(old, there, BEFORE)
    read(old, clinic, NOW)
    # then two citizens used theirs here, one of them for the first time; there nobody did for the first time
    assert counted(clinic) == {"cards": 2, "first_used": 1}
    assert MonthFigures.objects.get(institution=there).first_used == 0


def test_home_care_and_the_share_of_all(clinic: Institution) -> None:
    visit(clinic, TODAY, sequence="W001", category="AH")
    visit(clinic, TODAY, sequence="W002")
    visit(clinic, TODAY)
    assert counted(clinic) == {"visits_uploaded": 2, "uploaded_home": 1, "uploaded_all": 3}


def test_counted_anew_a_month_is_replaced(clinic: Institution) -> None:
    made = visit(clinic, TODAY, sequence="W001")
    assert counted(clinic)["visits_uploaded"] == 1
    made.state = "deleted"
    made.save()
    assert counted(clinic) == {}
    assert not MonthFigures.objects.exists()


def test_who_takes_part_has_figures_although_they_are_0(clerk: User, clinic: Institution) -> None:
    participating.join(clerk, ON_SITE, TODAY, NOW)
    counting.count(MARCH, NOW)
    counting.count(date(2026, 2, 1), NOW)
    assert list(MonthFigures.objects.values_list("month", flat=True)) == [MARCH]


def test_the_number_of_queries_does_not_grow(clinic: Institution) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            counting.count(MARCH, NOW)
        return len(asked)

    visit(clinic, TODAY, sequence="W001")
    one = queries()
    for _ in range(20):
        place = people.institution()
        visit(place, TODAY, "V000")
        tap(card(), place, NOW)
    assert queries() == one


@pytest.mark.parametrize(
    ("issued", "revoked", "new", "in_force"),
    [
        (date(2026, 2, 28), None, 0, 1),
        (date(2026, 3, 1), None, 1, 1),
        (date(2026, 3, 10), None, 1, 1),
        (date(2026, 4, 1), None, 0, 0),
        (date(2026, 3, 1), NOW, 1, 0),
        (date(2026, 3, 1), NOW + timedelta(seconds=1), 1, 1),
    ],
    ids=str,
)
def test_citizens_with_a_virtual_card(issued: date, revoked: datetime | None, new: int, in_force: int) -> None:
    card(issued, revoked_at=revoked)
    card(issued, is_virtual=False)
    found = counting.bound(MARCH, NOW)
    assert (found.new, found.in_force) == (new, in_force)


# --- rewards ------------------------------------------------------------------------------------------------

ALL_DAYS = dict.fromkeys(Setting.values, 31)


@pytest.mark.parametrize(
    ("figures", "days", "items", "points"),
    [
        ({"first_used": 9}, ALL_DAYS, (), 0),
        ({"first_used": 10}, ALL_DAYS, ("bound",), 1000),
        ({"first_used": 10}, {"on-site": 1}, ("bound",), 1000),
        ({"first_used": 10}, {"on-site": 0}, (), 0),
        ({"first_used": 10}, {}, (), 0),
        ({"visits_uploaded": 19, "visits_made": 19}, ALL_DAYS, (), 0),
        ({"visits_uploaded": 27, "visits_made": 30}, ALL_DAYS, ("uploaded", "complete"), 2000),
        ({"visits_uploaded": 26, "visits_made": 29}, ALL_DAYS, ("uploaded",), 1500),
        ({"telemedicine": 5}, ALL_DAYS, ("telemedicine",), 1500),
        ({"telemedicine": 5}, {"on-site": 31}, (), 0),
        ({"uploaded_home": 5}, {"home-care": 1}, ("home",), 1500),
        (
            dict.fromkeys(FIGURES, 99),
            ALL_DAYS,
            ("bound", "uploaded", "complete", "telemedicine", "home"),
            5000,
        ),
    ],
    ids=str,
)
def test_rewards_around_their_limits(
    figures: dict[str, int], days: dict[str, int], items: tuple[str, ...], points: int
) -> None:
    found = rewards.earned(figures, days, rewards.rule())
    assert (found.items, found.points) == (items, points)


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (date(2026, 2, 1), date(2026, 2, 28), 0),
        (date(2026, 2, 1), date(2026, 3, 1), 1),
        (date(2026, 3, 31), None, 1),
        (date(2026, 4, 1), None, 0),
        (date(2026, 2, 1), None, 31),
        (date(2026, 3, 5), date(2026, 3, 6), 2),
    ],
    ids=str,
)
def test_days_of_a_month_on_which_one_took_part(
    clerk: User, clinic: Institution, first: date, last: date | None, days: int
) -> None:
    Participation.objects.create(
        institution=clinic, setting=ON_SITE, valid_from=first, valid_until=last, joined_by=clerk, joined_at=NOW
    )
    row = MonthFigures.objects.create(institution=clinic, month=MARCH, counted_at=NOW)
    assert months.days_of([row]).get((clinic.pk, MARCH), {}).get("on-site", 0) == days


def test_a_rule_in_the_home_takes_the_place_of_ours(tmp_path: Path) -> None:
    folder = tmp_path / rewards.FOLDER
    folder.mkdir()
    item = '[[item]]\ncode = "x"\nzh = "項目"\nen = "item"\nfigure = "cards"\nat_least = 1\npoints = 7\n'
    (folder / rewards.FILE).write_text(f"days = 0\nceiling = 9\n{item}", encoding="utf-8")
    assert rewards.earned({"cards": 1}, {}, months.rule()).points == 7
    (folder / rewards.FILE).write_text(f"days = 0\nceiling = 9\n{item}".replace('"cards"', '"cats"'), encoding="utf-8")
    with pytest.raises(rewards.BadRule, match="unknown figure"):
        months.rule()


# --- pages, files, command ----------------------------------------------------------------------------------


def test_the_reward_list_has_those_that_earned_something(clerk: User, clinic: Institution) -> None:
    participating.join(clerk, ON_SITE, TODAY, NOW)
    for number in range(20):
        visit(clinic, TODAY, sequence=f"W{number:03}")
    other = people.institution(name="=1+1 診所")
    visit(other, TODAY, sequence="W001")
    counting.count(MARCH, NOW)
    client = people.signed_in(Client(), people.user("officer", division=1))
    lists = {}
    for name in ("figures", "rewards"):
        content = client.get(reverse(f"virtualcards:{name}_csv"), {"month": "115/03"}).content.decode("utf-8-sig")
        lists[name] = list(csv.DictReader(io.StringIO(content)))
    assert [each["醫事機構代碼"] for each in lists["rewards"]] == [clinic.code]
    assert lists["rewards"][0]["獎勵點數"] == "2000"
    assert {each["醫事機構名稱"] for each in lists["figures"]} == {clinic.name, "'=1+1 診所"}
    assert Entry.objects.filter(action="virtual_cards.rewards_downloaded").count() == 1


def test_a_division_sees_its_own(clinic: Institution) -> None:
    visit(clinic, TODAY, sequence="W001")
    counting.count(MARCH, NOW)
    pages = [
        people.signed_in(Client(), people.user("officer", division=division))
        .get(reverse("virtualcards:overview"))
        .content.decode()
        for division in (1, 2)
    ]
    assert [clinic.code in page for page in pages] == [True, False]


@pytest.mark.parametrize(
    ("day", "joins"), [("115/03/10", True), ("", True), ("115/13/01", False), ("115/03/09", False)]
)
def test_joining_on_the_page(clerk: User, day: str, joins: bool) -> None:
    client = people.signed_in(Client(), clerk)
    answer = client.post(reverse("virtualcards:join"), {"setting": "on-site", "day": day}, follow=True)
    assert answer.status_code == 200
    assert Participation.objects.exists() == joins


def test_who_uploaded_less_than_was_made_is_reminded_once(clinic: Institution) -> None:
    tap(card(), clinic, NOW)
    counting.count(MARCH, NOW)
    assert [telling.remind_of_missing(MARCH, NOW) for _ in range(2)] == [1, 0]
    assert Reminder.objects.get().topic == telling.TOPIC


def test_who_uploaded_all_is_not_reminded(clinic: Institution) -> None:
    tap(card(), clinic, NOW)
    visit(clinic, TODAY, sequence="W001")
    counting.count(MARCH, NOW)
    assert telling.remind_of_missing(MARCH, NOW) == 0


def test_the_command_counts_and_refuses_the_future(
    clinic: Institution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nhicard.insurer.operations.database.why_unusable", lambda: "")
    visit(clinic, TODAY, sequence="W001")
    told = CliRunner().invoke(app, ["virtual-cards", "count", "--month", "2026-03"])
    assert (told.exit_code, "2026-03: 1" in told.output) == (0, True)
    assert CliRunner().invoke(app, ["virtual-cards", "count", "--month", "2026-04"]).exit_code == 2


def test_the_demo_is_counted_and_seeded_once(clerk: User) -> None:
    assert made_up.seed(NOW) == 1
    assert made_up.seed(NOW) == 0
    found = months.lines(MonthFigures.objects.all())
    assert sum(each.earned.points for each in found) > 0
