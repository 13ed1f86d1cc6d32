"""Visits told in the Python API: refused with a remedy where a value cannot be told, accepted in both editions."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from nhicard.checks import Context, check
from nhicard.institution.visits import InvalidVisit, Order, Visit, Visits, write10, write20
from nhicard.synthetic.orders import items

AS_OF = datetime(2026, 11, 20, 12)
CLINIC, HOSPITAL, PHARMACY = "3501990014", "1101990019", "5901990011"
PERSON, STAFF = "A123456789", "B123456780"


def code(group: str) -> str:
    """A code of the shipped lists."""
    return str(items().filter(group=group)["code"][0])


def drug(days: int, category: str = "1", **more: Any) -> Order:
    return Order(
        order_category=category,
        order_code=code("western_home"),
        usage="TID",
        days=days,
        total=3 * days,
        route="PO",
        prescription_signature="A" * 40,
        **more,
    )


def done(group: str, **more: Any) -> Order:
    return Order(order_category="2", order_code=code(group), total=1, prescription_signature="B" * 40, **more)


def fee(group: str, category: str) -> Order:
    return Order(order_category=category, order_code=code(group), total=1)


def visit(**told: Any) -> Visit:
    plain: dict[str, Any] = {
        "patient_id": PERSON,
        "birth_date": date(1981, 1, 15),
        "institution": CLINIC,
        "staff_id": STAFF,
        "visit_category": "01",
        "visit_time": datetime(2026, 11, 19, 9, 30, 15),
        "visit_identifier": "VISIT000000000000001",
        "security_module": "001234567890",
        "card_number": "900000000001",
        "security_signature": "C" * 128,
        "payment_category": "4",
    }
    return Visit(**(plain | told))


ORIGINAL = {"original_visit_identifier": "VISIT000000000000000", "original_visit_time": datetime(2026, 10, 22, 10, 15)}
FEES = {"outpatient_fee": 480, "copayment_2": 50, "copayment_3": 20}

VISITS = {
    "general clinic visit": visit(
        sequence_number="0012",
        principal_diagnosis="J069",
        **FEES,
        orders=[drug(3), done("lab"), fee("consult", "0"), fee("dispensing", "9")],
    ),
    "released prescription": visit(sequence_number="0013", principal_diagnosis="J069", **FEES, orders=[drug(5, "M")]),
    "chronic prescription issued": visit(
        sequence_number="0014", principal_diagnosis="I10", **FEES, continuous_refills=3, orders=[drug(28)]
    ),
    "controlled continuous prescription, released": visit(
        sequence_number="0015",
        principal_diagnosis="I10",
        **FEES,
        controlled_refills=2,
        orders=[drug(30, "M", controlled="Y")],
    ),
    "chronic refill": visit(
        visit_category="AE", principal_diagnosis="I10", **FEES, **ORIGINAL, continuous_refill=2, orders=[drug(28)]
    ),
    "pharmacy dispensing": visit(
        institution=PHARMACY,
        visit_category="AF",
        principal_diagnosis="J069",
        **FEES,
        **ORIGINAL,
        original_institution=CLINIC,
        orders=[drug(3)],
    ),
    "late card": visit(
        sequence_number="0016",
        principal_diagnosis="J069",
        **FEES,
        actual_visit_time=datetime(2026, 11, 17, 10, 15),
        actual_visit_identifier="VISIT000000000000009",
        orders=[drug(3)],
    ),
    "without card": visit(
        sequence_number="C001",
        principal_diagnosis="J069",
        **FEES,
        security_module=None,
        card_number=None,
        security_signature=None,
        orders=[Order(order_category="1", order_code=code("western_home"), usage="QD", days=3, total=Decimal("1.5"))],
    ),
    "course of therapy": visit(
        visit_category="AA",
        principal_diagnosis="M5416",
        **FEES,
        **ORIGINAL,
        therapy_session="2",
        orders=[done("rehab")],
    ),
    "admission": visit(institution=HOSPITAL, visit_category="05", sequence_number="0017", principal_diagnosis="J189"),
    "discharge": visit(
        institution=HOSPITAL,
        visit_category="BB",
        principal_diagnosis="J189",
        inpatient_fee=32_000,
        inpatient_copayment=3_200,
    ),
    "preventive care": visit(
        visit_category="AC",
        sequence_number="IC21",
        outpatient_fee=320,
        orders=[Order(order_category="2", order_code="21", total=1, prescription_signature="D" * 40)],
    ),
    "vaccination": visit(
        visit_category="AC",
        sequence_number="IC71",
        birth_date=date(2025, 11, 1),
        orders=[Order(vaccine="MMR", vaccine_lot="M70001")],
    ),
    "reported allergy": visit(
        visit_category="CA",
        orders=[Order(allergy_mark="N", allergy_text="Penicillin", reaction="01", severity="1", allergy_source="01")],
    ),
    "newborn on a parent's card": visit(
        sequence_number="0018",
        principal_diagnosis="P599",
        **FEES,
        newborn_birth_date=date(2026, 11, 1),
        newborn_count=1,
        newborn_mark="A",
        orders=[drug(3)],
    ),
}


@pytest.mark.parametrize("told", VISITS.values(), ids=VISITS.keys())
def test_a_visit_is_accepted_in_both_editions(told: Visit) -> None:
    written = write10(Visits.of([told]))
    assert written.batch.visits.height == 1
    for batch in (write20(Visits.of([told])), written.batch):
        findings = check(batch, Context(as_of=AS_OF))
        assert findings.frame.select("code", "field", "order").rows() == []
        assert findings.accepted == 1


def test_many_visits_are_told_at_once() -> None:
    batch = write20(Visits.of(list(VISITS.values())))
    assert batch.visits.height == len(VISITS)
    assert batch.orders["record"].is_sorted()
    assert batch.orders.height == sum(len(each.orders) for each in VISITS.values())


@pytest.mark.parametrize(
    ("column", "value", "remedy_zh", "remedy_en"),
    [
        ("birth_date", "0700115", "日期", "date"),
        ("birth_date", date(1911, 12, 31), "民國", "1912"),
        ("visit_time", datetime(2026, 11, 19, tzinfo=timezone(timedelta(hours=8))), "時區", "naive"),
        ("visit_time", date(2026, 11, 19), "時區", "naive"),
        ("visit_time", datetime(1980, 1, 1), "出生", "birth"),
        ("visit_category", "99", "代碼", "code"),
        ("prescription_mode", "Z", "0、1、2", "0, 1, 2"),
        ("card_number", "1234567890123", "12 位", "12"),
        ("staff_id", " ", "空白", "blank"),
        ("staff_id", 5, "文字", "text"),
        ("outpatient_fee", 3.5, "整數", "whole"),
        ("outpatient_fee", True, "整數", "whole"),
        ("days_supplied", -1, "負數", "negative"),
    ],
)
def test_a_value_that_cannot_be_told_is_refused(column: str, value: object, remedy_zh: str, remedy_en: str) -> None:
    with pytest.raises(InvalidVisit) as caught:
        visit(**{column: value})
    assert caught.value.column == column
    assert column in caught.value.zh
    assert remedy_zh in caught.value.zh
    assert column in caught.value.en
    assert remedy_en in caught.value.en
    assert not re.search(r"[\u4e00-\u9fff]", caught.value.en.replace(str(value), ""))


@pytest.mark.parametrize(
    ("column", "value"),
    [("total", Decimal("1.25")), ("total", 1.5), ("total", -1), ("total", Decimal("NaN")), ("days", "3")],
)
def test_an_order_that_cannot_be_told_is_refused(column: str, value: object) -> None:
    with pytest.raises(InvalidVisit, match=column):
        Order(**{column: value})  # type: ignore[arg-type]


def test_an_error_shows_nothing_personal() -> None:
    with pytest.raises(InvalidVisit) as caught:
        visit(patient_id=PERSON + "0")
    assert PERSON not in str(caught.value) + caught.value.zh + caught.value.en


def test_an_unknown_attribute_is_refused() -> None:
    with pytest.raises(TypeError, match="patientid"):
        visit(patientid=PERSON)


@pytest.mark.parametrize(("value", "told"), [(9, "9.0"), (Decimal("1.5"), "1.5"), (Decimal("2.50"), "2.5"), (0, "0.0")])
def test_quantities_have_one_decimal(value: int | Decimal, told: str) -> None:
    assert Order(total=value).wire() == {"total": told}
