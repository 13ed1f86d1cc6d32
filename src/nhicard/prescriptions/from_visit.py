"""A prescription from a visit as the institution tells it (docs/visits.md), and the names that it needs besides.

What a visit does not tell stands under the prescription's own field names (``data/fields.csv``): ``patient_name``,
``physician_name``, ``sex``, ``department`` …, and ``product``, ``generic``, ``dose`` … of the orders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from nhicard.formats import rocdate
from nhicard.prescriptions.payload import InvalidPrescription, Prescription, masked_physician
from nhicard.prescriptions.tables import Field, fields, kinds

_REPLACEABLE: Final = "Y"  # where the physician said nothing against it


def of_visit(visit: Mapping[str, Any], signed_at: datetime, kind: str | None = None) -> Prescription:
    """The prescription of one kind of a visit; values in the wire form of edition 2.0, ``orders`` a list.

    ``kind``: A to F; needed where the visit prescribes more than one. Raises InvalidPrescription.
    """
    orders = [order for order in visit.get("orders", ()) if order.get("prescription_kind") in kinds()]
    found = sorted({order["prescription_kind"] for order in orders})
    if kind is None and len(found) > 1:
        several = " ".join(found)
        raise InvalidPrescription(
            "kind", f"這次就醫開立 {several}，請指定一種。", f"The visit prescribes {several}; choose one."
        )
    kind = kind or (found[0] if found else "")
    if kind not in found:
        raise InvalidPrescription("kind", "這次就醫沒有這種處方。", "The visit has no such prescription.")
    mine = [order for order in orders if order["prescription_kind"] == kind]
    told = {
        "signed_at": f"{signed_at:%Y%m%d%H%M%S}",
        "kind": kind,
        "dispensings": _text(visit.get(kinds()[kind].visit_column)) or "1",
        "days": str(max(map(_days, mine))) if any(map(_days, mine)) else _text(visit.get("days_supplied")),
    }
    header = _told("header", visit, told)
    return Prescription(
        header,
        [_told("order", order, {"number": str(n), "replaceable": _REPLACEABLE}) for n, order in enumerate(mine, 1)],
    )


def _told(of: Any, source: Mapping[str, Any], default: Mapping[str, str]) -> dict[str, str]:
    return {field.name: _value(field, source) or default.get(field.name, "") for field in fields(of)}


def _value(field: Field, source: Mapping[str, Any]) -> str:
    own = _text(source.get(field.name))
    told = _text(source.get(field.visit_column)) if field.visit_column else ""
    if not told:
        return own
    try:
        return _FORMS.get(field.form, str)(told)
    except ValueError:
        raise InvalidPrescription(field.name, f"{field.zh}：格式不對。", f"{field.en}: its form is wrong.") from None


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _days(order: Mapping[str, Any]) -> int:
    told = _text(order.get("days"))
    return int(told) if told.isascii() and told.isdecimal() else 0


def _number(told: str) -> str:
    return str(int(told))


def _quantity(told: str) -> str:
    whole, _, part = told.partition(".")
    part = part.rstrip("0")
    return f"{int(whole)}.{part}" if part else str(int(whole))


_FORMS: Final[Mapping[str, Callable[[str], str]]] = {
    "date": lambda told: f"{rocdate.parse_date(told[:7]):%Y%m%d}",
    "masked": masked_physician,
    "number": _number,
    "quantity": _quantity,
}
