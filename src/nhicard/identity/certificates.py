"""X.509 certificates of the cards: who holds which key, for which institution, until when.

One root of the insurer (P-256) issues them all. The subject says what a card is: OU its role, CN its number, O the
institution of a SAM, serialNumber the person of a patient or staff card, title the profession of a staff card.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nhicard.formats.rocdate import TAIPEI


class Role(StrEnum):
    """What a certificate's key belongs to."""

    ROOT = "root"
    DATA_CENTRE = "data centre"
    SAM = "SAM"
    CLOUD_SAM = "cloud SAM"
    PATIENT_CARD = "HC"
    VIRTUAL_CARD = "virtual HC"
    STAFF_CARD = "HPC"


class Fault(StrEnum):
    """Why a certificate is not to be trusted."""

    UNKNOWN_ISSUER = "unknown issuer"
    NOT_YET_VALID = "not yet valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


class CertificateRefused(Exception):
    """The certificate is not to be trusted; ``fault`` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose key it is. Empty strings where a role has no such fact."""

    role: Role
    number: str
    institution: str = ""
    person: str = ""
    profession: str = ""


_NAMES: Final = {
    "role": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "number": NameOID.COMMON_NAME,
    "institution": NameOID.ORGANIZATION_NAME,
    "person": NameOID.SERIAL_NUMBER,
    "profession": NameOID.TITLE,
}


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key pair."""
    return ec.generate_private_key(ec.SECP256R1())


def make_root(key: ec.EllipticCurvePrivateKey, since: datetime, until: datetime) -> x509.Certificate:
    """The insurer's self-signed root; times are naive Taipei time, as everywhere here."""
    subject = _name(Subject(Role.ROOT, "NHI root"))
    builder = _builder(subject, subject, key.public_key(), since, until)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.sign(key, hashes.SHA256())


def issue(
    root_key: ec.EllipticCurvePrivateKey,
    root: x509.Certificate,
    public_key: ec.EllipticCurvePublicKey,
    subject: Subject,
    since: datetime,
    until: datetime,
) -> x509.Certificate:
    """A certificate for a card's key. Raises ValueError where the subject has a blank number."""
    if not subject.number:
        raise ValueError("a certificate needs the card's number")
    builder = _builder(_name(subject), root.subject, public_key, since, until)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    return builder.sign(root_key, hashes.SHA256())


def subject_of(certificate: x509.Certificate) -> Subject:
    """What the certificate says of its holder; raises ValueError where it is none of ours."""
    facts = {
        name: str(values[0].value) if (values := certificate.subject.get_attributes_for_oid(oid)) else ""
        for name, oid in _NAMES.items()
    }
    return Subject(Role(facts.pop("role")), **facts)


def public_key_of(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    """Its P-256 key; raises ValueError for a key of another kind."""
    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm as error:
        raise ValueError("the certificate's key is of an unknown kind") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("the certificate's key is not a P-256 key")
    return key


def verify(
    certificate: x509.Certificate, root: x509.Certificate, at: datetime, revoked: Container[int] = frozenset()
) -> Subject:
    """The subject of a certificate that the root issued and that holds at the moment.

    ``revoked``: serial numbers. Raises CertificateRefused with the first fault in the order of ``Fault``.
    """
    try:
        certificate.verify_directly_issued_by(root)
        subject = subject_of(certificate)
        public_key_of(certificate)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        raise CertificateRefused(Fault.UNKNOWN_ISSUER) from None
    moment = at.replace(tzinfo=TAIPEI)
    if moment < certificate.not_valid_before_utc:
        raise CertificateRefused(Fault.NOT_YET_VALID)
    if moment > certificate.not_valid_after_utc:
        raise CertificateRefused(Fault.EXPIRED)
    if certificate.serial_number in revoked:
        raise CertificateRefused(Fault.REVOKED)
    return subject


def _name(subject: Subject) -> x509.Name:
    facts = {"role": subject.role.value} | {name: getattr(subject, name) for name in list(_NAMES)[1:]}
    return x509.Name([x509.NameAttribute(_NAMES[name], value) for name, value in facts.items() if value])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, since: datetime, until: datetime
) -> x509.CertificateBuilder:
    start = max(since.replace(tzinfo=TAIPEI), datetime(1950, 1, 1, tzinfo=TAIPEI) + timedelta(days=1))
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(until.replace(tzinfo=TAIPEI))
    )
