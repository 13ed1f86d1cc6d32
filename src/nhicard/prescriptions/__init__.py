"""Paper prescriptions with QR codes: payload, signature, sheet, reading from images, verification
(docs/prescriptions.md)."""

from nhicard.prescriptions.payload import InvalidPrescription, Prescription
from nhicard.prescriptions.reasons import Reason
from nhicard.prescriptions.signing import Signed, sign
from nhicard.prescriptions.verification import Verdict, origin, supply

__all__ = ["InvalidPrescription", "Prescription", "Reason", "Signed", "Verdict", "origin", "sign", "supply"]
