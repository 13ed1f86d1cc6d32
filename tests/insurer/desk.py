"""A consulting room's reader as the data centre sees it: cards with keys, signed requests, a clock that can be set."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client

from nhicard.identity import certificates, ecdsa, signature_block, virtual_token
from nhicard.identity.signature_block import Block, PinState
from nhicard.identity.virtual_token import Setting
from nhicard.insurer import clock
from nhicard.insurer.datacentre.api import PATHS, UNSIGNED_PATHS
from nhicard.insurer.registry import models
from nhicard.insurer.registry.models import SecurityModule

Reply = dict[str, Any]
NOW = datetime(2026, 3, 2, 9, 30, 15)  # a Monday
CLINIC = "3501200000"
OTHER_CLINIC = "3501200019"
PATIENT = "A123456789"
PHYSICIAN = "B100000002"
PATH = {each.path: each for each in (*PATHS, *UNSIGNED_PATHS)}


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

    @property
    def now(self) -> datetime:
        """What the data centre's clock shows."""
        return clock.now()

    def at(self, moment: datetime) -> None:
        """Let the data centre's clock show the moment."""
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
        machine: Any = "",
    ) -> dict[str, str]:
        """A signature block by the named signers ("SAM", "SAM HC", "SAM HC HPC", "HPC").

        A cloud SAM signs for the machine, else for the one that installed it.
        """
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
            challenge = signature_block.bound(signature_block.challenge(message), self._bound_to(machine))
            parts.append(signature_block.sign_challenge(self.sam.key, challenge))
        if "HC" in who and self.hc.secret:
            parts.append(signature_block.session_part(self.hc.secret, message))
        elif "HC" in who:
            parts.append(signature_block.sign_part(self.hc.key, message, hc_state))
        if "HPC" in who:
            parts.append(signature_block.sign_part(self.hpc.key, message, hpc_state))
        facts = {name: getattr(block, name) for name in Block.__slots__}
        return facts | {"signature": signature_block.pack(at, parts)}

    def post(self, path: str, body: Reply | str | bytes) -> Reply:
        """The data centre's reply; it always comes as HTTP 200 with every key of the path."""
        content = json.dumps(body) if isinstance(body, dict) else body
        response = self.client.post(path, content, content_type="application/json")
        assert response.status_code == 200
        reply: Reply = response.json()
        assert isinstance(reply["statusCode"], int)
        assert path not in PATH or set(reply) == set(PATH[path].reply.model_fields)
        return reply

    def call(self, path: str, signers: str, service_type: str, **extra: Any) -> Reply:
        """A signed call."""
        return self.post(path, self.block(signers, service_type, machine=extra.get("machine")) | extra)

    def _bound_to(self, machine: Any) -> str:
        cloud = SecurityModule.objects.filter(number=self.sam.number, is_cloud=True).first()
        return str(machine or cloud.machine) if cloud else ""

    def tap(self, item: str = "01", **extra: Any) -> Reply:
        """SequelNumber/Next with the patient's card."""
        wish = {"treatmentItem": item, "babyTreatment": "", "afterCheck": "1"} | extra
        return self.call("/api/v1/SequelNumber/Next", "SAM HC", "03", **wish)

    def about(self, path: str, time: str, **extra: Any) -> Reply:
        """A call of type 03 about a tap."""
        return self.call(path, "SAM HC", "03", treatmentDateTime=time, **extra)

    def roll_back(self, time: str) -> Reply:
        """SequelNumber/Rollback."""
        return self.about("/api/v1/SequelNumber/Rollback", time)

    def issue(self, kind: str, **facts: Any) -> Card:
        """A test card of the data centre, registered there; the key stays here."""
        key = certificates.new_key()
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        reply = self.post("/test/v1/Card/Issue", {"kind": kind, "publicKey": pem} | facts)
        assert reply["statusCode"] == 0, reply
        return Card(reply["number"], facts.get("idNo", ""), key)

    def with_cards(self, sam: Card | None = None, hc: Card | None = None, hpc: Card | None = None) -> Desk:
        """The same desk with other cards."""
        return replace(self, sam=sam or self.sam, hc=hc or self.hc, hpc=hpc or self.hpc)

    def elsewhere(self, code: str = OTHER_CLINIC) -> Desk:
        """The desk of another institution, with the same patient before it."""
        sam = self.issue("SAM", hospitalId=code, hospitalName="別家測試診所", hospitalKind="clinic")
        return replace(self, sam=sam, hospital=code)

    def next_door(self) -> Desk:
        """Another reader of the same institution."""
        return replace(self, sam=self.issue("SAM", hospitalId=self.hospital))

    def phone(self, path: str, card: Card, **said: Any) -> Reply:
        """A request of the patient's phone, signed by the virtual card."""
        return self.post(path, self.spoken(card, **{"nonce": secrets.token_hex(8)} | said))

    @staticmethod
    def spoken(card: Card, **said: Any) -> Reply:
        """What a patient's phone sends."""
        message = json.dumps(said).encode()
        return {
            "cardSn": card.number,
            "message": base64.b64encode(message).decode(),
            "signature": base64.b64encode(ecdsa.sign(card.key, message)).decode(),
        }

    def qr(self, card: Card, setting: Setting = Setting.ON_SITE) -> str:
        """A fresh QR code's text, as the patient's phone shows it."""
        return virtual_token.make(card.key, card.number, setting, self.now)

    def scan(self, token: str, action: str = "Verification") -> Reply:
        """VirtualHc/Verification or ReadBasic."""
        return self.call(f"/api/v1/VirtualHc/{action}", "SAM", "01", token=token)

    def insert(self, card: Card) -> Desk:
        """The desk with the virtual card counting as inserted."""
        reply = self.scan(self.qr(card))
        assert reply["statusCode"] == 0, reply
        return self.with_cards(hc=replace(card, secret=base64.b64decode(reply["sessionSecret"])))


def newly_opened(client: Client, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk with a SAM, a patient's card and the representative's staff card, at ``NOW``."""
    nobody = Card("")
    desk = Desk(client, nobody, nobody, nobody, monkeypatch)
    desk.at(NOW)
    sam = desk.issue("SAM", hospitalId=CLINIC, hospitalName="測試診所", hospitalKind="clinic")
    hc = desk.issue("HC", idNo=PATIENT, name="測試病患甲", birthday="0790101", sex="M")
    hpc = desk.issue(
        "HPC", idNo=PHYSICIAN, name="測試醫師", profession="physician", hospitalId=CLINIC, representative=True
    )
    return replace(desk, sam=sam, hc=hc, hpc=hpc)


def uses_left(card: Card) -> int:
    """The card's uses as the data centre knows them."""
    return models.HealthCard.objects.get(number=card.number).uses_left
