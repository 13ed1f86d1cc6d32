"""The insurer's own keys: the root that certifies cards, and the key ring of identifiers and signatures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings

from nhicard.identity import certificates
from nhicard.identity.keyring import KeyRing
from nhicard.identity.private_files import read_private, write_private

KEYS: Final = "identifier-keys.json"
ROOT_KEY: Final = "root-key.pem"
ROOT: Final = "root.pem"
_ROOT_YEARS: Final = 30


@dataclass(frozen=True, slots=True)
class Authority:
    """What only the insurer holds."""

    keys: KeyRing
    root_key: ec.EllipticCurvePrivateKey
    root: x509.Certificate

    def certify(
        self, key: ec.EllipticCurvePublicKey, subject: certificates.Subject, since: datetime, until: datetime
    ) -> x509.Certificate:
        """A card's certificate."""
        return certificates.issue(self.root_key, self.root, key, subject, since, until)


def authority() -> Authority:
    """The keys in the insurer's home. Raises OSError where ``setup`` has not made them."""
    return _load(Path(settings.HOME) / "keys")


def create(now: datetime) -> bool:
    """Make root and key ring where there are none; whether any were made. Existing ones are never touched."""
    folder = Path(settings.HOME) / "keys"
    made = False
    if not (folder / ROOT_KEY).exists():
        key = certificates.new_key()
        root = certificates.make_root(key, now - timedelta(days=1), now + timedelta(days=365 * _ROOT_YEARS))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / ROOT).write_bytes(root.public_bytes(Encoding.PEM))
        # last, for it says that the pair is whole: a crash before it leaves a certificate that is made anew
        write_private(folder / ROOT_KEY, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        made = True
    if not (folder / KEYS).exists():
        # from the start of the year before, so that late cards and corrections find a key
        KeyRing.new(datetime(now.year - 1, 1, 1)).save(folder / KEYS)
        made = True
    _load.cache_clear()
    return made


@lru_cache(maxsize=4)
def _load(folder: Path) -> Authority:
    key = load_pem_private_key(read_private(folder / ROOT_KEY), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    root = x509.load_pem_x509_certificate((folder / ROOT).read_bytes())
    return Authority(KeyRing.load(folder / KEYS), key, root)
