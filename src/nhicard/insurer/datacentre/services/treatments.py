"""What is read from and written to a visit: diagnoses, fees, prescriptions with their signatures."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import polars as pl
from django.db import transaction

from nhicard.formats import rocdate
from nhicard.formats.status_codes import Refused
from nhicard.identity import visit_signatures
from nhicard.insurer.datacentre import policy
from nhicard.insurer.datacentre.authentication import Caller
from nhicard.insurer.datacentre.models import Prescription, Treatment
from nhicard.insurer.datacentre.services.taps import treatment_of
from nhicard.insurer.registry.authority import authority
from nhicard.insurer.registry.models import HealthCard, Profession

FEES: Final = ("outpatientFee", "costFee", "inpatientFee", "inpatient30Fee", "inpatient180Fee")
_ICD10: Final = re.compile(r"[A-Z][0-9][0-9A-Z][0-9A-Z]{0,4}")


class OrderToWrite(Protocol):
    """One order of Prescription/Write, values as sent."""

    days: str
    deliveryNotes: str
    totalQuantity: str
    treatmentDateTime: str
    treatmentItem: str
    treatmentItemCode: str
    treatmentPosition: str
    usage: str


def recent(card: HealthCard) -> list[dict[str, Any]]:
    """The holder's last visits without what needs a staff card."""
    return [
        {
            "treatmentItem": row.item,
            "treatDateTime": rocdate.format_datetime(row.time),
            "afterCheck": row.after_check,
            "hospitalVisit": row.sequence_number,
            "hospitalId": row.institution.code,
            **{fee: row.fees.get(fee, 0) for fee in FEES},
        }
        for row in _recent(card)
    ]


def diagnoses(caller: Caller) -> list[dict[str, str]]:
    """The holder's last diagnoses; for physicians (3212)."""
    _require_profession(caller, 3212, Profession.PHYSICIAN)
    return [
        {
            "treatDateTime": rocdate.format_datetime(row.time),
            "mainCode": row.main_code,
            **{f"subCode{place + 1}": _at(row.sub_codes, place) for place in range(5)},
        }
        for row in _recent(caller.patient_card)
    ]


def prescriptions(caller: Caller) -> list[dict[str, str]]:
    """The holder's last orders, newest visit first; for physicians and pharmacists (3243)."""
    _require_profession(caller, 3243, Profession.PHYSICIAN, Profession.PHARMACIST)
    rows = Prescription.objects.select_related("treatment").filter(
        treatment__patient_id=caller.patient_card.person.id_no, treatment__rolled_back_at__isnull=True
    )
    return [
        {
            "treatmentDateTime": rocdate.format_datetime(row.treatment.time),
            "treatmentItem": row.item,
            "treatmentItemCode": row.code,
            "treatmentPosition": row.site,
            "usage": row.usage,
            "days": row.days,
            "totalQuantity": row.total,
        }
        for row in rows.order_by("-treatment__time", "pk")[: policy.PRESCRIPTIONS_SHOWN]
    ]


@transaction.atomic
def write_codes_and_fees(
    caller: Caller,
    *,
    time: datetime,
    after_check: str,
    main_code: str,
    sub_codes: Sequence[str],
    fees: dict[str, int],
    now: datetime,
) -> dict[str, Any]:
    """Write a visit's diagnoses and fees once. Raises Refused: 3208, 3209 written before, 3211, 3501 no ICD-10 code."""
    treatment = _writable(caller, time)
    if treatment.coded_at:
        raise Refused(3209)
    if after_check and treatment.after_check and after_check != treatment.after_check:
        raise Refused(3227, "afterCheck")
    codes = [code for code in (main_code, *sub_codes) if code]
    if not main_code or not all(_ICD10.fullmatch(code) for code in codes):
        raise Refused(3501)
    treatment.main_code = main_code
    treatment.sub_codes = [code for code in sub_codes if code]
    treatment.fees = fees
    treatment.coded_at = now
    treatment.save(update_fields=["main_code", "sub_codes", "fees", "coded_at"])
    return {}


@transaction.atomic
def write_prescriptions(
    caller: Caller, *, time: datetime, orders: Sequence[OrderToWrite], now: datetime
) -> dict[str, Any]:
    """Write orders to a visit and sign each, in the given order; the same order twice is one order.

    Raises Refused: 3208, 3211, 3227 where an order bears another time than the visit, 3300.
    """
    treatment = _writable(caller, time)
    own_time = rocdate.format_datetime(treatment.time)
    if any(order.treatmentDateTime not in ("", own_time) for order in orders):
        raise Refused(3227)
    signatures = _signatures(treatment, own_time, orders)
    written = set(treatment.prescriptions.values_list("signature", "item", "delivery"))
    for order, signature in zip(orders, signatures, strict=True):
        if (signature, order.treatmentItem, order.deliveryNotes) in written:
            continue
        Prescription.objects.create(
            treatment=treatment,
            item=order.treatmentItem,
            code=order.treatmentItemCode,
            site=order.treatmentPosition,
            usage=order.usage,
            days=order.days,
            total=order.totalQuantity,
            delivery=order.deliveryNotes,
            signature=signature,
            written_at=now,
        )
        written.add((signature, order.treatmentItem, order.deliveryNotes))
    return {
        "signatureItems": [base64.b64encode(bytes.fromhex(each)).decode() for each in signatures],
        "hexSignatureItems": signatures,
    }


def _signatures(treatment: Treatment, time: str, orders: Sequence[OrderToWrite]) -> list[str]:
    key = authority().keys.at(treatment.time)
    if key is None:
        raise Refused(3300)
    facts = {
        "code": [order.treatmentItemCode for order in orders],
        "site": [order.treatmentPosition for order in orders],
        "usage": [order.usage for order in orders],
        "days": [order.days for order in orders],
        "total": [order.totalQuantity for order in orders],
    }
    visit = {"institution": treatment.institution.code, "person": treatment.patient_id, "time": time}
    frame = pl.DataFrame(facts, schema=dict.fromkeys(facts, pl.String)).with_columns(
        pl.lit(value).alias(name) for name, value in visit.items()
    )
    return visit_signatures.sign_orders(key, frame).to_list()


def _writable(caller: Caller, time: datetime) -> Treatment:
    treatment = treatment_of(caller, time, for_update=True)
    if treatment.rolled_back_at:
        raise Refused(3220)
    return treatment


def _recent(card: HealthCard) -> list[Treatment]:
    rows = Treatment.objects.select_related("institution").filter(
        patient_id=card.person.id_no, rolled_back_at__isnull=True
    )
    return list(rows.order_by("-time")[: policy.TREATMENTS_SHOWN])


def _require_profession(caller: Caller, refusal: int, *professions: Profession) -> None:
    if caller.staff is None or caller.staff.profession not in professions:
        raise Refused(refusal)


def _at(codes: Sequence[str], place: int) -> str:
    return codes[place] if place < len(codes) else ""
