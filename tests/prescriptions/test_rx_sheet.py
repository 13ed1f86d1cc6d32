"""The sheet: everything on it can be read by people and programs, whatever its length."""

from __future__ import annotations

import pypdfium2
import pytest
from tests.prescriptions.making import signed

from nhicard.prescriptions import reading, sheet
from nhicard.prescriptions.sheet import Paper

MILLIMETRES = {"a5": (148, 210), "a4": (210, 297)}


def texts(pdf: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [document[number].get_textpage().get_text_range() for number in range(len(document))]
    finally:
        document.close()


@pytest.mark.parametrize("paper", ["a5", "a4"])
def test_the_text_layer_says_what_the_codes_say(paper: Paper) -> None:
    told = signed(orders=5)
    (pdf,) = sheet.render(told, "測試診所", paper=paper)
    (page,) = texts(pdf)
    header = told.prescription.header
    for value in (
        "測試診所",
        header["patient_name"],
        header["patient_id"],
        header["visit_identifier"],
        "第 1 頁／共 1 頁",
    ):
        assert value in page
    for order in told.prescription.orders:
        assert order["code"] in page
        assert order["product"][:3] in page
    assert reading.read([pdf]) == told
    document = pypdfium2.PdfDocument(pdf)
    size = tuple(round(side / 72 * 25.4) for side in document[0].get_size())
    document.close()
    assert size == MILLIMETRES[paper]


def test_a_long_prescription_goes_on_over_the_page() -> None:
    told = signed(orders=40)
    (pdf,) = sheet.render(told, "測試診所")
    found = texts(pdf)
    assert len(found) > 1
    assert all(f"第 {n} 頁／共 {len(found)} 頁" in page for n, page in enumerate(found, 1))
    assert reading.read([pdf]) == told
    images = sheet.render(told, "測試診所", form="png", dpi=200)
    assert len(images) == len(found)
    assert reading.read(images) == told


def test_names_are_text_and_never_instructions() -> None:
    told = signed(patient_name="#panic() *測* $x$", physician_name='"]\\#read("/etc/passwd")')
    (pdf,) = sheet.render(told, "測試 #診所 <b>")
    (page,) = texts(pdf)
    assert "#panic() *測* $x$" in page
    assert "測試#診所<b>" in page.replace(" ", "")  # blanks are the typesetter's between scripts


def test_an_svg_page_holds_no_foreign_resource() -> None:
    (page,) = sheet.render(signed(), "測試診所", form="svg")
    assert page.startswith(b"<svg")
    assert b'href="http' not in page
