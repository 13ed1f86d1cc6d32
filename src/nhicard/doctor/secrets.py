"""Checks of what the insurer alone holds: key ring, root, certificate of HTTPS, keys of stored payloads."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from nhicard.doctor.findings import Finding, finding
from nhicard.doctor.installation import Installation
from nhicard.formats.rocdate import TAIPEI
from nhicard.identity.keyring import BadKeyRing, KeyRing
from nhicard.identity.private_files import PrivateFileExposed, read_private
from nhicard.insurer.registry import authority
from nhicard.insurer.secrecy import envelope
from nhicard.insurer.secrecy.ring import BadRing, SecretRing

_SOON: Final = timedelta(days=30)


def keys(where: Installation) -> Finding:
    """The key ring can be read by us alone, and has a key for visits of now."""
    file = where.home / "keys" / authority.KEYS
    if not file.exists():
        return finding("keys.absent", file=file)
    try:
        ring = KeyRing.load(file)
    except PrivateFileExposed:
        return finding("keys.exposed", file=file)
    except (BadKeyRing, OSError):
        return finding("keys.damaged", file=file)
    key = ring.at(where.now)
    return finding("keys.ok", version=key.version) if key else finding("keys.ended", file=file)


def root(where: Installation) -> Finding:
    """The root that certifies cards belongs to its key, and has not run out."""
    folder = where.home / "keys"
    return _certificate("root", folder / authority.ROOT, folder / authority.ROOT_KEY, where.now)


def https(where: Installation) -> Finding:
    """The certificate of HTTPS belongs to its key, and has not run out."""
    folder = where.home / "https"
    return _certificate("https", folder / "https.pem", folder / "https-key.pem", where.now)


def payload_keys(where: Installation) -> Finding:
    """The keys under which payloads are stored are there, and open the newest one."""
    from nhicard.insurer.secrecy import payloads

    file = where.home / "keys" / payloads.KEYS
    newest = payloads.beginning_with(envelope.MAGIC).using(where.database.alias).order_by("pk").last()
    if not file.exists():
        return finding("payload_keys.absent", file=file) if newest else finding("payload_keys.unneeded")
    try:
        ring = SecretRing.load(file)
        if newest:
            envelope.opened(ring, bytes(newest.content), payloads.place(newest.pk))
    except PrivateFileExposed:
        return finding("payload_keys.exposed", file=file)
    except (BadRing, OSError):
        return finding("payload_keys.damaged", file=file)
    except (envelope.WrongKey, envelope.Tampered):
        return finding("payload_keys.wrong", file=file)
    return finding("payload_keys.ok", version=ring.current)


def _certificate(name: str, file: Path, key_file: Path, now: datetime) -> Finding:
    if not (file.exists() and key_file.exists()):
        return finding(f"{name}.absent", file=file)
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        fits = certificate.public_key() == load_pem_private_key(read_private(key_file), password=None).public_key()
    except PrivateFileExposed:
        return finding(f"{name}.exposed", file=key_file)
    except (ValueError, TypeError, OSError):
        return finding(f"{name}.damaged", file=file)
    if not fits:
        return finding(f"{name}.damaged", file=file)
    ends = certificate.not_valid_after_utc.astimezone(TAIPEI).replace(tzinfo=None)
    case = "expired" if ends <= now else "ending" if ends - _SOON <= now else "ok"
    return finding(f"{name}.{case}", file=file, day=f"{ends:%Y-%m-%d}")
