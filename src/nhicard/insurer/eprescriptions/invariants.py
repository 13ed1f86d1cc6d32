"""The rules of the profiles that compare elements with each other. A rule yields what breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from nhicard.insurer.eprescriptions.document import Document, Found, children
from nhicard.insurer.eprescriptions.problems import Problem
from nhicard.insurer.eprescriptions.tables import Sheet
from nhicard.prescriptions.tables import kinds

TAIPEI: Final = ZoneInfo("Asia/Taipei")
Rule = Callable[[Document], Iterator[Problem]]
ORDER: Final = "MedicationRequest"
KIND: Final = f"{ORDER}.category[prescription-kind].coding[prescription-kind].code"
NUMBER: Final = f"{ORDER}.identifier[use=usual].value"
REPEATS: Final = f"{ORDER}.dispenseRequest.numberOfRepeatsAllowed"
VALID_FROM: Final = f"{ORDER}.dispenseRequest.validityPeriod.start"
VALID_UNTIL: Final = f"{ORDER}.dispenseRequest.validityPeriod.end"
ACCESS_CODE: Final = f"{ORDER}.identifier[access-code].value"
REFILL: Final = f"{ORDER}.identifier[refill-number].value"
SELF_PAY: Final = f"{ORDER}.category[self-pay].coding[self-pay].code"
VISIT: Final = "Encounter.identifier[visit-identifier].value"
ORIGINAL_VISIT: Final = "Encounter.identifier[original-visit-identifier].value"
VISIT_DATE: Final = "Encounter.period.start"
_MATERIAL: Final = "3"
_SELF_PAID: Final = {"00", "Y"}
_SELF_PAID_CLASS: Final = "00"
CONTROLLED: Final = {"D", "E", "F"}

#: What an order that is no material has to say, by path under it.
_COMPLETE: Final = (
    ("dosageInstruction.doseAndRate.doseQuantity.value", "劑量", "dose"),
    ("dosageInstruction.doseAndRate.doseQuantity.unit", "劑量單位", "dose unit"),
    ("dosageInstruction.timing.code.coding.code", "頻率", "frequency"),
    ("dosageInstruction.route", "給藥途徑", "route"),
    ("dispenseRequest.expectedSupplyDuration.value", "給藥日數", "days of supply"),
)
#: What all orders of one sheet share.
_SHARED: Final = (
    (NUMBER, "處方箋單號", "prescription number"),
    (KIND, "處方種類", "kind"),
    (REPEATS, "可調劑次數", "dispensings allowed"),
    (VALID_FROM, "有效起日", "first day"),
    (VALID_UNTIL, "有效迄日", "last day"),
)
_SHARED_OF_DISPENSING: Final = (
    (ACCESS_CODE, "存取授權碼", "access code"),
    (REFILL, "連續處方調劑序號", "refill number"),
)
_COLLECTOR: Final = (
    ("contact.relationship", "與用藥對象之關係", "relationship"),
    ("contact.name", "姓名", "name"),
    ("contact.telecom", "電話", "telephone"),
)


def references(document: Document) -> Iterator[Problem]:
    """Every reference finds its resource within the document."""
    known: set[str] = set()
    for entry in document.bundle["entry"]:
        resource = entry["resource"]
        known |= {str(entry.get("fullUrl", "")), f"{resource['resourceType']}/{resource.get('id', '')}"}
    for at, target in _references(document.bundle, "Bundle"):
        if target not in known and not target.startswith("#"):
            yield Problem("unresolved", at)


def named_medications(document: Document) -> Iterator[Problem]:
    """Every order names what it orders."""
    for order in document.resources(ORDER):
        if not {"medicationReference", "medicationCodeableConcept"} & set(order.value):
            yield Problem("no-medication", order.at)


def complete_orders(document: Document) -> Iterator[Problem]:
    """An order that is no material says dose, unit, frequency, route and days."""
    for order in document.resources(ORDER):
        categories = _texts(order, "category[order-type].coding[order-type].code")
        for path, zh, en in () if _MATERIAL in categories else _COMPLETE:
            if not _texts(order, path):
                yield Problem("order-incomplete", f"{order.at}.{path}", {"zh": zh, "en": en})


def as_ordered(document: Document) -> Iterator[Problem]:
    """The frequency ASORDER says nothing without a method."""
    for instruction in document.all(f"{ORDER}.dosageInstruction"):
        if "ASORDER" in _texts(instruction, "timing.code.coding.code") and "method" not in instruction.value:
            yield Problem("method-missing", f"{instruction.at}.method")


def one_prescription(document: Document) -> Iterator[Problem]:
    """All orders are of one prescription."""
    yield from _alike(document, _SHARED)


def one_dispensing(document: Document) -> Iterator[Problem]:
    """All orders of a sheet are of one dispensing."""
    yield from _alike(document, _SHARED_OF_DISPENSING)


def limits_of_kind(document: Document) -> Iterator[Problem]:
    """Days and dispensings that the prescription's kind allows."""
    for order in document.resources(ORDER):
        name = _texts(order, "category[prescription-kind].coding[prescription-kind].code")[0]
        kind = kinds()[name]
        repeats = _texts(order, "dispenseRequest.numberOfRepeatsAllowed")[0]
        if int(repeats) > kind.most_dispensings:
            values = {"kind": name, "most": kind.most_dispensings}
            yield Problem("too-many-dispensings", f"{order.at}.dispenseRequest.numberOfRepeatsAllowed", values)
        for days in _texts(order, "dispenseRequest.expectedSupplyDuration.value"):
            if kind.most_days is not None and int(days) > kind.most_days:
                values = {"kind": name, "most": kind.most_days}
                yield Problem("too-many-days", f"{order.at}.dispenseRequest.expectedSupplyDuration", values)


def visit_identifier(document: Document) -> Iterator[Problem]:
    """What the insurer pays has a visit identifier."""
    if not is_self_paid(document) and not document.values(VISIT):
        yield Problem("visit-identifier", _encounter(document), {"zh": "就醫識別碼", "en": "visit identifier"})


def original_visit_identifier(document: Document) -> Iterator[Problem]:
    """A dispensing that the insurer pays also names the visit that prescribed."""
    if not is_self_paid(document) and not document.values(ORIGINAL_VISIT):
        values = {"zh": "原就醫識別碼", "en": "original visit identifier"}
        yield Problem("visit-identifier", _encounter(document), values)


def self_pay_class(document: Document) -> Iterator[Problem]:
    """Case category 00 says that everything is self-paid."""
    if (document.first("Encounter.class.code") == _SELF_PAID_CLASS) != is_self_paid(document):
        yield Problem("self-pay-class", f"{document.resources('Encounter')[0].at}.class")


def dates(document: Document) -> Iterator[Problem]:
    """Dates are whole days, and validity does not end before it begins."""
    whole = True
    for path in (VISIT_DATE, VALID_FROM, VALID_UNTIL):
        for found in document.all(path):
            if day(found.value) is None:
                whole = False
                yield Problem("date", found.at)
    since, until = day(document.first(VALID_FROM)), day(document.first(VALID_UNTIL))
    if whole and since and until and until < since:
        yield Problem("validity", document.all(VALID_UNTIL)[0].at)


def active(document: Document) -> Iterator[Problem]:
    """A prescription that is handed in is in force."""
    for found in document.all(f"{ORDER}.status"):
        if found.value != "active":
            yield Problem("not-active", found.at)


def refill_number(document: Document) -> Iterator[Problem]:
    """The sheet of a refillable prescription says which refill it is."""
    if kinds()[document.first(KIND)].is_refillable and not document.values(REFILL):
        yield Problem("refill-number", f"{document.resources(ORDER)[0].at}.identifier")


def collector(document: Document) -> Iterator[Problem]:
    """Who collects controlled drugs is named."""
    patient = document.resources("Patient")[0]
    for path, zh, en in _COLLECTOR if document.first(KIND) in CONTROLLED else ():
        if not _under(patient, path):
            yield Problem("collector", f"{patient.at}.{path}", {"zh": zh, "en": en})


def substitution(document: Document) -> Iterator[Problem]:
    """Another drug than the prescribed one has a reason."""
    for found in document.all("MedicationDispense.substitution"):
        if found.value.get("wasSubstituted") and not found.value.get("reason"):
            yield Problem("substitution-reason", f"{found.at}.reason")


_BOTH: Final = (references, one_prescription, named_medications, visit_identifier, dates)
OF: Final[Mapping[Sheet, tuple[Rule, ...]]] = {
    "EP": (*_BOTH, complete_orders, as_ordered, limits_of_kind, self_pay_class, active),
    "DS": (*_BOTH, one_dispensing, original_visit_identifier, refill_number, collector, substitution),
}


def is_self_paid(document: Document) -> bool:
    """Whether the insurer pays for none of it."""
    return set(document.values(SELF_PAY)) <= _SELF_PAID


def day(value: Any) -> date | None:
    """The day of a FHIR date or time, None where it is not a whole one."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (moment.astimezone(TAIPEI) if moment.tzinfo else moment).date()


def _alike(document: Document, shared: tuple[tuple[str, str, str], ...]) -> Iterator[Problem]:
    orders = document.resources(ORDER)
    for path, zh, en in shared:
        told = [_texts(order, path.partition(".")[2]) for order in orders]
        for order, own in zip(orders, told, strict=True):
            if own != told[0]:
                yield Problem("one-prescription", order.at, {"zh": zh, "en": en})


def _under(parent: Found, path: str) -> list[Found]:
    found = [parent]
    for step in path.split("."):
        found = [child for each in found for child in children(each, step)]
    return found


def _texts(parent: Found, path: str) -> list[str]:
    return [str(each.value) for each in _under(parent, path)]


def _encounter(document: Document) -> str:
    return f"{document.resources('Encounter')[0].at}.identifier"


def _references(value: Any, at: str) -> Iterator[tuple[str, str]]:
    """Every literal reference, and where it is."""
    if isinstance(value, list):
        for place, each in enumerate(value):
            yield from _references(each, f"{at}[{place}]")
    elif isinstance(value, dict):
        for name, each in value.items():
            if name == "reference" and isinstance(each, str):
                yield f"{at}.reference", each
            else:
                yield from _references(each, f"{at}.{name}")
