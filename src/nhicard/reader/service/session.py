"""One running control software: which SAM it works with, which cards are in, what was verified."""

from __future__ import annotations

import base64
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from threading import RLock
from typing import Any, Final

from nhicard.formats import rocdate
from nhicard.formats.status_codes import Refused
from nhicard.identity import signature_block
from nhicard.identity.signature_block import Block, Part, PinState
from nhicard.reader import security_module
from nhicard.reader.cards import operations
from nhicard.reader.cards.apdu import Card, CardError
from nhicard.reader.cards.applications import Kind
from nhicard.reader.datacentre import DataCentre
from nhicard.reader.devices import Devices
from nhicard.reader.devices.device import Device, DeviceError
from nhicard.reader.home import Settings
from nhicard.reader.security_module import SecurityModule
from nhicard.reader.service import home_care
from nhicard.reader.service.refusals import ABSENT, BAD_PIN_FORM, refusing

READ: Final = "01"
_CLOUD_CONTACT: Final = timedelta(seconds=60)
_OFFLINE: Final = 1099
_NOT_REACHED: Final = frozenset({1700, 1702})

Reply = dict[str, Any]
_log = logging.getLogger("nhicard.reader")


@dataclass(frozen=True, slots=True)
class VirtualCard:
    """A virtual card that counts as inserted: the session that the data centre opened for it."""

    number: str
    id_no: str
    secret: bytes


class Session:
    """The state behind the service. Every method raises Refused where it cannot do what it is asked."""

    def __init__(
        self, settings: Settings, devices: Devices, datacentre: DataCentre, now: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._devices = devices
        self._datacentre = datacentre
        self._now = now
        self._lock = RLock()
        self._reader = ""
        self._sam: SecurityModule | None = None
        self._contact: datetime | None = None
        self._virtual: VirtualCard | None = None

    # ---- common ----

    def status(self) -> Reply:
        """What is there and what is verified: sam 2 verified, hpc and hc 0 no card, 1 inserted, hpc 3 verified."""
        with self._lock:
            hpc = self._find(Kind.HPC)
            hc = self._virtual is not None or self._find(Kind.HC) is not None
            sam = 0 if self._sam is None else 2 if self._contact else 1
            return {
                "status": {
                    "initialized": self._sam is not None,
                    "sam": {"status": sam},
                    "hpc": {"status": 0 if hpc is None else 3 if self._hpc_is_verified(hpc) else 1},
                    "hc": {"status": int(hc)},
                }
            }

    def initial(self, name: str) -> Reply:
        """Choose SAM and reader: ``nhicard.reader.security_module.choose``, whose refusals it raises, and 1001."""
        with self._lock:
            if self._sam is not None:
                raise Refused(1001)
            home = self._settings.home
            self._sam, self._reader = security_module.choose(name, self._devices.list(), home.cloud_sam)
            self._contact = None
            return {}

    def finalize(self) -> Reply:
        """Forget everything; the cards forget what was verified."""
        with self._lock:
            self._sam = self._contact = self._virtual = None
            self._reader = ""
            for device in self._devices.list():
                device.forget()
            return {}

    def list_devices(self) -> Reply:
        """The readers of this machine."""
        devices = [
            {"name": each.name, "kind": each.kind.value, "cardPresent": each.card_present()}
            for each in self._devices.list()
        ]
        return {"devices": devices, "reason": self._devices.pcsc_reason}

    # ---- SAM ----

    def verify_sam(self) -> Reply:
        """Have the data centre accept the SAM. A SAM card works on without a network, a cloud SAM does not (1099)."""
        with self._lock:
            sam = self._initialised()
            block = self._signed(READ, [sam.sign], sam=sam)
            try:
                reply = self._datacentre.post("/api/v1/Sam/Verification", block | {"machine": sam.machine})
            except Refused as refusal:
                if refusal.code not in _NOT_REACHED or sam.needs_network:
                    self._contact = None
                    raise Refused(_OFFLINE) if refusal.code in _NOT_REACHED else refusal from None
                reply = {}
            self._contact = self._now()
            home_care.keep_root(self._settings.home.root, reply.get("rootCertificate"))
            names = ("hospitalName", "hospitalShortName")
            return {"samId": sam.number, "hospitalId": sam.institution} | {name: reply.get(name, "") for name in names}

    def sam_signature(self, service_type: str) -> Reply:
        """A block signed by the SAM."""
        with self._lock:
            return self._signed(service_type, [self._verified_sam().sign])

    # ---- patient card ----

    def hc_signature(self, service_type: str) -> Reply:
        """A block signed by SAM and patient card, real or virtual. Raises Refused 1102, 1511."""
        with self._lock:
            sam = self._verified_sam()
            with self._patient() as (number, id_no, sign):
                return self._signed(service_type, [sam.sign, sign], hcId=number, hcIdNo=id_no)

    def hpc_hc_signature(self, service_type: str) -> Reply:
        """A block signed by SAM, patient card and staff card (三卡簽章). Raises Refused 1102, 1402, 1511."""
        with self._lock:
            sam = self._verified_sam()
            with self._patient() as (number, id_no, sign), self._staff() as (staff, staff_id, staff_sign):
                return self._signed(
                    service_type,
                    [sam.sign, sign, staff_sign],
                    hcId=number,
                    hcIdNo=id_no,
                    hpcId=staff,
                    hpcIdNo=staff_id,
                )

    def basic_data(self) -> Reply:
        """What the patient card in the reader says of its holder: works with real health cards, without network.

        Raises Refused 1102, and 1515 while a virtual card is in: another patient's card may lie in the reader.
        """
        with self._lock:
            if self._virtual is not None:
                raise Refused(1515)
            with refusing(Kind.HC), self._card(Kind.HC) as card:
                data = operations.read_basic_data(card)
        return {
            "cardSn": data.number,
            "name": data.name,
            "idCardNum": data.person_id,
            "birthday": _roc(data.birth_date),
            "sex": data.sex,
            "dateIssue": _roc(data.issue_date),
        }

    def verify_hc_pin(self, pin: str) -> Reply:
        """Raises Refused: 1510 no PIN set, 1513 verified before, 1514 wrong, 9043 blocked, 1526 a virtual card."""
        with self._physical_card() as card:
            if operations.tries_left(card) is None:
                raise Refused(1513 if operations.has_pin(card) else 1510)
            operations.verify_pin(card, pin)
        return {}

    def set_hc_pin(self, new_pin: str, puk: str) -> Reply:
        """A first PIN, a new one while the old one is verified, or one by means of the PUK."""
        with self._physical_card() as card:
            if puk:
                operations.unblock(card, puk, new_pin)
            else:
                operations.set_pin(card, new_pin)
        return {}

    def remove_hc_pin(self) -> Reply:
        """Do without a PIN; the PIN must be verified (1511)."""
        with self._physical_card() as card:
            operations.remove_pin(card)
        return {}

    def log_out_hc(self) -> Reply:
        """The patient's visit at this desk is over: a virtual card is gone, a card must verify its PIN again.

        A virtual card is forgotten even where the data centre cannot be told; its session there ends by itself.
        """
        with self._lock:
            if self._virtual is not None:
                try:
                    self._datacentre.post("/api/v1/VirtualHc/Logout", self.hc_signature(READ))
                except Refused as refusal:
                    _log.warning("the data centre was not told of a virtual card's logout: %d", refusal.code)
                finally:
                    self._virtual = None
            elif (device := self._find(Kind.HC)) is not None:
                device.forget()
            return {}

    # ---- staff card ----

    def verify_hpc(self, pin: str) -> Reply:
        """Raises Refused: 4014 no staff card, 1410 wrong PIN, 9043 blocked, 6019 no PIN given."""
        if not pin:
            raise Refused(6019)
        with self._staff_card() as card:
            operations.verify_pin(card, pin)
        return {}

    def set_hpc_pin(self, new_pin: str) -> Reply:
        """A new PIN while the old one is verified (1402)."""
        with self._staff_card() as card:
            operations.set_pin(card, new_pin)
        return {}

    def unblock_hpc(self, puk: str, new_pin: str) -> Reply:
        """A new PIN by means of the PUK."""
        with self._staff_card() as card:
            operations.unblock(card, puk, new_pin)
        return {}

    def hpc_signature(self, service_type: str) -> Reply:
        """A block signed by the staff card, and by the SAM where there is one. Raises Refused 4014, 1402."""
        with self._lock, self._staff(absent=ABSENT[Kind.HPC]) as (number, id_no, sign):
            if self._sam is None or self._contact is None:
                institution = self._sam.institution if self._sam else ""
                return self._signed(service_type, [sign], without_sam=institution, hpcId=number, hpcIdNo=id_no)
            return self._signed(service_type, [self._verified_sam().sign, sign], hpcId=number, hpcIdNo=id_no)

    def log_out_hpc(self) -> Reply:
        """The staff card must verify its PIN again."""
        with self._lock:
            if (device := self._find(Kind.HPC)) is not None:
                device.forget()
            return {}

    # ---- virtual card ----

    def read_virtual(self, token: str) -> Reply:
        """Whom the QR code stands for; without a network from the code itself where home care is allowed."""
        with self._lock:
            try:
                return self._ask_about(token, "/api/v1/VirtualHc/ReadBasic") | {"offline": False}
            except Refused as refusal:
                if refusal.code not in (*_NOT_REACHED, _OFFLINE) or not self._settings.home_care:
                    raise
                return home_care.recognised(token, self._settings.home.root, self._now())

    def verify_virtual(self, token: str) -> Reply:
        """Take the QR code, once: the virtual card counts as inserted until logout."""
        with self._lock:
            return self._inserted(self._ask_about(token, "/api/v1/VirtualHc/Verification"))

    def offer_virtual(self) -> Reply:
        """Let another reader of the institution take the virtual card over. Raises Refused 1527, 1528–1531."""
        with self._lock:
            if self._virtual is None:
                raise Refused(1527)
            reply = self._datacentre.post("/api/v1/VirtualHc/Transfer", self.hc_signature(READ))
            self._virtual = None
            return {"transferToken": reply["transferToken"]}

    def take_virtual(self, transfer_token: str) -> Reply:
        """Take over a virtual card that another reader of the institution offers."""
        with self._lock:
            block = self.sam_signature(READ) | {"transferToken": transfer_token}
            return self._inserted(self._datacentre.post("/api/v1/VirtualHc/Receive", block))

    def _ask_about(self, token: str, path: str) -> Reply:
        return self._datacentre.post(path, self.sam_signature(READ) | {"token": token})

    def _inserted(self, reply: Reply) -> Reply:
        self._virtual = VirtualCard(reply["cardId"], reply["idNo"], base64.b64decode(reply.pop("sessionSecret")))
        return reply

    # ---- finding and signing ----

    def _initialised(self) -> SecurityModule:
        if self._sam is None:
            raise Refused(1000)
        return self._sam

    def _verified_sam(self) -> SecurityModule:
        sam = self._initialised()
        if self._contact is None:
            raise Refused(4050)
        # a clock that was set back must not let a cloud SAM work on by itself
        if sam.needs_network and not timedelta(0) <= self._now() - self._contact <= _CLOUD_CONTACT:
            self.verify_sam()
        return sam

    def _find(self, kind: Kind) -> Device | None:
        """A reader with a card of the kind, the chosen reader first."""
        devices = sorted(self._devices.list(), key=lambda device: device.name != self._reader)
        return next((device for device in devices if device.card_present() and _holds(device, kind)), None)

    @contextmanager
    def _card(self, kind: Kind) -> Iterator[Card]:
        device = self._find(kind)
        if device is None:
            raise Refused(ABSENT[kind])
        with device.connect() as card:
            if operations.kind_of(card) is not kind:  # exchanged since: no PIN may go to the wrong card
                raise operations.NotThisKindOfCard(f"the card in the reader is no {kind} card any more")
            yield card

    @contextmanager
    def _physical_card(self) -> Iterator[Card]:
        with self._lock:
            if self._virtual is not None:
                raise Refused(1526)
            try:
                with refusing(Kind.HC), self._card(Kind.HC) as card:
                    yield card
            except ValueError:
                raise Refused(BAD_PIN_FORM) from None

    @contextmanager
    def _staff_card(self) -> Iterator[Card]:
        try:
            with self._lock, refusing(Kind.HPC), self._card(Kind.HPC) as card:
                yield card
        except ValueError:
            raise Refused(BAD_PIN_FORM) from None

    @contextmanager
    def _patient(self) -> Iterator[tuple[str, str, Callable[[bytes], Part]]]:
        """The patient card's number, its holder's ID and how it signs."""
        if (virtual := self._virtual) is not None:
            yield (
                virtual.number,
                virtual.id_no,
                lambda challenge: signature_block.answer_challenge(virtual.secret, challenge),
            )
            return
        with refusing(Kind.HC), self._card(Kind.HC) as card:
            data = operations.read_basic_data(card)
            yield data.number, data.person_id, lambda challenge: _part_of(card, Kind.HC, challenge)

    @contextmanager
    def _staff(self, absent: int = 1402) -> Iterator[tuple[str, str, Callable[[bytes], Part]]]:
        """The staff card's number, its holder's ID and how it signs. Raises Refused with ``absent`` without a card."""
        if self._find(Kind.HPC) is None:
            raise Refused(absent)
        with refusing(Kind.HPC), self._card(Kind.HPC) as card:
            member = operations.read_staff_member(card)
            yield operations.read_number(card), member.person_id, lambda challenge: _part_of(card, Kind.HPC, challenge)

    def _signed(
        self,
        service_type: str,
        signers: list[Callable[[bytes], Part]],
        *,
        sam: SecurityModule | None = None,
        without_sam: str | None = None,
        **cards: str,
    ) -> Reply:
        """The block with all parts, in the order of the signers."""
        if not service_type:
            raise Refused(6018, "serviceType")
        module = sam or self._sam
        institution = without_sam if without_sam is not None or module is None else module.institution
        number = "" if without_sam is not None or module is None else module.number
        block = Block(secrets.token_hex(16), institution or "", number, **cards)
        at = self._now().replace(microsecond=0)
        # a program that sends the kind as a number drops its leading zero
        challenge = signature_block.challenge(block.message(service_type.zfill(2), at))
        with refusing(Kind.SAM):
            parts = [sign(challenge) for sign in signers]
        return asdict(block) | {"signature": signature_block.pack(at, parts)}

    def _hpc_is_verified(self, device: Device) -> bool:
        try:
            with device.connect() as card:
                return operations.tries_left(card) is None
        except (CardError, DeviceError):
            return False


def _part_of(card: Card, kind: Kind, challenge: bytes) -> Part:
    """A card's part. Raises Refused, also where the holder set a PIN and did not give it."""
    with refusing(kind):
        signed = operations.sign(card, challenge)
        if signed.state == PinState.NOT_VERIFIED:
            raise operations.PinNotVerified("the holder's PIN is needed")
    return Part(signed.state, signed.signature)


def _holds(device: Device, kind: Kind) -> bool:
    try:
        with device.connect() as card:
            return operations.kind_of(card) is kind
    except (CardError, DeviceError):
        return False


def _roc(day: date | None) -> str:
    return rocdate.format_date(day) if day else ""
