"""What the QR codes carry: the prescription's text, the physician's certificate and the card's signature over both.

``content`` is a byte that says how the rest is packed, 64 bytes of signature, and (deflated, where that is shorter) the
certificate's length in two bytes, the certificate (DER) and the text (UTF-8). The staff card signs a challenge as it
does everywhere: SHA-256 of a domain, the certificate's digest and the text; and the state of its PIN, which must be
verified. The certificate travels with the prescription, so that a pharmacy needs nothing but the insurer's root.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from nhicard.identity import certificates, ecdsa, signature_block
from nhicard.identity.signature_block import PinState
from nhicard.prescriptions.payload import InvalidPrescription, Prescription
from nhicard.prescriptions.reasons import Refused

#: What a staff card with its PIN verified makes of a challenge: 64 bytes over the challenge and its state byte.
Signer = Callable[[bytes], bytes]
_DOMAIN: Final = b"nhicard prescription 1\x00"
_STORED, _DEFLATED = 0, 1
_START: Final = 1 + ecdsa.LENGTH
_LARGEST: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Signed:
    """A prescription with its signature and the certificate that came with it, nothing of it verified yet."""

    prescription: Prescription
    certificate: x509.Certificate
    signature: bytes

    def is_genuine(self) -> bool:
        """Whether the certificate's key signed this prescription, the card's PIN verified."""
        signed = challenge(self.prescription, self.certificate) + bytes([PinState.VERIFIED])
        try:
            key = certificates.public_key_of(self.certificate)
        except (ValueError, TypeError):
            return False
        return ecdsa.is_signed(key, signed, self.signature)

    def content(self) -> bytes:
        """The bytes that the QR codes carry."""
        der = self.certificate.public_bytes(Encoding.DER)
        inner = len(der).to_bytes(2, "big") + der + self.prescription.text().encode()
        deflated = zlib.compress(inner, 9, wbits=-15)
        packed = bytes([_DEFLATED]), deflated
        if len(deflated) >= len(inner):
            packed = bytes([_STORED]), inner
        return packed[0] + self.signature + packed[1]

    @classmethod
    def of_content(cls, content: bytes) -> Signed:
        """The reverse; raises Refused."""
        inner = _unpacked(content)
        end = 2 + int.from_bytes(inner[:2], "big")
        try:
            certificate = x509.load_der_x509_certificate(inner[2:end])
            prescription = Prescription.of_text(inner[end:].decode())
        except (ValueError, InvalidPrescription):
            raise Refused("malformed") from None
        return cls(prescription, certificate, content[1:_START])


def sign(prescription: Prescription, certificate: x509.Certificate, signer: Signer) -> Signed:
    """The prescription signed by the card of the certificate."""
    return Signed(prescription, certificate, signer(challenge(prescription, certificate)))


def challenge(prescription: Prescription, certificate: x509.Certificate) -> bytes:
    """What is put to the card: 32 bytes."""
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    return signature_block.challenge(_DOMAIN + digest + prescription.text().encode())


def _unpacked(content: bytes) -> bytes:
    packing, body = content[:1], content[_START:]
    if packing == bytes([_STORED]):
        return body
    if packing != bytes([_DEFLATED]):
        raise Refused("unknown_version")
    inflating = zlib.decompressobj(wbits=-15)
    try:
        inner = inflating.decompress(body, _LARGEST)
    except zlib.error:
        raise Refused("malformed") from None
    if not inflating.eof or inflating.unused_data:
        raise Refused("malformed")
    return inner
