"""QR codes as SVG and PNG."""

from __future__ import annotations

from io import BytesIO
from typing import Final

import segno

from nhicard.prescriptions import symbols
from nhicard.prescriptions.signing import Signed

#: 69 modules and a quiet zone of 4 on either side; at 0.5 mm a module 38.5 mm wide, three beside each other on A5.
VERSION: Final = 13
CORRECTION: Final = "m"
QUIET: Final = 4
MODULE_MM: Final = 0.5
WIDTH_MM: Final = (17 + 4 * VERSION + 2 * QUIET) * MODULE_MM


def codes(signed: Signed) -> list[segno.QRCode]:
    """The QR codes of a prescription, all of one size; raises ValueError where it is too long."""
    return [
        segno.make_qr(text, version=VERSION, error=CORRECTION, mode="alphanumeric", boost_error=False)
        for text in symbols.split(signed.content())
    ]


def svg(code: segno.QRCode) -> bytes:
    """The code as an SVG image that is ``WIDTH_MM`` wide."""
    out = BytesIO()
    code.save(out, kind="svg", border=QUIET, scale=MODULE_MM, unit="mm", light="white")
    return out.getvalue()


def png(code: segno.QRCode, dpi: int = 300) -> bytes:
    """The code as a PNG image, whole pixels a module, at least ``MODULE_MM`` at the resolution."""
    out = BytesIO()
    pixels = max(1, round(MODULE_MM / 25.4 * dpi + 0.49))
    code.save(out, kind="png", border=QUIET, scale=pixels, dpi=dpi)
    return out.getvalue()
