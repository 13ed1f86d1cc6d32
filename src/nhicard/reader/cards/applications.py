"""What is where on a card: applications, data objects and reference data, for who writes and who reads them.

The patient card's application and its 57 bytes of public data are those of real health cards. The other two
applications are of this project alone: their identifiers begin with F, the unregistered category of
ISO 7816-5, followed by ``nhicard`` in ASCII and a number.
"""

from __future__ import annotations

import re
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Kind(StrEnum):
    """The three kinds of card that a consulting room uses."""

    HC = "HC"  # 健保卡, the patient's
    HPC = "HPC"  # 醫事人員卡, the staff's
    SAM = "SAM"  # 安全模組卡, the institution's


#: Application identifiers, in the order in which an unknown card is asked.
AIDS: Final = MappingProxyType(
    {
        Kind.HC: bytes.fromhex("D1580000010000000000000000001100"),
        Kind.HPC: b"\xf0nhicard\x01",
        Kind.SAM: b"\xf0nhicard\x02",
    }
)

# Data objects, P1 P2 of GET DATA. 7F21 is the card holder's certificate of ISO 7816-6; 01xx is the range that
# ISO 7816-4 leaves to applications.
PUBLIC_DATA: Final = 0x1100
CERTIFICATE: Final = 0x7F21
NUMBER: Final = 0x0101
INSTITUTION: Final = 0x0102
PERSON_ID: Final = 0x0103
NAME: Final = 0x0104

#: Data field that real clients send with GET DATA of the public data.
PUBLIC_DATA_QUERY: Final = b"\x00\x00"
#: Fields of the public data and their widths in bytes; dates are ROC ``yyyMMdd``, the name is Big5.
PUBLIC_DATA_WIDTHS: Final = MappingProxyType(
    {"number": 12, "name": 20, "person_id": 10, "birth_date": 7, "sex": 1, "issue_date": 7}
)
PUBLIC_DATA_LENGTH: Final = sum(PUBLIC_DATA_WIDTHS.values())

#: P2 of every command about the PIN: specific reference data, number 1.
PIN_REFERENCE: Final = 0x81
#: A PIN or PUK travels as a block of fixed length, padded with FF, so that two of them can stand side by side.
BLOCK: Final = 12
_CODE: Final = re.compile(r"[0-9A-Za-z]{4,12}")
_PADDING: Final = b"\xff"


def code_block(code: str) -> bytes:
    """A PIN or PUK as it travels, 12 bytes; raises `ValueError` unless it has 4 to 12 ASCII letters or digits."""
    if not _CODE.fullmatch(code):
        raise ValueError("密碼須為 4 至 12 個英文字母或數字。A PIN or PUK has 4 to 12 letters or digits.")
    return code.encode("ascii").ljust(BLOCK, _PADDING)


def code_of(block: bytes) -> str:
    """The PIN or PUK in a block; raises `ValueError` where it holds none."""
    code = block.rstrip(_PADDING).decode("latin-1")
    code_block(code)  # its form
    return code
