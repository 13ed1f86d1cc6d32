"""A data centre with its registers, and the cards that talk to it."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client

from nhicard.identity import certificates, signature_block
from nhicard.identity.signature_block import Block, PinState
from nhicard.insurer import clock
from nhicard.insurer.datacentre.services import test_cards
from nhicard.insurer.registry import authority, models

NOW = datetime(2026, 3, 2, 9, 30, 15)  # a Monday
CLINIC = "3501200000"
PATIENT = "A123456789"
PHYSICIAN = "B100000002"


@dataclass(frozen=True)
class Card:
    """A card outside the data centre: its number, whose it is, its key."""

    number: str
    id_no: str = ""
    key: ec.EllipticCurvePrivateKey = field(default_factory=certificates.new_key)
    secret: bytes = b""


@dataclass
class Desk:
    """A consulting room's reader: sends signed requests to the data centre and moves the clock."""

    client: Client
    sam: Card
    hc: Card
    hpc: Card
    monkeypatch: pytest.MonkeyPatch
    hospital: str = CLINIC
    now: datetime = NOW

    def at(self, moment: datetime) -> None:
        """Let the data centre's clock show the moment."""
        self.now = moment
        self.monkeypatch.setattr(clock, "now", lambda: moment)

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.at(self.now + timedelta(**span))

    def block(
        self,
        signers: str,
        service_type: str,
        *,
        hc_state: int = PinState.NOT_SET,
        hpc_state: int = PinState.VERIFIED,
        at: datetime | None = None,
    ) -> dict[str, str]:
        """A signature block by the named signers ("SAM", "SAM HC", "SAM HC HPC", "HPC")."""
        at = at or self.now
        who = signers.split()
        block = Block(
            secrets.token_hex(16),
            self.hospital,
            self.sam.number if "SAM" in who else "",
            *((self.hc.number, self.hc.id_no) if "HC" in who else ("", "")),
            *((self.hpc.number, self.hpc.id_no) if "HPC" in who else ("", "")),
        )
        message = block.message(service_type, at)
        parts = []
        if "SAM" in who:
            parts.append(signature_block.sign_part(self.sam.key, message))
        if "HC" in who and self.hc.secret:
            parts.append(signature_block.session_part(self.hc.secret, message))
        elif "HC" in who:
            parts.append(signature_block.sign_part(self.hc.key, message, hc_state))
        if "HPC" in who:
            parts.append(signature_block.sign_part(self.hpc.key, message, hpc_state))
        facts = {name: getattr(block, name) for name in Block.__slots__}
        return facts | {"signature": signature_block.pack(at, parts)}

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The data centre's reply; it always comes as HTTP 200."""
        response = self.client.post(path, json.dumps(body), content_type="application/json")
        assert response.status_code == 200
        reply: dict[str, Any] = response.json()
        assert isinstance(reply["statusCode"], int)
        return reply

    def call(self, path: str, signers: str, service_type: str, **extra: Any) -> dict[str, Any]:
        """A signed call."""
        return self.post(path, self.block(signers, service_type) | extra)

    def tap(self, item: str = "01", **extra: Any) -> dict[str, Any]:
        """SequelNumber/Next with the patient's card."""
        wish = {"treatmentItem": item, "babyTreatment": "", "afterCheck": "1"} | extra
        return self.call("/api/v1/SequelNumber/Next", "SAM HC", "03", **wish)

    def issue(self, kind: str, **facts: Any) -> Card:
        """A test card of the data centre, registered there; the key stays here."""
        key = certificates.new_key()
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        reply = self.post("/test/v1/Card/Issue", {"kind": kind, "publicKey": pem} | facts)
        assert reply["statusCode"] == 0, reply
        return Card(reply["number"], facts.get("idNo", ""), key)

    def with_cards(self, **cards: Card) -> Desk:
        """The same desk with other cards."""
        return replace(self, **cards)

    def phone(self, path: str, card: Card, **said: Any) -> dict[str, Any]:
        """A request of the patient's phone, signed by the virtual card."""
        from nhicard.identity import ecdsa

        message = json.dumps(said | {"nonce": secrets.token_hex(8)}).encode()
        return self.post(
            path,
            {
                "cardSn": card.number,
                "message": base64.b64encode(message).decode(),
                "signature": base64.b64encode(ecdsa.sign(card.key, message)).decode(),
            },
        )


@pytest.fixture
def insurer_home(tmp_path: Path, settings: Any) -> Path:
    settings.HOME = tmp_path
    settings.TEST_CARDS = True
    authority.create(NOW)
    return tmp_path


@pytest.fixture
def desk(db: None, insurer_home: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> Desk:
    nobody = Card("")
    desk = Desk(client, nobody, nobody, nobody, monkeypatch)
    desk.at(NOW)
    sam = desk.issue("SAM", hospitalId=CLINIC, hospitalName="測試診所", hospitalKind="clinic")
    hc = desk.issue("HC", idNo=PATIENT, name="測試病患甲", birthday="0790101", sex="M")
    hpc = desk.issue(
        "HPC", idNo=PHYSICIAN, name="測試醫師", profession="physician", hospitalId=CLINIC, representative=True
    )
    return replace(desk, sam=sam, hc=hc, hpc=hpc)


@pytest.fixture
def clinic(desk: Desk) -> models.Institution:
    return models.Institution.objects.get(code=CLINIC)


@pytest.fixture
def patient(desk: Desk) -> models.InsuredPerson:
    return models.InsuredPerson.objects.get(id_no=PATIENT)


__all__ = ["CLINIC", "NOW", "PATIENT", "PHYSICIAN", "Card", "Desk", "date", "test_cards"]
