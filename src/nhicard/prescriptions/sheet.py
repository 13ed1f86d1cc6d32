"""The prescription on paper: a sheet with a readable text layer and the QR codes, as PDF, PNG or SVG."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

import typst

from nhicard.formats import rocdate
from nhicard.prescriptions import writing
from nhicard.prescriptions.payload import Prescription
from nhicard.prescriptions.signing import Signed
from nhicard.prescriptions.tables import kinds
from nhicard.prescriptions.verification import valid_until

Paper = Literal["a5", "a4"]
Format = Literal["pdf", "png", "svg"]
_ACROSS: Final[Mapping[Paper, int]] = {"a5": 3, "a4": 4}
_SEX: Final = {"M": "男", "F": "女"}


def render(
    signed: Signed, institution: str, *, paper: Paper = "a5", form: Format = "pdf", dpi: int = 300
) -> list[bytes]:
    """The sheet: one PDF, or an image a page. ``institution``: its name. Raises ValueError where it is too long."""
    codes = writing.codes(signed)
    facts = _facts(signed.prescription, institution) | {
        "paper": paper,
        "codes": len(codes),
        "across": min(_ACROSS[paper], len(codes)),
        "width": writing.WIDTH_MM,
    }
    with TemporaryDirectory() as name:  # of mode 0700
        folder = Path(name)
        for number, code in enumerate(codes, 1):
            (folder / f"code-{number}.svg").write_bytes(writing.svg(code))
        template = folder / "sheet.typ"
        template.write_bytes((files("nhicard.prescriptions") / "sheet.typ").read_bytes())
        inputs = {"sheet": json.dumps(facts, ensure_ascii=False)}
        made: Any = typst.compile(template, root=folder, format=form, ppi=float(dpi), sys_inputs=inputs)
    return made if isinstance(made, list) else [made]


def _facts(prescription: Prescription, institution: str) -> dict[str, Any]:
    header = prescription.header
    until, refillable = valid_until(prescription), kinds()[header["kind"]].is_refillable
    told = [
        ("病患", header["patient_name"]),
        ("性別", _SEX[header["sex"]]),
        ("出生", _day(header["birth_date"])),
        ("身分證號", header["patient_id"]),
        ("就醫日期", _day(header["visit_date"])),
        ("科別", header["department"]),
        ("就醫序號", header["sequence_number"]),
        ("主診斷", header["diagnosis"]),
        ("院所代碼", header["institution"]),
        ("給付類別", header["payment_category"]),
        ("部分負擔", header["copayment_code"]),
        ("案件分類", header["case_category"]),
        ("日份", header["days"]),
        ("可調劑次數", header["dispensings"]),
        ("種類代碼", header["kind"]),
    ]
    return {
        "title": kinds()[header["kind"]].zh,
        "institution": institution,
        "identifier": header["visit_identifier"],
        "physician": header["physician_name"],
        "signed_at": f"{_day(header['signed_at'][:8])} {header['signed_at'][8:10]}:{header['signed_at'][10:12]}",
        "validity": f"{'末次' if refillable else ''}調劑期限 {_day(until.strftime('%Y%m%d'))}",
        "facts": told,
        "orders": [_order(order) for order in prescription.orders],
    }


def _order(order: Mapping[str, str]) -> dict[str, str]:
    detail = "　".join(
        filter(None, (order["code"], order["generic"], " ".join((order["content"], order["dosage_form"])).strip()))
    )
    return {
        "number": order["number"],
        "product": order["product"],
        "detail": detail,
        "replaceable": order["replaceable"],
        "dose": f"{order['dose']} {order['unit']}".strip(),
        "usage": order["usage"],
        "route": order["route"],
        "days": order["days"],
        "total": order["total"],
    }


def _day(text: str) -> str:
    """``yyyyMMdd`` as a ROC day with strokes: ``112/10/25``."""
    year, month, day = int(text[:4]) - rocdate.YEAR_BEFORE_FIRST, text[4:6], text[6:8]
    return f"{year}/{month}/{day}"
