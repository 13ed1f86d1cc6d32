"""``nhicard rx print`` and ``read`` as a clinic and a pharmacy use them, with a simulated staff card."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from PIL import Image
from tests.prescriptions.making import doctor
from typer.testing import CliRunner

from nhicard.cli.app import app
from nhicard.formats import write
from nhicard.institution.visits import Visits, write20
from nhicard.reader.cards.applications import Kind
from nhicard.reader.cards.image import new_image, save

PIN = "135790"
SIGNED_AT = "2026-03-02T09:30:15"
VISIT: dict[str, Any] = {
    "patient_id": "A123456789",
    "birth_date": "0790101",
    "institution": "3501200000",
    "visit_category": "01",
    "visit_time": "1150302092500",
    "sequence_number": "0012",
    "visit_identifier": "ABCDEFGHIJ0123456789",
    "principal_diagnosis": "I10",
    "continuous_refills": "3",
    "payment_category": "4",
}
ORDERS: list[dict[str, Any]] = [
    {
        "order_category": "1",
        "order_number": "001",
        "prescription_kind": "C",
        "order_code": "AC12345100",
        "usage": "QD",
        "days": "28",
        "total": "28.0",
        "route": "PO",
    },
    {
        "order_category": "1",
        "order_number": "002",
        "prescription_kind": "A",
        "order_code": "AC23456100",
        "usage": "TID",
        "days": "3",
        "total": "9.5",
        "route": "PO",
    },
]
NAMES: dict[str, Any] = {
    "institution_name": "測試診所",
    "patient_name": "測試病患甲",
    "sex": "M",
    "physician_name": "測試醫師",
    "department": "02",
    "orders": [
        {"order_number": "001", "product": "測試緩釋錠 30 毫克", "generic": "TESTIPINE", "dose": "1", "unit": "TAB"},
        {"order_number": "002", "product": "測試錠 500 毫克", "dose": "1", "unit": "TAB", "replaceable": "N"},
    ],
}


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A folder with a visit, its names, the physician's card and the insurer's root."""
    by = doctor()
    card = new_image(
        Kind.HPC,
        "P00000000000",
        by.key,
        by.certificate,
        person_id=by.person,
        name="測試醫師",
        pin=PIN,
        puk="24681357",
        scrypt_n=2,
    )
    save(card, tmp_path / "doctor.json")
    visit = VISIT | {"staff_id": by.person, "orders": ORDERS}
    (tmp_path / "visit.json").write_text(json.dumps(visit), encoding="utf-8")
    (tmp_path / "names.json").write_text(json.dumps(NAMES), encoding="utf-8")
    (tmp_path / "root.pem").write_bytes(by.root.public_bytes(Encoding.PEM))
    return tmp_path


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["rx", *map(str, arguments)])


def print_sheet(room: Path, output: str = "sheet.pdf", visit: str = "visit.json", kind: str = "C", *more: str) -> Any:
    told: list[str | Path] = [
        "--names",
        room / "names.json",
        "--card",
        room / "doctor.json",
        "--as-of",
        SIGNED_AT,
        "--kind",
        kind,
    ]
    return run("print", room / visit, "-o", room / output, *told, *(more or ("--pin", PIN)))


def read_sheet(room: Path, *images: str, as_of: str = "2026-03-02T15:00", more: tuple[str, ...] = ()) -> Any:
    found = run(
        "read",
        *(room / image for image in images),
        "--keys",
        room / "root.pem",
        "--as-of",
        as_of,
        "--format",
        "json",
        *more,
    )
    return found.exit_code, json.loads(found.stdout) if found.stdout else found.stderr


@pytest.mark.parametrize("form", ["pdf", "png"])
def test_what_the_clinic_prints_the_pharmacy_reads(room: Path, form: str) -> None:
    done = print_sheet(room, f"sheet.{form}")
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE((room / f"sheet.{form}").stat().st_mode) == 0o600
    code, told = read_sheet(room, f"sheet.{form}")
    assert (code, told["accepted"], told["valid_until"]) == (0, True, "2026-05-25")
    read = told["prescription"]
    assert {name: read[name] for name in ("patient_id", "birth_date", "days", "dispensings", "kind", "visit_date")} == {
        "patient_id": "A123456789",
        "birth_date": "19900101",
        "days": "28",
        "dispensings": "3",
        "kind": "C",
        "visit_date": "20260302",
    }
    assert read["physician_id"] == f"{doctor().person[:2]}****{doctor().person[6:]}"
    assert [(each["code"], each["product"], each["total"]) for each in read["orders"]] == [
        ("AC12345100", "測試緩釋錠 30 毫克", "28")
    ]


def test_text_for_people(room: Path) -> None:
    print_sheet(room)
    found = run("read", room / "sheet.pdf", "--keys", room / "root.pem", "--as-of", "2026-03-02T15:00")
    assert found.exit_code == 0
    assert "可以調劑" in found.stdout
    assert "慢性病連續處方箋" in found.stdout
    assert "測試緩釋錠" in found.stdout


def test_a_record_of_an_upload_file_serves_as_well(room: Path) -> None:
    import polars as pl

    visits = pl.DataFrame([VISIT | {"staff_id": doctor().person}])
    orders = pl.DataFrame(ORDERS).with_columns(visit=pl.lit(0, pl.UInt32))
    (room / "upload.xml").write_bytes(write(write20(Visits.of_frames(visits, orders))))
    done = print_sheet(room, "other.pdf", "upload.xml", "A")
    assert done.exit_code == 0, done.output
    code, told = read_sheet(room, "other.pdf")
    assert (code, told["prescription"]["kind"], told["prescription"]["orders"][0]["total"]) == (0, "A", "9.5")
    assert told["prescription"]["orders"][0]["replaceable"] == "N"


def test_a_sheet_photographed_in_parts(room: Path) -> None:
    print_sheet(room, "sheet.png")
    with Image.open(room / "sheet.png") as sheet:
        middle = sheet.width // 2
        sheet.crop((0, 0, middle + 240, sheet.height)).save(room / "left.png")
        sheet.crop((middle - 240, 0, *sheet.size)).save(room / "right.png")
    code, told = read_sheet(room, "left.png")
    assert (code, told["reasons"][0]["code"]) == (2, "symbols_missing")
    assert read_sheet(room, "left.png", "right.png")[0] == 0


REFUSED = {
    "expired": ("2026-06-30T09:00", 1, ["expired", "history_unknown"]),
    "in force": ("2026-05-25T23:59", 0, ["history_unknown"]),
    "from the future": ("2026-03-01T09:00", 1, ["signed_ahead", "history_unknown"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_moment_decides(room: Path, name: str) -> None:
    as_of, code, reasons = REFUSED[name]
    print_sheet(room)
    found, told = read_sheet(room, "sheet.pdf", as_of=as_of)
    assert (found, [each["code"] for each in told["reasons"]]) == (code, reasons)


def test_refills_that_were_dispensed(room: Path) -> None:
    print_sheet(room)
    rows = "".join(f"ABCDEFGHIJ0123456789,{n},5901000001,false\n" for n in (1, 2, 3))
    for taken, code, following in ((0, 0, 1), (1, 0, 2), (3, 1, None)):
        kept = "".join(rows.splitlines(keepends=True)[:taken])
        (room / "refills.csv").write_text("identifier,number,dispensed_by,cancelled\n" + kept, encoding="utf-8")
        found = read_sheet(room, "sheet.pdf", as_of="2026-03-25T09:00", more=("--refills", str(room / "refills.csv")))
        assert (found[0], found[1]["next_refill"]) == (code, following)


def test_another_root_is_not_believed(room: Path) -> None:
    from datetime import datetime

    from nhicard.identity.certificates import make_root, new_key

    print_sheet(room)
    other = make_root(new_key(), datetime(2020, 1, 1), datetime(2040, 1, 1))
    (room / "root.pem").write_bytes(other.public_bytes(Encoding.PEM))
    code, told = read_sheet(room, "sheet.pdf")
    assert (code, told["accepted"], told["reasons"][0]["code"]) == (1, False, "certificate_unknown")


UNUSABLE = {
    "a wrong PIN": ("C", ("--pin", "000000"), "卡片無法簽章"),
    "a kind that is not prescribed": ("B", ("--pin", PIN), "沒有這種處方"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_cannot_be_signed_leaves_no_sheet(room: Path, name: str) -> None:
    kind, more, sentence = UNUSABLE[name]
    done = print_sheet(room, "sheet.pdf", "visit.json", kind, *more)
    assert done.exit_code == 2
    assert sentence in done.output
    assert not (room / "sheet.pdf").exists()
    assert VISIT["patient_id"] not in done.output


def test_what_is_missing_is_named(room: Path) -> None:
    (room / "names.json").write_text("{}", encoding="utf-8")
    done = print_sheet(room)
    assert done.exit_code == 2
    assert "病患姓名：不可空白" in done.output


def test_files_that_are_none(room: Path) -> None:
    (room / "note.txt").write_text("hello", encoding="utf-8")
    assert read_sheet(room, "note.txt")[0] == 2
    assert run("read", room / "missing.png", "--keys", room / "root.pem").exit_code == 2
    assert run("read", room / "note.txt", "--keys", room / "visit.json").exit_code == 2
