"""Who signs the requests of cases: a simulated SAM card whose key is here, or any control software."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import httpx

from nhicard.identity import signature_block
from nhicard.identity.signature_block import Block
from nhicard.reader.cards import image

UPLOAD: Final = "30"
_KEYS: Final = ("clientRandom", "hospitalId", "samId", "signature")


class CannotSign(Exception):
    """No signature to be had: the message says from where."""


class Signer(Protocol):
    """Something that signs: the block's keys ``clientRandom hospitalId samId signature``."""

    def sign(self, now: datetime, service: str = UPLOAD, age: timedelta = timedelta(0)) -> dict[str, str]:
        """A new block. ``age`` and another service type than 30 only where ``is_card``. Raises CannotSign."""

    @property
    def is_card(self) -> bool:
        """Whether it signs whatever it is asked to."""


@dataclass(frozen=True, slots=True)
class CardSigner:
    """A simulated SAM card's image, as ``nhicard reader card new --kind sam`` makes it."""

    card: image.CardImage
    is_card: bool = True

    @classmethod
    def of(cls, path: Path) -> CardSigner:
        """Raises ValueError, OSError for what is no SAM card."""
        card = image.load(path)
        if not card.institution:
            raise ValueError(f"{path.name} 不是安全模組卡。{path.name} is no SAM card.")
        return cls(card)

    def sign(self, now: datetime, service: str = UPLOAD, age: timedelta = timedelta(0)) -> dict[str, str]:
        block = Block(secrets.token_hex(16), self.card.institution or "", self.card.number)
        at = (now - age).replace(microsecond=0)
        part = signature_block.sign_part(self.card.signing_key(), block.message(service, at))
        facts = asdict(block) | {"signature": signature_block.pack(at, [part])}
        return {key: facts[key] for key in _KEYS}


@dataclass(frozen=True, slots=True)
class ReaderSigner:
    """The control software at a base URL, initialised and with its SAM verified if it is not yet."""

    client: httpx.Client
    is_card: bool = False

    def sign(self, now: datetime, service: str = UPLOAD, age: timedelta = timedelta(0)) -> dict[str, str]:
        self._post("/api/common/v1/Initial", {"name": ""})
        self._post("/api/sam/v1/Verification", {})
        reply = self._post("/api/sam/v1/Signature", {"serviceType": service})
        if reply.get("statusCode") != 0 or not all(isinstance(reply.get(key), str) for key in _KEYS):
            raise CannotSign(f"the control software answers {reply.get('statusCode')}")
        return {key: reply[key] for key in _KEYS}

    def _post(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        try:
            reply = self.client.post(path, json=body).json()
        except (httpx.HTTPError, ValueError) as error:
            raise CannotSign(f"the control software does not answer: {type(error).__name__}") from None
        return reply if isinstance(reply, dict) else {}


def spoilt(signature: str, how: str) -> str:
    """A signature made wrong, whatever its form: ``empty``, ``text`` (no signature at all), ``cut`` (its last third
    missing), ``flipped`` (a character near its end is another). Raises ValueError for another word."""
    match how:
        case "empty":
            return ""
        case "text":
            return "no signature"
        case "cut":
            return signature[: len(signature) * 2 // 3]
        case "flipped":
            at = len(signature) * 9 // 10
            return signature[:at] + ("A" if signature[at : at + 1] != "A" else "B") + signature[at + 1 :]
    raise ValueError(f"cannot spoil a signature as {how!r}")
