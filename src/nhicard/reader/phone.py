"""The patient's phone: a file with virtual cards' keys, from which QR codes and answers to requests are made."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from nhicard.identity import ecdsa, virtual_token
from nhicard.identity.private_files import read_private, write_private
from nhicard.identity.virtual_token import BasicData, Setting


@dataclass(frozen=True, slots=True)
class VirtualCardFile:
    """One virtual card as the phone keeps it; dates are ROC ``yyyMMdd``, key and certificate PEM.

    A guardian's phone keeps the dependants' cards as files beside its own.
    """

    number: str = field(repr=False)
    id_no: str = field(repr=False)
    name: str = field(repr=False)
    birthday: str = field(repr=False)
    sex: str
    private_key: str = field(repr=False)
    certificate: str = field(repr=False)

    def save(self, path: Path) -> None:
        """Write the file, mode 0600."""
        write_private(path, json.dumps({"kind": "VHC"} | asdict(self), ensure_ascii=False, indent=1).encode())

    @classmethod
    def load(cls, path: Path) -> VirtualCardFile:
        """The card in a file; raises ValueError for a file that holds none, OSError, PrivateFileExposed."""
        content = json.loads(read_private(path))
        if not isinstance(content, dict) or content.pop("kind", None) != "VHC":
            raise ValueError(f"{path.name} 不是虛擬健保卡。{path.name} is no virtual card.")
        try:
            return cls(**content)
        except TypeError:
            raise ValueError(f"{path.name} 內容不完整。{path.name} is not whole.") from None

    def token(self, setting: Setting, now: datetime) -> str:
        """A fresh QR code's text; for home care with what lets it be recognised without a network."""
        at_home = setting is Setting.HOME_CARE
        return virtual_token.make(
            self._key(),
            self.number,
            setting,
            now,
            certificate=x509.load_pem_x509_certificate(self.certificate.encode()) if at_home else None,
            basic=BasicData(self.name, self.birthday, self.sex) if at_home else None,
        )

    def request(self, **said: Any) -> dict[str, str]:
        """A request of the app, signed by the card's key and never the same twice."""
        message = json.dumps(said | {"nonce": secrets.token_hex(8)}).encode()
        return {
            "cardSn": self.number,
            "message": base64.b64encode(message).decode(),
            "signature": base64.b64encode(ecdsa.sign(self._key(), message)).decode(),
        }

    def _key(self) -> ec.EllipticCurvePrivateKey:
        key = load_pem_private_key(self.private_key.encode(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key


Post = Callable[[str, dict[str, Any]], dict[str, Any]]


def pending(card: VirtualCardFile, post: Post) -> list[dict[str, str]]:
    """Telemedicine requests that wait for the patient: ``accessToken hospitalId hospitalName``."""
    return list(post("/app/v1/TeleMedicine/Pending", card.request())["requests"])


def decide(card: VirtualCardFile, access_token: str, *, agreed: bool, now: datetime, post: Post) -> None:
    """Agree to a telemedicine request, which hands over a token for it, or decline."""
    token = card.token(Setting.TELEMEDICINE, now) if agreed else ""
    post("/app/v1/TeleMedicine/Decide", card.request(accessToken=access_token, agreed=agreed, token=token))
