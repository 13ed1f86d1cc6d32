"""Certificates of cards: who vouches for which key, for whom, until when."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from nhicard.identity import certificates
from nhicard.identity.certificates import CertificateRefused, Fault, Role, Subject

SINCE = datetime(2026, 1, 1)
UNTIL = datetime(2030, 12, 31, 23, 59, 59)
SECOND = timedelta(seconds=1)
ROOT_KEY = certificates.new_key()
ROOT = certificates.make_root(ROOT_KEY, datetime(2020, 1, 1), datetime(2050, 1, 1))
KEY = certificates.new_key()
SAM = Subject(Role.SAM, "S00000000001", institution="3501200000")
SUBJECTS = [
    SAM,
    Subject(Role.CLOUD_SAM, "C00000000001", institution="9A01200GHZ"),
    Subject(Role.PATIENT_CARD, "H00000000001", person="A123456789"),
    Subject(Role.VIRTUAL_CARD, "V00000000001", person="A123456789"),
    Subject(Role.STAFF_CARD, "P00000000001", person="B100000002", profession="physician"),
    Subject(Role.DATA_CENTRE, "DC1"),
]


def issued(subject: Subject = SAM, *, since: datetime = SINCE, until: datetime = UNTIL) -> x509.Certificate:
    return certificates.issue(ROOT_KEY, ROOT, KEY.public_key(), subject, since, until)


CERTIFICATE = issued()


def fault(certificate: x509.Certificate, at: datetime = SINCE, revoked: frozenset[int] = frozenset()) -> Fault:
    with pytest.raises(CertificateRefused) as refused:
        certificates.verify(certificate, ROOT, at, revoked)
    return refused.value.fault


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.role)
def test_a_certificate_says_whose_key_it_is(subject: Subject) -> None:
    certificate = issued(subject)
    assert certificates.verify(certificate, ROOT, SINCE) == subject
    assert certificates.subject_of(certificate) == subject
    assert certificates.public_key_of(certificate) == KEY.public_key()
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca) == (True, False)


def test_only_the_root_may_issue() -> None:
    constraints = ROOT.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, 0)
    by_a_card = certificates.issue(KEY, CERTIFICATE, KEY.public_key(), SAM, SINCE, UNTIL)
    assert fault(by_a_card) is Fault.UNKNOWN_ISSUER


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (SINCE - SECOND, Fault.NOT_YET_VALID),
        (SINCE, None),
        (UNTIL, None),
        (UNTIL + SECOND, Fault.EXPIRED),
    ],
    ids=["the second before", "the first second", "the last second", "the second after"],
)
def test_a_certificate_holds_from_its_first_to_its_last_second_in_taipei(at: datetime, expected: Fault | None) -> None:
    if expected:
        assert fault(CERTIFICATE, at) is expected
    else:
        assert certificates.verify(CERTIFICATE, ROOT, at) == SAM


def test_a_revoked_certificate_is_refused() -> None:
    revoked = frozenset({CERTIFICATE.serial_number})
    assert fault(CERTIFICATE, revoked=revoked) is Fault.REVOKED
    assert fault(CERTIFICATE, UNTIL + SECOND, revoked) is Fault.EXPIRED, "the first fault is told"
    assert certificates.verify(issued(), ROOT, SINCE, revoked) == SAM, "a serial number belongs to one certificate"


def test_a_root_of_the_same_name_is_not_the_root() -> None:
    other_key = certificates.new_key()
    other = certificates.make_root(other_key, SINCE, UNTIL)
    assert other.subject == ROOT.subject
    forged = certificates.issue(other_key, other, KEY.public_key(), SAM, SINCE, UNTIL)
    assert fault(forged) is Fault.UNKNOWN_ISSUER


def test_a_certificate_of_no_role_of_ours_is_refused() -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "S00000000001")])
    assert fault(_by_root(name, KEY.public_key())) is Fault.UNKNOWN_ISSUER


def test_a_key_of_another_curve_is_refused() -> None:
    assert fault(_by_root(CERTIFICATE.subject, ec.generate_private_key(ec.SECP384R1()).public_key())) is (
        Fault.UNKNOWN_ISSUER
    )


def _by_root(name: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.Certificate:
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(ROOT.subject).public_key(key)
    builder = builder.serial_number(1).not_valid_before(SINCE).not_valid_after(UNTIL)
    return builder.sign(ROOT_KEY, hashes.SHA256())


def test_a_certificate_needs_a_number() -> None:
    with pytest.raises(ValueError, match="number"):
        issued(Subject(Role.SAM, ""))


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_no_changed_bit_is_trusted() -> None:
    """Each bit of the certificate flipped: unreadable or refused, unless all that was signed is still the same."""
    content = CERTIFICATE.public_bytes(Encoding.DER)
    for bit in range(8 * len(content)):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            certificate = x509.load_der_x509_certificate(bytes(changed))
        except (ValueError, x509.InvalidVersion):
            continue
        if certificate.tbs_certificate_bytes != CERTIFICATE.tbs_certificate_bytes or bit >= 8 * (len(content) - 64):
            assert fault(certificate) is Fault.UNKNOWN_ISSUER, bit
