"""Who sends: the SAM's signature of an upload or a download (service type 30), good for one hour."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

from cryptography import x509

from nhicard.identity import certificates, signature_block
from nhicard.identity.certificates import CertificateRefused, Fault, Role
from nhicard.identity.signature_block import Block, BlockRefused, Reason
from nhicard.insurer.intake.return_codes import NOT_CONTRACTED, NOT_VERIFIED, REVOKED, TOO_OLD, Returned
from nhicard.insurer.registry import state
from nhicard.insurer.registry.authority import authority
from nhicard.insurer.registry.models import SecurityModule
from nhicard.insurer.registry.state import Stamp

SERVICE_TYPE: Final = "30"
_GOOD_FOR: Final = timedelta(hours=1)
# Visits before the end of a contract may still be reported for as long as the upload window reaches back.
_AFTER_CONTRACT: Final = timedelta(days=120)


@dataclass(frozen=True, slots=True)
class Sender:
    """A verified sender. ``signature`` is the digest of what proved it."""

    institution: str
    sam: str
    signature: bytes


def verify(block: Block, signature: str, now: datetime) -> Sender:
    """The sender behind a signature. Raises Returned: 8203, 8205, 9002, 9005."""
    try:
        at, parts = signature_block.unpack(signature)
        if len(parts) != 1:
            raise Returned(NOT_VERIFIED)
        signature_block.require_fresh(at, now, _GOOD_FOR)
        sam = _registered(state.stamp(), block.samId)
        if sam is None or sam.institution != block.hospitalId:
            raise Returned(NOT_VERIFIED)
        revoked = {sam.certificate.serial_number} if sam.revoked_at and sam.revoked_at <= now else set()
        subject = certificates.verify(sam.certificate, authority().root, now, revoked)
        if subject.role not in (Role.SAM, Role.CLOUD_SAM) or subject.number != block.samId:
            raise Returned(NOT_VERIFIED)
        message = block.message(SERVICE_TYPE, at)
        signature_block.require_signed(certificates.public_key_of(sam.certificate), message, parts[0], sam.machine)
    except BlockRefused as refusal:
        raise Returned(TOO_OLD if refusal.reason is Reason.TOO_OLD else NOT_VERIFIED) from None
    except CertificateRefused as refusal:
        raise Returned(REVOKED if refusal.fault is Fault.REVOKED else NOT_VERIFIED) from None
    _require_contract(sam, now.date())
    # what was signed, not the signature, which can be written in another, equally genuine way
    return Sender(block.hospitalId, block.samId, hashlib.sha256(message).digest())


@dataclass(frozen=True, slots=True)
class _Registered:
    """What the registers say of a SAM. ``machine``: where a cloud SAM was installed, empty for a card."""

    institution: str
    certificate: x509.Certificate
    revoked_at: datetime | None
    machine: str
    contracts: tuple[tuple[date, date | None], ...]


@lru_cache(maxsize=1 << 15)
def _registered(_: Stamp, number: str) -> _Registered | None:
    """The SAM as the registers of the stamp have it: whatever changes in them changes the stamp."""
    sam = SecurityModule.objects.select_related("institution").filter(number=number).first()
    if sam is None:
        return None
    certificate = x509.load_pem_x509_certificate(sam.certificate.encode())
    contracts = tuple(sam.institution.contracts.values_list("valid_from", "valid_until"))
    machine = sam.machine if sam.is_cloud else ""
    return _Registered(sam.institution.code, certificate, sam.revoked_at, machine, contracts)


def _require_contract(sam: _Registered, today: date) -> None:
    if not any(
        since <= today and (until is None or today - until <= _AFTER_CONTRACT) for since, until in sam.contracts
    ):
        raise Returned(NOT_CONTRACTED)
