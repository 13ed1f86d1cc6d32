"""Certificates for HTTPS on this machine: self-signed, for the names that are asked for."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nhicard.formats.rocdate import TAIPEI
from nhicard.identity.certificates import new_key
from nhicard.identity.private_files import read_private, write_private

_DAYS: Final = 397  # the longest that browsers accept
_RENEW_BEFORE: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Https:
    """Files of a server's certificate and its key."""

    certificate: Path
    key: Path


def ensure(folder: Path, name: str, hosts: list[str], now: datetime) -> Https:
    """The certificate in the folder, made anew where there is none, it runs out within 30 days, or hosts differ.

    ``name`` is what people see in the certificate list. The key file has mode 0600; raises PrivateFileExposed where
    others may read one that is there.
    """
    files = Https(folder / "https.pem", folder / "https-key.pem")
    if not _is_good(files, hosts, now):
        key = new_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        moment = now.replace(tzinfo=TAIPEI)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(moment - timedelta(days=1))
            .not_valid_after(moment + timedelta(days=_DAYS - 1))
            .add_extension(x509.SubjectAlternativeName([_name(host) for host in hosts]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(key, hashes.SHA256())
        )
        write_private(files.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        files.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    return files


def fingerprint(certificate: Path) -> str:
    """SHA-256 of the certificate, as browsers show it."""
    return x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256()).hex(":").upper()


def _is_good(files: Https, hosts: list[str], now: datetime) -> bool:
    if not (files.certificate.exists() and files.key.exists()):
        return False
    try:
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        key = load_pem_private_key(read_private(files.key), password=None)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    if certificate.public_key() != key.public_key():  # one of the two was written, then the power went
        return False
    enough = certificate.not_valid_after_utc - _RENEW_BEFORE > now.replace(tzinfo=TAIPEI)
    return enough and list(names) == [_name(host) for host in hosts]


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
