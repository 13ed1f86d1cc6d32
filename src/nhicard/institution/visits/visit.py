"""The Python API: a visit and its orders as typed records, checked as they are made.

>>> from datetime import date, datetime
>>> from nhicard.institution.visits import Order, Visit, Visits, write20
>>> drug = Order(order_category="1", order_code="AC12345100", usage="TID", days=3, total=9)
>>> visit = Visit(
...     patient_id="A123456789",
...     birth_date=date(1981, 1, 15),
...     institution="3501990014",
...     visit_category="01",
...     visit_time=datetime(2026, 11, 19, 9, 30, 15),
...     orders=[drug],
... )
>>> batch = write20(Visits.of([visit]))
>>> batch.visits["M20"].item(), batch.orders["D04"].item()
('3', 'A')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from nhicard.institution.visits.values import InvalidVisit, wire


@dataclass(kw_only=True, slots=True)
class Order:
    """One order, allergy entry or vaccine. Attributes are the order columns of docs/visits.md; None is not known, and
    is derived where it can be. Raises InvalidVisit for a value that cannot be told."""

    order_time: datetime | None = None
    order_category: str | None = None
    order_number: str | None = None
    prescription_kind: str | None = None
    dispensing: str | None = None
    order_code: str | None = None
    site: str | None = None
    usage: str | None = None
    days: int | None = None
    total: Decimal | int | None = None
    prescription_signature: str | None = None
    testing_institution: str | None = None
    drug_lot: str | None = None
    route: str | None = None
    remark: str | None = None
    vaccine_lot: str | None = None
    vaccine: str | None = None
    allergy_mark: str | None = None
    allergy_ingredient: str | None = None
    allergy_drug_class: str | None = None
    allergy_text: str | None = None
    reaction: str | None = None
    reaction_text: str | None = None
    severity: str | None = None
    allergy_source: str | None = None
    allergy_source_text: str | None = None
    reaction_date: str | None = None
    allergy_deletion_reason: str | None = None
    allergy_deletion_text: str | None = None
    gene_test_result: str | None = None
    vaccination_date: date | None = None
    vaccination_institution: str | None = None
    allergy_name: str | None = None
    controlled: str | None = None

    def __post_init__(self) -> None:
        self.wire()

    def wire(self) -> dict[str, str]:
        """The columns that are known, in the wire form of edition 2.0. Raises InvalidVisit."""
        return wire("order", self)


@dataclass(kw_only=True, slots=True)
class Visit:
    """One visit. Attributes are the visit columns of docs/visits.md; times are naive Taipei times; None is not known,
    and is derived where it can be (upload kind, days of supply, medical category …). Raises InvalidVisit for a value
    that cannot be told; whether the visit as a whole is right, ``nhicard.check`` says."""

    patient_id: str
    birth_date: date
    institution: str
    visit_category: str
    visit_time: datetime
    data_type: str | None = None
    upload_kind: str | None = None
    security_module: str | None = None
    card_number: str | None = None
    staff_id: str | None = None
    newborn_birth_date: date | None = None
    newborn_count: int | None = None
    newborn_mark: str | None = None
    late_mark: str | None = None
    sequence_number: str | None = None
    security_signature: str | None = None
    visit_identifier: str | None = None
    original_visit_identifier: str | None = None
    original_institution: str | None = None
    original_sequence_number: str | None = None
    original_visit_time: datetime | None = None
    days_supplied: int | None = None
    continuous_total_days: int | None = None
    controlled_total_days: int | None = None
    prescription_mode: str | None = None
    general_dispensings: int | None = None
    chronic_dispensings: int | None = None
    continuous_refills: int | None = None
    controlled_general_dispensings: int | None = None
    controlled_chronic_dispensings: int | None = None
    controlled_refills: int | None = None
    physical_therapy: str | None = None
    occupational_therapy: str | None = None
    speech_therapy: str | None = None
    continuous_refill: int | None = None
    controlled_refill: int | None = None
    principal_diagnosis: str | None = None
    secondary_diagnosis_1: str | None = None
    secondary_diagnosis_2: str | None = None
    secondary_diagnosis_3: str | None = None
    secondary_diagnosis_4: str | None = None
    secondary_diagnosis_5: str | None = None
    principal_procedure: str | None = None
    secondary_procedure_1: str | None = None
    secondary_procedure_2: str | None = None
    outpatient_fee: int | None = None
    outpatient_copayment: int | None = None
    inpatient_fee: int | None = None
    inpatient_copayment: int | None = None
    inpatient_copayment_long_stay: int | None = None
    actual_visit_time: datetime | None = None
    bed: str | None = None
    payment_category: str | None = None
    actual_visit_identifier: str | None = None
    copayment_2: int | None = None
    copayment_3: int | None = None
    copayment_4: int | None = None
    medical_category: str | None = None
    designated_area: str | None = None
    preventive_item: str | None = None
    preventive_date: date | None = None
    preventive_institution: str | None = None
    preventive_exam: str | None = None
    prenatal_date: date | None = None
    prenatal_institution: str | None = None
    prenatal_exam: str | None = None
    cancelled_time: str | None = None
    therapy_session: str | None = None
    orders: Sequence[Order] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        self.wire()
        for name in ("visit_time", "actual_visit_time", "original_visit_time"):
            time: datetime | None = getattr(self, name)
            if time is not None and time.date() < self.birth_date:
                raise InvalidVisit(name, time, "早於出生日期，請核對", "it lies before the date of birth; check both")

    def wire(self) -> dict[str, str]:
        """The columns that are known, in the wire form of edition 2.0; without the orders. Raises InvalidVisit."""
        return wire("visit", self)
