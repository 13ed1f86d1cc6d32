"""Certificates for HTTPS: made where there are none, renewed in time, their key for the owner only."""

from __future__ import annotations

import ssl
import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from nhicard.identity import tls
from nhicard.identity.private_files import PrivateFileExposed
from nhicard.identity.tls import Https

NOW = datetime(2026, 3, 2, 9, 30, 15)
HOSTS = ["localhost", "127.0.0.1", "::1", "nhicard.example.org"]


@pytest.fixture
def files(tmp_path: Path) -> Https:
    return ensure(tmp_path)


def ensure(folder: Path, now: datetime = NOW, hosts: list[str] = HOSTS) -> Https:
    return tls.ensure(folder / "https", "nhicard", hosts, now)


def certificate(files: Https) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files.certificate.read_bytes())


def test_the_certificate_is_for_the_hosts_and_for_servers(files: Https) -> None:
    extensions = certificate(files).extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "nhicard.example.org"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_a_server_can_load_it_and_a_client_can_trust_it(files: Https) -> None:
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key)  # raises where they differ
    assert ssl.create_default_context(cafile=str(files.certificate)).cert_store_stats()["x509_ca"] == 1
    certificate(files).verify_directly_issued_by(certificate(files))


def test_the_key_is_for_its_owner_only(files: Https) -> None:
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.key.parent.stat().st_mode) == 0o700
    assert b"PRIVATE" not in files.certificate.read_bytes()


def test_a_good_certificate_stays(tmp_path: Path, files: Https) -> None:
    before = files.certificate.read_bytes(), files.key.read_bytes()
    ensure(tmp_path, NOW + timedelta(days=365))
    assert (files.certificate.read_bytes(), files.key.read_bytes()) == before


@pytest.mark.parametrize(("days", "renewed"), [(365, False), (366, True), (1000, True)])
def test_a_certificate_is_renewed_thirty_days_before_its_end(
    tmp_path: Path, files: Https, days: int, renewed: bool
) -> None:
    before = certificate(files)
    assert before.not_valid_after_utc - before.not_valid_before_utc == timedelta(days=397)
    now = NOW + timedelta(days=days)
    after = certificate(ensure(tmp_path, now))
    assert (after != before) is renewed
    assert after.public_key() == before.public_key() or renewed


@pytest.mark.parametrize(
    "hosts", [["localhost"], [*HOSTS, "10.0.0.5"], HOSTS[::-1]], ids=["fewer", "more", "reordered"]
)
def test_other_hosts_get_another_certificate(tmp_path: Path, files: Https, hosts: list[str]) -> None:
    before = certificate(files)
    assert certificate(ensure(tmp_path, hosts=hosts)) != before


def _spoil(path: Path) -> None:
    path.write_bytes(b"-----BEGIN NOTHING-----\n")


def _of_another_key(files: Https, tmp_path: Path) -> None:
    other = tls.ensure(tmp_path / "other", "nhicard", HOSTS, NOW)
    files.certificate.write_bytes(other.certificate.read_bytes())


@pytest.mark.parametrize(
    "harm",
    [
        lambda files, _: files.certificate.unlink(),
        lambda files, _: files.key.unlink(),
        lambda files, _: _spoil(files.certificate),
        lambda files, _: _spoil(files.key),
        _of_another_key,
    ],
    ids=["certificate gone", "key gone", "certificate spoilt", "key spoilt", "certificate of another key"],
)
def test_what_does_not_work_is_made_anew(tmp_path: Path, files: Https, harm: object) -> None:
    assert callable(harm)
    harm(files, tmp_path)
    again = ensure(tmp_path)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(again.certificate, again.key)
    assert stat.S_IMODE(again.key.stat().st_mode) == 0o600


def test_a_key_that_others_may_read_is_not_used(tmp_path: Path, files: Https) -> None:
    files.key.chmod(0o644)
    with pytest.raises(PrivateFileExposed, match="chmod 600"):
        ensure(tmp_path)


def test_the_fingerprint_is_written_as_browsers_write_it(files: Https) -> None:
    shown = tls.fingerprint(files.certificate)
    assert bytes.fromhex(shown.replace(":", "")) == certificate(files).fingerprint(hashes.SHA256())
    assert len(shown.split(":")) == 32
    assert shown == shown.upper()
