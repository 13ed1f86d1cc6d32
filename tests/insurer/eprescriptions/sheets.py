"""Documents after the guide: a prescription (EP), and the sheet (DS) that dispenses it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any, Final

from nhicard.insurer.eprescriptions.tables import systems

TODAY: Final = date(2026, 3, 2)
PATIENT: Final = "A123456789"
VISIT: Final = "0123456789ABCDEFGHIJ"
LOINC: Final = "http://loinc.org"
Json = dict[str, Any]


def uri(name: str) -> str:
    return systems()[name][0]


def concept(system: str, code: str) -> Json:
    return {"coding": [{"system": uri(system), "code": code}]}


def identifier(system: str, value: str) -> Json:
    return {"system": uri(system), "value": value}


def section(code: str, *entries: str) -> Json:
    return {
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "entry": [{"reference": entry} for entry in entries],
    }


def organization(name: str, code: str) -> Json:
    return {
        "resourceType": "Organization",
        "id": name,
        "identifier": [{"value": code}],
        "name": "測試機構",
        "telecom": [{"system": "phone", "value": "02-00000000"}],
        "address": [{"text": "測試路 1 號"}],
    }


def person(**facts: Any) -> Json:
    return {
        "resourceType": "Patient",
        "id": "pat",
        "identifier": [{"system": "http://www.moi.gov.tw", "value": PATIENT}],
        "name": [{"text": "測試病患甲"}],
        "gender": "male",
        "birthDate": "1990-01-01",
    } | facts


def encounter(*identifiers: Json, case: str = "01") -> Json:
    return {
        "resourceType": "Encounter",
        "id": "enc",
        "identifier": list(identifiers),
        "status": "finished",
        "class": {"code": case},
        "serviceType": {"text": "家醫科"},
        "subject": {"reference": "Patient/pat"},
        "period": {"start": TODAY.isoformat()},
    }


def shared() -> list[Json]:
    """What both sheets hold."""
    return [
        person(),
        {
            "resourceType": "Coverage",
            "id": "cov",
            "status": "active",
            "beneficiary": {"reference": "Patient/pat"},
            "payor": [{"reference": "Organization/org"}],
        },
        {
            "resourceType": "Observation",
            "id": "obs",
            "status": "final",
            "code": {"coding": [{"system": LOINC, "code": "29463-7"}]},
            "valueQuantity": {"value": 70.5, "unit": "kg"},
        },
        {
            "resourceType": "Condition",
            "id": "con",
            "subject": {"reference": "Patient/pat"},
            "code": {"coding": [{"code": "I10"}]},
        },
        {
            "resourceType": "Medication",
            "id": "med",
            "code": {"coding": [{"system": uri("drug"), "code": "AC12345100"}], "text": "Testamine"},
            "form": {"text": "TAB"},
            "ingredient": [
                {
                    "itemCodeableConcept": {"text": "Testamine"},
                    "strength": {"numerator": {"value": 5, "unit": "mg"}, "denominator": {"value": 1, "unit": "TAB"}},
                }
            ],
        },
    ]


def order(kind: str, number: str, repeats: int, until: date, paid: str, **facts: Any) -> Json:
    return {
        "resourceType": "MedicationRequest",
        "id": "ord",
        "extension": [{"url": uri("total-duration"), "valuePositiveInt": 28}],
        "identifier": [{"use": "usual", **identifier("prescription-number", number)}],
        "status": "active",
        "intent": "order",
        "category": [concept("prescription-kind", kind), concept("order-type", "1"), concept("self-pay", paid)],
        "medicationReference": {"reference": "Medication/med"},
        "subject": {"reference": "Patient/pat"},
        "insurance": [{"reference": "Coverage/cov"}],
        "authoredOn": TODAY.isoformat(),
        "dispenseRequest": {
            "validityPeriod": {"start": TODAY.isoformat(), "end": until.isoformat()},
            "numberOfRepeatsAllowed": repeats,
            "quantity": {"value": 28, "unit": "TAB"},
            "expectedSupplyDuration": {"value": 28, "unit": "d"},
        },
    } | facts


def dosage() -> Json:
    return {
        "timing": {"code": {"coding": [{"system": uri("frequency"), "code": "QD"}]}},
        "route": {"text": "PO"},
        "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "TAB"}}],
    }


def bundle(title: str, custodian: str, entries: list[Json], *sections: Json) -> Json:
    first = {
        "resourceType": "Composition",
        "id": "com",
        "status": "final",
        "type": {"text": title},
        "subject": {"reference": "Patient/pat"},
        "encounter": {"reference": "Encounter/enc"},
        "date": TODAY.isoformat(),
        "author": [{"reference": "Practitioner/pra"}],
        "title": title,
        "custodian": {"reference": f"Organization/{custodian}"},
        "section": list(sections),
    }
    return {
        "resourceType": "Bundle",
        "type": "document",
        "timestamp": "2026-03-02T09:30:00+08:00",
        "identifier": {"system": uri("prescription-number"), "value": title},
        "entry": [
            {"fullUrl": f"https://example.org/{each['resourceType']}/{each['id']}", "resource": each}
            for each in (first, *entries)
        ],
    }


def prescription(
    institution: str,
    number: str = "RX0001",
    kind: str = "C",
    repeats: int = 3,
    visit: str = VISIT,
    days: int = 90,
    paid: str = "N",
) -> Json:
    """A prescription of one drug for the institution's patient, valid from ``TODAY``."""
    own = order(kind, number, repeats, TODAY + timedelta(days=days - 1), paid, dosageInstruction=[dosage()])
    own["identifier"].append({"use": "secondary", "value": "1"})
    if kind in "AD":
        own["dispenseRequest"]["expectedSupplyDuration"]["value"] = 7
    seen = [identifier("visit-identifier", visit)] if visit else []
    staff = {"resourceType": "Practitioner", "id": "pra", "name": [{"text": "測試醫師"}]}
    return bundle(
        "電子處方箋",
        "org",
        [
            organization("org", institution),
            staff,
            encounter(*seen, identifier("sequence-number", "0001"), case="01" if paid in ("N", "01") else "00"),
            *shared(),
            own,
        ],
        section("29762-2", "Coverage/cov"),
        section("85353-1", "Observation/obs"),
        section("29548-5", "Condition/con"),
        section("29551-9", "Medication/med", "MedicationRequest/ord"),
    )


def dispensing(
    prescribed: Json,
    code: str,
    institution: str,
    refill: int = 1,
    visit: str = "DSVISIT0000000000001",
    batch: str = "LOT-1",
) -> Json:
    """The sheet with which the institution dispenses the prescription."""
    ordered = one(prescribed, "MedicationRequest")
    kind = ordered["category"][0]["coding"][0]["code"]
    paid = ordered["category"][2]["coding"][0]["code"]
    own = {name: value for name, value in ordered.items() if name != "dosageInstruction"}
    own["category"] = [concept("prescription-kind", kind), concept("self-pay", paid)]
    own["identifier"] = [own["identifier"][0], identifier("access-code", code)]
    if kind in "CF":
        own["identifier"].append(identifier("refill-number", str(refill)))
    seen = [each for each in one(prescribed, "Encounter")["identifier"] if each["system"] == uri("visit-identifier")]
    seen = (
        [identifier("visit-identifier", visit), identifier("original-visit-identifier", seen[0]["value"])]
        if seen
        else []
    )
    done = {
        "resourceType": "MedicationDispense",
        "id": "dis",
        "status": "completed",
        "identifier": [{"value": "1"}, identifier("batch-number", batch)],
        "medicationReference": {"reference": "Medication/med"},
        "subject": {"reference": "Patient/pat"},
        "performer": [{"actor": {"reference": "Practitioner/pra"}}],
        "authorizingPrescription": [{"reference": "MedicationRequest/ord"}],
        "quantity": {"value": 28, "unit": "TAB"},
        "daysSupply": {"value": 28, "unit": "d"},
        "dosageInstruction": [dosage()],
        "substitution": {"wasSubstituted": False},
        "receiver": [{"reference": "Patient/pat"}],
    }
    issuer = one(prescribed, "Organization")["identifier"][0]["value"]
    contact = {"relationship": [{"text": "家屬"}], "name": {"text": "領藥者"}, "telecom": [{"value": "0900"}]}
    entries = [
        organization("org", issuer),
        organization("dispenser", institution),
        {"resourceType": "Practitioner", "id": "pra", "name": [{"text": "測試藥師"}]},
        encounter(*seen, identifier("sequence-number", "0002"), case=one(prescribed, "Encounter")["class"]["code"]),
        *shared(),
        own,
        done,
    ]
    entries[4] = person(contact=[contact])
    return bundle(
        "調劑單張",
        "dispenser",
        entries,
        section("29762-2", "Coverage/cov"),
        section("29548-5", "Condition/con"),
        section("29551-9", "Medication/med", "MedicationRequest/ord", "MedicationDispense/dis"),
    )


def one(document: Json, kind: str) -> Json:
    """The document's first resource of the type."""
    found: Json = next(each["resource"] for each in document["entry"] if each["resource"]["resourceType"] == kind)
    return found


def sent(document: Json) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
