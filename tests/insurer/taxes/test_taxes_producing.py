"""The yearly production: whose payments, which year, which version, until when."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from tests.insurer.portal import people
from tests.insurer.taxes.tax_world import (
    CLINIC,
    NOW,
    OWNER,
    SECOND,
    THIRD,
    YEAR,
    clinic,
    load,
    months,
    produced,
    total,
)

from nhicard.insurer.audit.models import Entry
from nhicard.insurer.registry.models import Institution
from nhicard.insurer.reminders.models import Reminder
from nhicard.insurer.taxes.models import Document, Production
from nhicard.insurer.taxes.services import current, producing
from nhicard.insurer.taxes.services.producing import CannotProduce, due_on, produce

pytestmark = pytest.mark.django_db
TODAY = NOW.date()


@pytest.fixture
def place() -> Institution:
    return clinic()


def of(kind: str, owner: str = OWNER) -> Document:
    found: Document = current.documents().get(year=YEAR, kind=kind, owner_id_no=owner)
    return found


@pytest.mark.parametrize(
    ("fee_month", "paid_on", "in_documents"),
    [
        ("11312", "1131231", set()),
        ("11312", "1140101", {"split", "withholding"}),
        ("11401", "1140315", {"split", "reference", "withholding"}),
        ("11412", "1141231", {"split", "reference", "withholding"}),
        ("11412", "1150101", {"reference"}),
        ("11501", "1150301", set()),
    ],
)
def test_the_day_of_payment_or_the_fee_month_decides_the_year(
    place: Institution, fee_month: str, paid_on: str, in_documents: set[str]
) -> None:
    load("owners", {})
    load("payments", {"fee_month": fee_month, "paid_on": paid_on})
    produce(YEAR, TODAY, NOW)
    assert set(Document.objects.values_list("kind", flat=True)) == in_documents


def test_rows_are_months_and_the_total_is_their_sum(place: Institution) -> None:
    load("owners", {})
    more = {"fee_month": "11401", "number": "2", "paid_on": "1140620"}
    load("payments", *months(12), more)
    produce(YEAR, TODAY, NOW)
    split, withheld = of("split"), of("withholding")
    assert [row["month"] for row in split.figures["rows"]] == [f"{YEAR}{month:02d}" for month in range(1, 13)]
    assert split.figures["rows"][0]["cases"] == 200
    assert total(split) == {
        "cases": 1300,
        "consultation": 416_000,
        "drugs": 104_000,
        "dispensing": 26_000,
        "treatment": 65_000,
        "total": 611_000,
        "copayment": 65_000,
        "claimed": 546_000,
    }
    assert total(withheld) == {"paid": 507_000, "withheld": 50_700, "net": 456_300}
    assert withheld.figures["rows"][0]["month"] == "11403"


def test_payments_belong_to_who_was_responsible_on_their_day(place: Institution) -> None:
    load("owners", {"valid_until": "1140315"}, {"id_no": SECOND, "valid_from": "1140316"})
    load("payments", {"paid_on": "1140315"}, {"number": "2", "paid_on": "1140316", "paid": "100", "withheld": "10"})
    produce(YEAR, TODAY, NOW)
    assert total(of("withholding"))["paid"] == 39_000
    assert total(of("withholding", SECOND))["paid"] == 100


def test_an_institution_without_an_owner_on_a_day_of_payment_is_told_and_left_out(place: Institution) -> None:
    load("owners", {"valid_until": "1140314"})
    load("payments", {})
    made = produce(YEAR, TODAY, NOW)
    assert made.ownerless == [CLINIC]
    assert not Document.objects.exists()


def test_producing_again_adds_nothing(place: Institution) -> None:
    produced(place)
    again = produce(YEAR, TODAY + timedelta(days=1), NOW + timedelta(days=1))
    assert (again.new, again.changed, again.unchanged) == (0, 0, 3)
    assert Production.objects.count() == 1


def test_a_correction_gives_a_new_version_of_what_it_changes_alone(place: Institution) -> None:
    first = {each.kind: each.figures for each in produced(place)}
    load("payments", {"paid": "40000", "paid_on": "1140315"}, now=NOW + timedelta(days=1))
    made = produce(YEAR, TODAY + timedelta(days=1), NOW + timedelta(days=1))
    assert (made.new, made.changed, made.unchanged) == (0, 1, 2)
    assert of("withholding").version == 2
    assert total(of("withholding"))["paid"] == 79_000
    kept = {each.kind: each.figures for each in Document.objects.filter(version=1)}
    assert kept == first


def test_documents_of_who_was_named_by_mistake_become_empty(place: Institution) -> None:
    produced(place)
    load("owners", {"id_no": THIRD}, now=NOW + timedelta(days=1))
    produce(YEAR, TODAY + timedelta(days=1), NOW + timedelta(days=1))
    assert (of("withholding").version, of("withholding").figures["rows"]) == (2, [])
    assert total(of("withholding", THIRD))["paid"] == 78_000


@pytest.mark.parametrize(
    ("as_of", "refusal"),
    [
        (date(2025, 12, 31), "not_over"),
        (date(2026, 1, 1), None),
        (TODAY, None),
        (TODAY + timedelta(days=1), "future"),
    ],
)
def test_a_year_is_produced_once_it_is_over(place: Institution, as_of: date, refusal: str | None) -> None:
    if refusal is None:
        assert produce(YEAR, as_of, NOW).new == 0
        return
    with pytest.raises(CannotProduce) as refused:
        produce(YEAR, as_of, NOW)
    assert refused.value.name == refusal


def test_an_earlier_day_than_was_produced_is_refused(place: Institution) -> None:
    produced(place)
    with pytest.raises(CannotProduce) as refused:
        produce(YEAR, TODAY - timedelta(days=1), NOW)
    assert refused.value.name == "earlier"


def test_due_at_the_end_of_april() -> None:
    assert due_on(110) == date(2022, 4, 30)
    assert due_on(YEAR) == date(2026, 4, 30)


def test_institutions_are_told_once_and_of_a_correction_again(place: Institution) -> None:
    people.user("representative", institution=place, email="owner@example.org")
    produced(place)
    produce(YEAR, TODAY, NOW)
    assert Reminder.objects.filter(topic="taxes").count() == 1
    later = NOW + timedelta(days=1)
    load("payments", {"paid": "40000"}, now=later)
    produce(YEAR, later.date(), later)
    told = Reminder.objects.filter(topic="taxes").order_by("pk")
    assert ["更正" in each.title_zh for each in told] == [False, True]
    assert not any(OWNER in each.body_zh or "測試負責人" in each.body_zh for each in told)


def test_a_production_is_audited(place: Institution) -> None:
    produced(place)
    entry = Entry.objects.get(action="taxes.produced")
    assert entry.facts == {"year": YEAR, "as_of": "2026-04-20", "new": 3, "changed": 0}


def test_the_same_in_parts_of_any_size(place: Institution, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        clinic(f"350120001{number}")
    codes = [CLINIC, *(f"350120001{number}" for number in range(3))]
    load("owners", *({"institution": code} for code in codes))
    load("payments", *({"institution": code} for code in codes))
    monkeypatch.setattr(producing, "_AT_ONCE", 2)
    assert produce(YEAR, TODAY, NOW).new == 12
