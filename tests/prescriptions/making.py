"""Prescriptions for tests: made up, signed by a made-up physician of a made-up root."""

from __future__ import annotations

import random
from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image

from nhicard.bench.prescriptions import Physician, made_up, physician, printed
from nhicard.prescriptions import Prescription, Signed, sign


@cache
def doctor(seed: int = 0) -> Physician:
    """A physician; another one for another seed, under the same root."""
    return physician(seed)


def prescription(seed: int = 1, orders: int = 3, **header: Any) -> Prescription:
    """A prescription with these values in its header."""
    told = made_up(random.Random(seed), doctor(), orders)
    return Prescription(dict(told.header) | header, told.orders)


def signed(seed: int = 1, orders: int = 3, by: Physician | None = None, **header: Any) -> Signed:
    """The same, signed."""
    by = by or doctor()
    return sign(prescription(seed, orders, **header), by.certificate, by.signer)


def photographed(found: Signed, dpi: int = 300) -> bytes:
    """A clean image of the codes."""
    return png(printed(found, dpi))


def png(image: Image.Image) -> bytes:
    """The image as a file."""
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
