"""Taking part, bills, settlements: what is done and what is refused, around the limits."""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from tests.insurer.applications.files import PNG
from tests.insurer.bandwidth.line_world import (
    CONTACT,
    EARLIER,
    MONTH,
    NOW,
    SINCE,
    Place,
    agreed,
    applied,
    place,
    sent,
)

from nhicard.insurer.applications.services.refusals import Refused as FileRefused
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.bandwidth import months, tables
from nhicard.insurer.bandwidth.models import Decision, Enrolment, Evidence, Line, Settlement
from nhicard.insurer.bandwidth.services import enrolling, evidence, settling
from nhicard.insurer.bandwidth.services.enrolling import Refused
from nhicard.insurer.portal.texts import texts
from nhicard.insurer.registry.models import Institution

pytestmark = pytest.mark.django_db
_TABLE = (Path(__file__).parent / "line_fee_cases.csv").read_text(encoding="utf-8")
CASES = list(csv.DictReader(_TABLE.splitlines()))
PAID_ON = date(2022, 2, 22)


@pytest.fixture
def clinic() -> Place:
    return place("3501200000")


def refusal(call: Any) -> str:
    with pytest.raises(Refused) as refused:
        call()
    assert all(texts()[f"bandwidth.refused.{refused.value.name}"])
    return refused.value.name


# the cap


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case.values()))
def test_the_bill_is_paid_up_to_the_cap_of_its_month(case: dict[str, str]) -> None:
    kind = tables.line_type(case["type"], date.fromisoformat(case["month"]))
    assert kind
    found = settling.subsidy(int(case["bill"]), int(case["mbps"]), kind)
    assert found == (int(case["amount"]), case["outcome"])


def test_types_outside_their_days_are_not_offered() -> None:
    assert tables.line_type("fast", date(2022, 12, 31)) is None
    assert tables.line_type("standard", date(2020, 12, 31)) is None
    assert [each.code for each in tables.open_to("clinic", date(2022, 12, 1))] == ["standard"]
    assert [each.code for each in tables.open_to("clinic", date(2023, 1, 1))] == ["standard", "fast"]
    assert tables.open_to("not-medical", date(2023, 1, 1)) == []


def test_the_insurers_own_table_takes_the_place_of_the_packaged_one(tmp_path: Path, settings: Any) -> None:
    settings.HOME = tmp_path
    heading = "code,zh,en,kinds,minimum_mbps,cap,valid_from,valid_until"
    (tmp_path / "line_types.csv").write_text(f"{heading}\nown,自訂,Own,clinic,1,7,2021-01-01,\n", encoding="utf-8-sig")
    assert [(each.code, each.cap) for each in tables.line_types()] == [("own", 7)]


def test_two_rows_of_a_type_for_one_day_are_refused() -> None:
    heading = "code,zh,en,kinds,minimum_mbps,cap,valid_from,valid_until"
    row = "own,自訂,Own,clinic,1,7,2021-01-01,"
    with pytest.raises(ValueError, match="own"):
        tables.parsed(f"{heading}\n{row}\n{row}\n")


# taking part


def test_from_the_application_to_the_agreement(clinic: Place) -> None:
    made = applied(clinic)
    assert enrolling.state_of(made, NOW.date()) == "waiting"
    assert enrolling.enrolled([clinic.institution.pk], MONTH, NOW) == {}
    enrolling.decide(made, is_agreed=True, effective_from=MONTH, reason="", user=clinic.officer, now=NOW)
    found = enrolling.enrolled([clinic.institution.pk], MONTH, NOW)
    assert found == {clinic.institution.pk: made}
    assert enrolling.enrolled([clinic.institution.pk], months.after(MONTH, -1), NOW) == {}
    assert enrolling.enrolled([clinic.institution.pk], MONTH, NOW - timedelta(seconds=1)) == {}


@pytest.mark.parametrize(
    ("since", "line_type", "refused"),
    [
        (date(2022, 1, 1), "standard", "month_past"),
        (date(2022, 2, 1), "standard", None),
        (date(2022, 12, 1), "fast", "line_type"),
        (date(2023, 1, 1), "fast", None),
        (date(2022, 2, 1), "hospital", "line_type"),
        (date(2022, 2, 1), "nothing", "line_type"),
    ],
)
def test_when_one_may_apply(clinic: Place, since: date, line_type: str, refused: str | None) -> None:
    def apply() -> Any:
        return enrolling.apply(clinic.representative, line_type, since, CONTACT, NOW)

    if refused is None:
        assert apply().wanted_from == since
    else:
        assert refusal(apply) == refused
        assert not Enrolment.objects.exists()


@pytest.mark.parametrize(("until", "is_closed"), [(date(2022, 2, 21), True), (date(2022, 2, 22), False)])
def test_a_closed_institution_does_not_take_part(until: date, is_closed: bool) -> None:
    who = place(until=until)

    def apply() -> Any:
        return applied(who, since=date(2022, 2, 1), at=NOW)

    if is_closed:
        assert refusal(apply) == "closed"
    else:
        assert apply()


def test_one_application_at_a_time(clinic: Place) -> None:
    applied(clinic)
    assert refusal(lambda: applied(clinic)) == "waiting"


@pytest.mark.parametrize(
    ("is_agreed", "effective_from", "reason", "refused"),
    [
        (False, None, " ", "reason"),
        (False, None, "非固接網路", None),
        (True, date(2021, 10, 1), "", "month_early"),
        (True, date(2021, 11, 1), "", None),
        (True, None, "", None),
    ],
)
def test_a_refusal_has_a_reason_and_an_agreement_a_month(
    clinic: Place, is_agreed: bool, effective_from: date | None, reason: str, refused: str | None
) -> None:
    made = applied(clinic)

    def decide() -> Decision:
        return enrolling.decide(
            made, is_agreed=is_agreed, effective_from=effective_from, reason=reason, user=clinic.officer, now=NOW
        )

    if refused:
        assert refusal(decide) == refused
        assert not Decision.objects.exists()
        return
    assert decide().is_agreed is is_agreed
    assert refusal(decide) == "decided"
    entry = Entry.objects.get(action="bandwidth.agreed" if is_agreed else "bandwidth.refused")
    assert (entry.actor, entry.institution) == (clinic.officer.username, "3501200000")


def test_a_later_type_of_line_holds_from_its_month_on(clinic: Place) -> None:
    agreed(clinic)
    agreed(clinic, "fast", date(2023, 1, 1), NOW)
    pk = clinic.institution.pk
    assert enrolling.enrolled([pk], date(2022, 12, 1), NOW)[pk].line_type == "standard"
    assert enrolling.enrolled([pk], date(2023, 1, 1), NOW)[pk].line_type == "fast"


def test_who_leaves_takes_part_to_the_end_of_the_last_month(clinic: Place) -> None:
    made = agreed(clinic)
    assert refusal(lambda: enrolling.leave(made, MONTH, clinic.representative, NOW)) == "month_past"
    enrolling.leave(made, date(2022, 2, 1), clinic.representative, NOW)
    pk = clinic.institution.pk
    assert pk in enrolling.enrolled([pk], date(2022, 2, 1), NOW)
    assert pk not in enrolling.enrolled([pk], date(2022, 3, 1), NOW)
    assert enrolling.state_of(Enrolment.objects.get(), date(2022, 2, 28)) == "agreed"
    assert enrolling.state_of(Enrolment.objects.get(), date(2022, 3, 1)) == "ended"
    assert refusal(lambda: enrolling.leave(made, date(2022, 3, 1), clinic.representative, NOW)) == "leaving"


def test_who_does_not_take_part_cannot_leave(clinic: Place) -> None:
    made = applied(clinic)
    assert refusal(lambda: enrolling.leave(made, SINCE, clinic.representative, NOW)) == "not_enrolled"


# bills


@pytest.mark.parametrize(
    ("month", "bill", "mbps", "refused"),
    [
        (date(2021, 10, 1), 1, 1, "month_not_enrolled"),
        (date(2021, 11, 1), 1, 1, None),
        (date(2022, 2, 1), 1, 1, None),
        (date(2022, 3, 1), 1, 1, "month_future"),
        (MONTH, 0, 1, "numbers"),
        (MONTH, 1_000_000, 100_000, None),
        (MONTH, 1_000_001, 1, "numbers"),
        (MONTH, 1, 0, "numbers"),
        (MONTH, 1, 100_001, "numbers"),
    ],
)
def test_which_bills_are_kept(clinic: Place, month: date, bill: int, mbps: int, refused: str | None) -> None:
    agreed(clinic)
    if refused:
        assert refusal(lambda: sent(clinic, bill, mbps, month)) == refused
        assert not Evidence.objects.exists()
    else:
        assert sent(clinic, bill, mbps, month).fee_month == month


@pytest.mark.parametrize("content", [b"", b"MZ" * 10, PNG])
def test_the_file_is_what_its_name_says(clinic: Place, content: bytes) -> None:
    agreed(clinic)
    with pytest.raises((FileRefused, Refused)):
        sent(clinic, content=content)
    assert not Evidence.objects.exists()


def test_the_same_bill_again_is_the_same_and_another_takes_its_place(clinic: Place) -> None:
    agreed(clinic)
    first = sent(clinic)
    assert sent(clinic) == first
    second = sent(clinic, bill=1300)
    assert second.number == 2
    assert [each.pk for each in evidence.latest([clinic.institution.pk])] == [second.pk]
    assert Entry.objects.filter(action="bandwidth.evidence").count() == 2


def test_a_settled_month_takes_no_more_bills(clinic: Place) -> None:
    agreed(clinic)
    sent(clinic)
    settling.settle(1, MONTH, 37, PAID_ON, NOW)
    assert refusal(lambda: sent(clinic, bill=1400)) == "settled"


# settlements


def test_a_settlement_by_month_with_season_and_day_of_payment(clinic: Place) -> None:
    agreed(clinic)
    bill = sent(clinic, bill=1600)
    done = settling.settle(1, MONTH, 37, PAID_ON, NOW)
    assert done.settlement
    assert (done.settlement.season, done.settlement.paid_on, done.settlement.number) == (37, PAID_ON, 1)
    line = Line.objects.get()
    assert (line.evidence, line.cap, line.amount, line.outcome) == (bill, 1500, 1500, "capped")
    entry = Entry.objects.get(action="bandwidth.settled")
    assert (entry.facts["amount"], entry.facts["season"]) == (1500, 37)


def test_settling_again_adds_what_came_later_alone(clinic: Place) -> None:
    late = place("3501200019")
    for each in (clinic, late):
        agreed(each)
    sent(clinic)
    first = settling.settle(1, MONTH, 37, PAID_ON, NOW)
    assert (len(first.lines), first.missing) == (1, ["3501200019"])
    again = settling.settle(1, MONTH, 37, PAID_ON, NOW)
    assert (again.settlement, again.missing) == (None, ["3501200019"])
    sent(late, bill=900)
    second = settling.settle(1, MONTH, 38, PAID_ON, NOW)
    assert second.settlement
    assert (second.settlement.number, [line.amount for line in second.lines]) == (2, [900])
    assert Line.objects.count() == 2


def test_a_division_settles_its_own(clinic: Place) -> None:
    agreed(clinic)
    sent(clinic)
    assert settling.settle(2, MONTH, 37, PAID_ON, NOW).settlement is None


@pytest.mark.parametrize(
    ("now", "paid_on", "refused"),
    [
        (datetime(2022, 1, 31, 23, 59), PAID_ON, "not_over"),
        (datetime(2022, 2, 1), PAID_ON, None),
        (NOW, date(2022, 1, 31), "paid_early"),
        (NOW, date(2022, 2, 1), None),
    ],
)
def test_a_month_is_settled_once_it_is_over(clinic: Place, now: datetime, paid_on: date, refused: str | None) -> None:
    if refused:
        assert refusal(lambda: settling.settle(1, MONTH, 37, paid_on, now)) == refused
    else:
        assert settling.settle(1, MONTH, 37, paid_on, now).lines == []


def test_a_type_without_a_cap_in_the_month_is_told_and_not_settled(clinic: Place, monkeypatch: Any) -> None:
    agreed(clinic)
    sent(clinic)
    monkeypatch.setattr(settling, "line_types", lambda: ())
    monkeypatch.setattr(settling, "line_type", lambda *_: None)
    done = settling.settle(1, MONTH, 37, PAID_ON, NOW)
    assert (done.capless, done.settlement) == (["3501200000"], None)


def test_nothing_can_be_changed_or_deleted(clinic: Place) -> None:
    made = agreed(clinic)
    enrolling.leave(made, date(2022, 2, 1), clinic.representative, NOW)
    sent(clinic)
    settling.settle(1, MONTH, 37, PAID_ON, NOW)
    for name in ("enrolment", "decision", "leaving", "evidence", "settlement", "line"):
        for statement in (f"UPDATE bandwidth_{name} SET id = 99", f"DELETE FROM bandwidth_{name}"):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
    with pytest.raises(TypeError):
        Settlement.objects.get().save()


def test_months() -> None:
    assert months.parse("11102") == months.parse("111/02") == date(2022, 2, 1)
    assert [months.after(date(2022, 1, 1), count) for count in (-1, 0, 12)] == [
        date(2021, 12, 1),
        date(2022, 1, 1),
        date(2023, 1, 1),
    ]
    for wrong in ("11113", "2022-02", "", "abc"):
        with pytest.raises(ValueError, match=r"."):
            months.parse(wrong)


def test_the_institution_counts_only_what_was_known_then(clinic: Place) -> None:
    agreed(clinic)
    everybody = Institution.objects.all()
    assert len(enrolling.enrolled(everybody, SINCE, EARLIER)) == 1
    assert enrolling.enrolled(everybody, SINCE, EARLIER - timedelta(days=1)) == {}
