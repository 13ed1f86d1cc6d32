"""A simulated card's file: what a real card keeps in its chip, as JSON that only its owner may read.

A card is a thing with a memory of its own, so everything that must survive its being pulled out (above all the
tries left) is on disk before the card answers.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from nhicard.formats import encoding, rocdate
from nhicard.identity.private_files import read_private, write_private
from nhicard.reader.cards.applications import PUBLIC_DATA_WIDTHS, Kind, code_block
from nhicard.reader.cards.file_lock import locked
from nhicard.reader.cards.secret_code import PIN_TRIES, PUK_TRIES, SCRYPT_N, SecretCode

FORMAT: Final = "nhicard card image 1"

_FORMS: Final = {
    "number": re.compile(r"[0-9A-Z]{12}"),
    "institution": re.compile(r"[0-9A-Z]{10}"),
    "person_id": re.compile(r"[0-9A-Z]{10}"),
    "sex": re.compile(r"[MF]"),
}
_DATES: Final = ("birth_date", "issue_date")
_TEXTS: Final = ("kind", "number", "private_key", "certificate", "institution", "person_id", "name", "sex")
_SECRETS: Final = ("pin", "puk")
#: What a card of each kind holds beyond number, key and certificate.
_HOLDS: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.HC: frozenset({"person_id", "name", "birth_date", "sex", "issue_date"}),
    Kind.HPC: frozenset({"person_id", "name", "pin", "puk"}),
    Kind.SAM: frozenset({"institution"}),
}
#: What it may hold: a patient's card has no PIN until its holder sets one.
_MAY_HOLD: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.HC: _HOLDS[Kind.HC] | {"pin", "puk"},
    Kind.HPC: _HOLDS[Kind.HPC],
    Kind.SAM: _HOLDS[Kind.SAM],
}
_OPTIONAL: Final = frozenset.union(*_MAY_HOLD.values())


class DamagedImage(ValueError):
    """The file is no card image, or not a whole one; the message names the file and what is wrong."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path.name} 不是完整的模擬卡檔案。{path.name} is not a whole card image: {reason}.")


@dataclass(frozen=True, slots=True)
class CardImage:
    """Everything on one card. Key and certificate are PEM (PKCS #8, X.509); dates are civil dates.

    ``pin`` may be kept while ``pin_required`` is off (ISO 7816-4, DISABLE VERIFICATION REQUIREMENT). Raises
    `ValueError`, without quoting personal data, for what no card of the kind can hold.
    """

    kind: Kind
    number: str = field(repr=False)
    private_key: str = field(repr=False)
    certificate: str = field(repr=False)
    institution: str | None = None
    person_id: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    birth_date: dt.date | None = field(default=None, repr=False)
    sex: str | None = field(default=None, repr=False)
    issue_date: dt.date | None = None
    pin: SecretCode | None = None
    puk: SecretCode | None = None
    pin_required: bool = False

    def __post_init__(self) -> None:
        held = {part for part in _OPTIONAL if getattr(self, part) is not None}
        if lacking := _HOLDS[self.kind] - held:
            raise ValueError(f"a {self.kind} card needs {', '.join(sorted(lacking))}")
        if strange := held - _MAY_HOLD[self.kind]:
            raise ValueError(f"a {self.kind} card has no {', '.join(sorted(strange))}")
        for part, form in _FORMS.items():
            value = getattr(self, part)
            if value is not None and not form.fullmatch(value):
                raise ValueError(f"{part} does not have the form {form.pattern}")
        if self.name is not None:
            encode_name(self.name)
        for part in _DATES:
            if (date := getattr(self, part)) is not None:
                _check_roc_year(part, date)
        if type(self.pin_required) is not bool or (self.pin_required and self.pin is None):
            raise ValueError("pin_required is true or false, and false where there is no PIN")
        if self.kind is Kind.HPC and not self.pin_required:
            raise ValueError("an HPC card always requires its PIN")
        _check_key_pair(self.private_key, self.certificate)

    def signing_key(self) -> ec.EllipticCurvePrivateKey:
        """The private key, P-256."""
        return _private_key(self.private_key)

    def x509_certificate(self) -> x509.Certificate:
        """The certificate of the key."""
        return _certificate(self.certificate)

    def to_json(self) -> dict[str, Any]:
        """The image as JSON: dates as ISO 8601."""
        dates = {part: date.isoformat() if (date := getattr(self, part)) else None for part in _DATES}
        codes = {part: code.to_json() if (code := getattr(self, part)) else None for part in _SECRETS}
        texts = {part: getattr(self, part) for part in _TEXTS}
        return {"format": FORMAT} | texts | dates | codes | {"pin_required": self.pin_required}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The image of such JSON; raises `KeyError`, `TypeError` or `ValueError` for anything else."""
        if value["format"] != FORMAT:
            raise ValueError(f"its format is not {FORMAT!r}")
        parts: dict[str, Any] = {part: value[part] for part in (*_TEXTS, "pin_required")}
        parts |= {part: _date(value[part]) for part in _DATES}
        parts |= {part: SecretCode.from_json(code) if (code := value[part]) else None for part in _SECRETS}
        return cls(**parts | {"kind": Kind(value["kind"])})


def new_image(
    kind: Kind,
    number: str,
    private_key: ec.EllipticCurvePrivateKey,
    certificate: x509.Certificate,
    *,
    institution: str | None = None,
    person_id: str | None = None,
    name: str | None = None,
    birth_date: dt.date | None = None,
    sex: str | None = None,
    issue_date: dt.date | None = None,
    pin: str | None = None,
    puk: str | None = None,
    scrypt_n: int = SCRYPT_N,
) -> CardImage:
    """A fresh card with all its tries; raises `ValueError` for what a card of the kind cannot hold.

    HC needs person, name, birth date, sex and issue date, and may have PIN and PUK; HPC needs person, name, PIN
    and PUK; SAM needs its institution.
    """
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return CardImage(
        kind=kind,
        number=number,
        private_key=pem.decode("ascii"),
        certificate=certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
        institution=institution,
        person_id=person_id,
        name=name,
        birth_date=birth_date,
        sex=sex,
        issue_date=issue_date,
        pin=_secret(pin, PIN_TRIES, scrypt_n),
        puk=_secret(puk, PUK_TRIES, scrypt_n),
        pin_required=pin is not None,
    )


def save(image: CardImage, path: Path) -> None:
    """Write the image whole or not at all, mode 0600, on disk before this returns; raises `OSError`."""
    write_private(path, json.dumps(image.to_json(), ensure_ascii=False, indent=1).encode("utf-8"))


def load(path: Path) -> CardImage:
    """The image in a file.

    Raises `DamagedImage`, `nhicard.identity.private_files.PrivateFileExposed` where others may read the file,
    and `OSError` where it cannot be read.
    """
    content = read_private(path)
    try:
        return CardImage.from_json(json.loads(content))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        # A JSON error would quote the file; its class says enough.
        reason = str(error) if type(error) is ValueError else type(error).__name__
        raise DamagedImage(path, reason) from None


def update(path: Path, change: Callable[[CardImage], CardImage]) -> CardImage:
    """Change a card's memory: no other process comes between reading and writing; returns the new image.

    What ``change`` raises leaves the file as it was; otherwise raises as `load` and `save` do.
    """
    with locked(path.with_name(f".{path.name}.lock")):
        image = change(load(path))
        save(image, path)
        return image


def encode_name(name: str) -> bytes:
    """The name as a card holds it: Big5, 20 bytes, padded with blanks; raises `ValueError` where it does not fit."""
    if encoding.unencodable(name):
        raise ValueError("健保卡只能寫入 Big5 有的字。The name has characters that Big5 lacks.")
    encoded, width = encoding.encode(name), PUBLIC_DATA_WIDTHS["name"]
    if not name.strip() or len(encoded) > width or any(character < " " for character in name):
        raise ValueError(f"姓名須為 1 至 {width} 個位元組。The name has 1 to {width} bytes of Big5, all printable.")
    return encoded.ljust(width)


def _secret(code: str | None, tries: int, n: int) -> SecretCode | None:
    if code is None:
        return None
    code_block(code)  # its form
    return SecretCode.of(code, tries, n=n)


def _check_roc_year(part: str, date: dt.date) -> None:
    try:
        rocdate.format_date(date)
    except ValueError:
        raise ValueError(f"{part} has no ROC year") from None


def _date(text: str | None) -> dt.date | None:
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError("a date is not ISO 8601") from None


def _check_key_pair(private_key: str, certificate: str) -> None:
    if _private_key(private_key).public_key() != _certificate(certificate).public_key():
        raise ValueError("the certificate belongs to another key")


def _private_key(pem: str) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode("ascii"), password=None)
    except (TypeError, ValueError):
        raise ValueError("the private key is no PKCS #8 PEM") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("the private key is not one of P-256")
    return key


def _certificate(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode("ascii"))
    except ValueError:
        raise ValueError("the certificate is no X.509 PEM") from None
