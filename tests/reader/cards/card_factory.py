"""Cards for tests: throw-away keys, self-signed certificates, people that have role names only."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nhicard.reader.cards.applet import SimulatedCard
from nhicard.reader.cards.applications import Kind
from nhicard.reader.cards.image import CardImage, new_image, save

CHEAP = 2  # scrypt's cost where many PINs are tried

HOLDERS: dict[Kind, dict[str, Any]] = {
    Kind.HC: {
        "number": "000000000012",
        "person_id": "A123456789",
        "name": "測試病患甲",
        "birth_date": dt.date(1990, 2, 3),
        "sex": "F",
        "issue_date": dt.date(2015, 6, 7),
    },
    Kind.HPC: {
        "number": "HPC000000034",
        "person_id": "B123456780",
        "name": "測試醫師",
        "pin": "135790",
        "puk": "24681357",
    },
    Kind.SAM: {"number": "SAM000000056", "institution": "3501200000"},
}


@cache
def key_pair() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A P-256 key and a certificate of it that nobody vouches for; as long as issued ones."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test card")])
    filling = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), bytes(400))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(dt.datetime(2023, 1, 1))
        .not_valid_after(dt.datetime(2033, 1, 1))
        .add_extension(filling, critical=False)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def make_image(kind: Kind, **changes: Any) -> CardImage:
    """An image of the kind with its usual holder, but for the changes."""
    key, certificate = key_pair()
    facts: dict[str, Any] = (
        {"private_key": key, "certificate": certificate, "scrypt_n": CHEAP} | HOLDERS[kind] | changes
    )
    return new_image(kind, **facts)


@dataclass(frozen=True)
class Made:
    """A simulated card and the file that it lives in."""

    card: SimulatedCard
    path: Path


def make_card(folder: Path, kind: Kind, **changes: Any) -> Made:
    """A simulated card with a file in the folder."""
    path = folder / "card.json"
    save(make_image(kind, **changes), path)
    return Made(SimulatedCard(path, scrypt_n=CHEAP), path)
