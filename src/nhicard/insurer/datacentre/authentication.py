"""Who asks: the signature block verified against the registers, every doubt answered with its status code."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, Protocol

from cryptography import x509
from django.db import IntegrityError, transaction

from nhicard.formats.status_codes import Refused
from nhicard.identity import certificates, signature_block
from nhicard.identity.certificates import CertificateRefused, Fault, Role
from nhicard.identity.signature_block import Block, BlockRefused, Part, PinState
from nhicard.insurer.datacentre import policy
from nhicard.insurer.datacentre.models import UsedOnce, VirtualCardSession
from nhicard.insurer.registry.authority import authority
from nhicard.insurer.registry.models import (
    Certified,
    HealthCard,
    Institution,
    SecurityModule,
    StaffCard,
    StaffMember,
)


class Signers(Enum):
    """Whose signatures a path asks for."""

    SAM = "SAM"
    HC = "SAM and patient card"
    HPC_HC = "SAM, staff card and patient card"
    HPC = "staff card, with or without SAM"


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified caller. ``card`` and ``staff`` are None where the path does not ask for them."""

    institution: Institution
    sam: SecurityModule | None
    card: HealthCard | None
    staff: StaffMember | None
    staff_card: StaffCard | None

    @property
    def patient_card(self) -> HealthCard:
        """The card of a path that asks for one."""
        assert self.card is not None
        return self.card

    @property
    def module(self) -> SecurityModule:
        """The SAM of a path that asks for one."""
        assert self.sam is not None
        return self.sam


class SignedRequest(Protocol):
    """A request body that carries a signature block."""

    clientRandom: str
    hospitalId: str
    samId: str
    signature: str
    hcId: str
    hcIdNo: str
    hpcId: str
    hpcIdNo: str


# Status code of a certificate's fault, by role.
_SAM_FAULTS: Final = {Fault.REVOKED: 1304, Fault.EXPIRED: 9061, Fault.NOT_YET_VALID: 9062}
_STAFF_FAULTS: Final = {
    Fault.REVOKED: 1424,
    Fault.EXPIRED: 1422,
    Fault.NOT_YET_VALID: 1422,
    Fault.UNKNOWN_ISSUER: 1423,
}
_CARD_FAULTS: Final = {Fault.REVOKED: 3203, Fault.EXPIRED: 3201, Fault.NOT_YET_VALID: 3201}


def authenticate(request: SignedRequest, signers: Signers, service_types: Collection[str], now: datetime) -> Caller:
    """The caller behind a signed request. Raises Refused; on success the signature can never be used again."""
    block = Block(
        request.clientRandom,
        request.hospitalId,
        request.samId,
        request.hcId,
        request.hcIdNo,
        request.hpcId,
        request.hpcIdNo,
    )
    try:
        at, parts = signature_block.unpack(request.signature)
        signature_block.require_fresh(at, now, policy.SIGNATURE_AGE)
    except BlockRefused as refusal:
        raise Refused(3100, refusal.reason) from None
    named = [bool(block.samId), bool(block.hcId), bool(block.hpcId)]
    if len(parts) != sum(named):
        raise Refused(3100, "a part for each card")
    by_card = iter(parts)
    sam_part, card_part, staff_part = (next(by_card) if present else None for present in named)
    messages = {kind: block.message(kind, at) for kind in service_types}

    machine = str(getattr(request, "machine", ""))
    sam = _sam(block, sam_part, messages, machine, now, needed=signers is not Signers.HPC)
    staff_card = _staff(block, staff_part, messages, now, needed=signers in (Signers.HPC_HC, Signers.HPC))
    card = _card(block, card_part, messages, sam, now) if signers in (Signers.HC, Signers.HPC_HC) else None
    institution = sam.institution if sam else _institution(block.hospitalId, now)
    if len({each.is_test for each in (sam, card, staff_card) if each}) > 1:
        raise Refused(1003)
    # what was signed, not the signature: whoever sees one can write it in another, equally genuine way
    use_once(block.message("", at), now, 3245)
    return Caller(institution, sam, card, staff_card.staff if staff_card else None, staff_card)


def use_once(content: bytes, now: datetime, refusal: int) -> None:
    """Remember a signature or token for good; raises Refused with the given code where it was used before."""
    try:
        with transaction.atomic():
            UsedOnce.objects.create(digest=hashlib.sha256(content).digest(), used_at=now)
    except IntegrityError:
        raise Refused(refusal) from None


def require_standing(institution: Institution, now: datetime) -> None:
    """Raises Refused where the institution is out of contract (1302) or suspended (1303)."""
    if not institution.is_contracted(now.date()):
        raise Refused(1302)
    if institution.is_suspended(now.date()):
        raise Refused(1303)


def _institution(code: str, now: datetime) -> Institution:
    institution = Institution.objects.filter(code=code).first()
    if institution is None:
        raise Refused(1011)
    require_standing(institution, now)
    return institution


def _sam(
    block: Block, part: Part | None, messages: dict[str, bytes], machine: str, now: datetime, *, needed: bool
) -> SecurityModule | None:
    """``machine``: what the request says of it (only at the SAM's verification), else the one that installed it."""
    if part is None:
        if needed:
            raise Refused(3100, "no SAM")
        return None
    sam = SecurityModule.objects.select_related("institution").filter(number=block.samId).first()
    if sam is None:
        raise Refused(3302)
    roles = (Role.CLOUD_SAM,) if sam.is_cloud else (Role.SAM,)
    bound_to = (machine or sam.machine) if sam.is_cloud else ""
    _require_signed(sam, roles, part, messages, now, _SAM_FAULTS, bound_to)
    if sam.institution.code != block.hospitalId:
        raise Refused(1011)
    require_standing(sam.institution, now)
    return sam


def _staff(
    block: Block, part: Part | None, messages: dict[str, bytes], now: datetime, *, needed: bool
) -> StaffCard | None:
    if part is None:
        if needed:
            raise Refused(1402)
        return None
    card = StaffCard.objects.select_related("staff").filter(number=block.hpcId).first()
    if card is None or card.staff.id_no != block.hpcIdNo:
        raise Refused(1423)
    _require_signed(card, (Role.STAFF_CARD,), part, messages, now, _STAFF_FAULTS)
    if part.state != PinState.VERIFIED:
        raise Refused(1402)
    return card


def _card(
    block: Block, part: Part | None, messages: dict[str, bytes], sam: SecurityModule | None, now: datetime
) -> HealthCard:
    if part is None:
        raise Refused(1102)
    card = HealthCard.objects.select_related("person").filter(number=block.hcId).first()
    if card is None:
        raise Refused(9012)
    if card.person.id_no != block.hcIdNo:
        raise Refused(5020)
    if card.is_virtual:
        _require_session(card, part, messages, sam, now)
    else:
        _require_signed(card, (Role.PATIENT_CARD,), part, messages, now, _CARD_FAULTS)
    if part.state == PinState.NOT_VERIFIED:
        raise Refused(3200)
    return card


def _require_signed(
    holder: Certified,
    roles: Collection[Role],
    part: Part,
    messages: dict[str, bytes],
    now: datetime,
    faults: dict[Fault, int],
    machine: str = "",
) -> None:
    certificate = x509.load_pem_x509_certificate(holder.certificate.encode())
    revoked = {certificate.serial_number} if holder.is_revoked(now) else set()
    try:
        subject = certificates.verify(certificate, authority().root, now, revoked)
    except CertificateRefused as refusal:
        raise Refused(faults.get(refusal.fault, 3100)) from None
    if subject.role not in roles or subject.number != holder.number:
        raise Refused(3100, "certificate of another card")
    key = certificates.public_key_of(certificate)
    if not any(_is_signed_by(key, message, part, machine) for message in messages.values()):
        raise Refused(3100, "signature")


def _is_signed_by(key: signature_block.PublicKey, message: bytes, part: Part, machine: str) -> bool:
    try:
        signature_block.require_signed(key, message, part, machine)
    except BlockRefused:
        return False
    return True


def _require_session(
    card: HealthCard, part: Part, messages: dict[str, bytes], sam: SecurityModule | None, now: datetime
) -> None:
    """The session that this virtual card has in this SAM's reader must have made the part."""
    if card.is_revoked(now):
        raise Refused(3203)
    session = VirtualCardSession.objects.filter(card=card, sam=sam, ended_at__isnull=True).first()
    if session is None:
        raise Refused(3303)
    if now - session.began_at > policy.VIRTUAL_SESSION:
        raise Refused(1703)
    for message in messages.values():
        try:
            signature_block.require_session(bytes(session.secret), message, part)
        except BlockRefused:
            continue
        return
    raise Refused(3100, "virtual card")
