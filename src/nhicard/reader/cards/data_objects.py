"""What GET DATA answers: the data objects of each kind of card, made from its image."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from nhicard.formats import rocdate
from nhicard.reader.cards.applications import (
    CERTIFICATE,
    INSTITUTION,
    NAME,
    NUMBER,
    PERSON_ID,
    PUBLIC_DATA,
    PUBLIC_DATA_WIDTHS,
    Kind,
)
from nhicard.reader.cards.image import CardImage, encode_name


def _public_data(image: CardImage) -> bytes:
    """The 57 bytes that every health card gives without a PIN."""
    fields = {
        "name": encode_name(image.name or ""),
        "birth_date": _roc_date(image.birth_date),
        "issue_date": _roc_date(image.issue_date),
    }
    return b"".join(fields.get(part) or _ascii(getattr(image, part)) for part in PUBLIC_DATA_WIDTHS)


def _roc_date(date: dt.date | None) -> bytes:
    return rocdate.format_date(date).encode("ascii") if date else b""


def _ascii(text: str | None) -> bytes:
    return (text or "").encode("ascii")


def _der(image: CardImage) -> bytes:
    return image.x509_certificate().public_bytes(Encoding.DER)


#: Value of each data object, by P1 P2 of GET DATA.
DATA_OBJECTS: Final[Mapping[Kind, Mapping[int, Callable[[CardImage], bytes]]]] = {
    Kind.HC: {PUBLIC_DATA: _public_data, CERTIFICATE: _der},
    Kind.HPC: {
        CERTIFICATE: _der,
        NUMBER: lambda image: _ascii(image.number),
        PERSON_ID: lambda image: _ascii(image.person_id),
        NAME: lambda image: encode_name(image.name or ""),
    },
    Kind.SAM: {
        CERTIFICATE: _der,
        NUMBER: lambda image: _ascii(image.number),
        INSTITUTION: lambda image: _ascii(image.institution),
    },
}
