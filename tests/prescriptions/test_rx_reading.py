"""Prescriptions through print and scan: what is legible is read, what is not is refused by a sentence."""

from __future__ import annotations

import random
import struct
import zlib
from io import BytesIO

import pypdfium2
import pytest
from PIL import Image, ImageDraw, ImageFilter
from tests.prescriptions.making import doctor, photographed, png, signed

from nhicard.bench.prescriptions import CAPTURES, NOW, captured, measured, printed, survives
from nhicard.prescriptions import origin, reading, sheet
from nhicard.prescriptions.reasons import Refused

#: docs/prescriptions.md states what 1,000 gave; `python -m nhicard.bench.prescriptions` repeats it.
FLOOR = 0.99


def refusal(*contents: bytes) -> str:
    with pytest.raises(Refused) as caught:
        reading.read(contents)
    return caught.value.reason.code


def test_twenty_random_prescriptions_survive_print_and_scan() -> None:
    found = measured(20, seed=7)
    read, tried = (sum(each) for each in zip(*found.values(), strict=True))
    assert tried == 20
    assert read / tried >= FLOOR


@pytest.mark.soak
def test_a_thousand_do() -> None:
    found = measured(1000, seed=1)
    assert min(read / tried for read, tried in found.values()) >= FLOOR


@pytest.mark.parametrize("how", CAPTURES, ids=lambda how: how.name)
def test_the_whole_sheet_is_read_as_its_codes_are(how: object) -> None:
    told = signed(5, orders=4)
    (page,) = sheet.render(told, "測試診所", form="png", dpi=300)
    with Image.open(BytesIO(page)) as image:
        photo = captured(image.convert("L"), how, random.Random(3), printed_dpi=300)  # type: ignore[arg-type]
    assert reading.read([photo]).prescription == told.prescription


def test_every_direction_is_read() -> None:
    told = signed()
    for degrees in (45, 90, 180, 270):
        image = printed(told, 200).rotate(degrees, expand=True, fillcolor=255)
        assert reading.read([png(image)]).prescription == told.prescription


def test_codes_may_lie_in_several_images() -> None:
    told = signed(orders=8)
    whole = printed(told, 200)
    halves = [
        whole.crop((0, 0, whole.width // 3 + 9, whole.height)),
        whole.crop((whole.width // 3 - 9, 0, *whole.size)),
    ]
    assert refusal(png(halves[0])) == "symbols_missing"
    assert reading.read([png(half) for half in halves]).prescription == told.prescription


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK"])
def test_images_of_any_colour_are_read(mode: str) -> None:
    told, out = signed(), BytesIO()
    printed(told, 200).convert("RGB").convert(mode).save(out, "JPEG" if mode == "CMYK" else "PNG")
    assert reading.read([out.getvalue()]).prescription == told.prescription


def test_a_transparent_ground_counts_as_white() -> None:
    told = signed()
    grey = printed(told, 200)
    image = Image.merge("RGBA", [*[Image.new("L", grey.size, 0)] * 3, grey.point(lambda shade: 255 - shade)])
    assert reading.read([png(image)]).prescription == told.prescription


def test_blurred_beyond_reading_is_refused() -> None:
    image = printed(signed(), 200).filter(ImageFilter.GaussianBlur(6))
    assert refusal(png(image)) == "no_symbol"


def test_a_code_half_covered_is_named_as_missing() -> None:
    image = printed(signed(), 200)
    ImageDraw.Draw(image).rectangle((0, 0, image.width // 6, image.height), fill=120)
    assert refusal(png(image)) == "symbols_missing"


def test_a_small_stain_does_no_harm() -> None:
    told, image = signed(), printed(signed(), 200)
    ImageDraw.Draw(image).ellipse((140, 140, 160, 160), fill=0)
    assert reading.read([png(image)]).prescription == told.prescription


def test_a_pdf_is_read_page_by_page() -> None:
    told = signed(orders=30)
    (pdf,) = sheet.render(told, "測試診所")
    assert reading.read([pdf]).prescription == told.prescription


def pages(count: int, width: float = 100, height: float = 100) -> bytes:
    document, out = pypdfium2.PdfDocument.new(), BytesIO()
    for _ in range(count):
        document.new_page(width, height)
    document.save(out)
    document.close()
    return out.getvalue()


def huge_png(width: int, height: int) -> bytes:
    """A PNG that says it is huge, in a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")


HOSTILE = {
    "nothing": (b"", "no_file"),
    "too large": (b"\x89PNG\r\n\x1a\n" + bytes(reading.LARGEST), "file_large"),
    "a program": (b"MZ" + bytes(400), "file_type"),
    "a picture of another kind": (b"GIF89a" + bytes(400), "file_type"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "file_type"),
    "a PNG cut off": (photographed(signed(), 100)[:900], "file_type"),
    "a JPEG of nonsense": (b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8, "file_type"),
    "a PDF of nonsense": (b"%PDF-1.7\n" + bytes(999), "file_type"),
    "a bomb of pixels": (huge_png(60_000, 60_000), "too_many_pixels"),
    "a large picture": (huge_png(8000, 8000), "too_many_pixels"),
    "hundreds of pages": (pages(300), "too_many_pages"),
    "a page like a field": (pages(1, 14_000, 14_000), "too_many_pixels"),
    "a blank page": (pages(1), "no_symbol"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_by_a_sentence(name: str) -> None:
    content, code = HOSTILE[name]
    assert refusal(content) == code


def test_ten_pages_of_a4_are_not_too_many() -> None:
    assert refusal(pages(reading.MOST_PAGES, 595, 842)) == "no_symbol"


def test_the_simulation_notices_what_cannot_be_read() -> None:
    from dataclasses import replace

    assert not survives(1, replace(CAPTURES[0], blur=(9, 9)), doctor())


def test_a_printed_code_is_genuine() -> None:
    assert origin(reading.read([photographed(signed())]), doctor().root, NOW).reasons == ()
