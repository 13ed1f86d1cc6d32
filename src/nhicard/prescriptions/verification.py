"""Whether a prescription is genuine, and whether it may be dispensed at a moment."""

from __future__ import annotations

import hmac
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import polars as pl
from cryptography import x509

from nhicard.identity import certificates
from nhicard.identity.certificates import CertificateRefused, Fault, Role
from nhicard.prescriptions.payload import Prescription, masked_physician
from nhicard.prescriptions.reasons import Reason
from nhicard.prescriptions.signing import Signed
from nhicard.prescriptions.tables import kinds

_SUNDAY: Final = 6
_PHYSICIAN: Final = "physician"
_SKEW: Final = timedelta(minutes=5)
_FAULTS: Final = {
    Fault.UNKNOWN_ISSUER: "certificate_unknown",
    Fault.NOT_YET_VALID: "certificate_early",
    Fault.EXPIRED: "certificate_expired",
    Fault.REVOKED: "certificate_revoked",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found; ``next_refill``: which dispensing would be the next one, where that is known."""

    reasons: tuple[Reason, ...]
    valid_until: date | None = None
    next_refill: int | None = None

    @property
    def is_accepted(self) -> bool:
        """Nothing speaks against it."""
        return not any(reason.weight == "refuse" for reason in self.reasons)


def origin(signed: Signed, root: x509.Certificate, now: datetime, revoked: Container[int] = frozenset()) -> Verdict:
    """Whether the physician on it signed it with a card of the insurer's root, in force when it signed.

    ``revoked``: serial numbers of certificates. Times are naive Taipei times.
    """
    return Verdict(tuple(_origin(signed, root, now, revoked)))


def supply(
    prescription: Prescription,
    now: datetime,
    refills: pl.DataFrame | None = None,
    holidays: Container[date] = frozenset(),
) -> Verdict:
    """Whether it may be dispensed now, given what was dispensed of it.

    ``refills``: rows of the insurer's history, columns ``identifier number dispensed_by cancelled`` (rows of other
    prescriptions do not matter); None where it is not known. ``holidays``: days beside Sundays on which nothing ends.
    """
    kind, header = kinds()[prescription.header["kind"]], prescription.header
    until = valid_until(prescription, holidays)
    reasons = [Reason("expired", {"until": until.isoformat()})] if now.date() > until else []
    if refills is None:
        return Verdict((*reasons, Reason("history_unknown")), until)
    mine = refills.filter(pl.col("identifier") == header["visit_identifier"])
    if mine.height and mine["cancelled"].any():
        return Verdict((*reasons, Reason("cancelled")), until)
    dispensed = mine.filter(pl.col("dispensed_by").fill_null("") != "")["number"].n_unique()
    allowed = int(header["dispensings"])
    if dispensed >= allowed:
        return Verdict((*reasons, Reason("all_dispensed", {"number": allowed})), until)
    following = dispensed + 1
    if kind.early_days is not None and following > 1:
        span = int(header["days"]) * dispensed - kind.early_days
        since = prescription.visit_date + timedelta(days=span)
        if now.date() < since:
            reasons.append(Reason("too_early", {"number": following, "since": since.isoformat()}))
    return Verdict(tuple(reasons), until, following)


def valid_until(prescription: Prescription, holidays: Container[date] = frozenset()) -> date:
    """The last day on which it may be dispensed (``data/kinds.csv``); it never ends on a Sunday or a holiday."""
    kind, header = kinds()[prescription.header["kind"]], prescription.header
    days = kind.valid_days
    if days is None:
        days = min(int(header["days"]) * int(header["dispensings"]), kind.most_valid_days or 0)
    last = prescription.visit_date + timedelta(days=max(days, 1) - 1)
    while last.weekday() == _SUNDAY or last in holidays:
        last += timedelta(days=1)
    return last


def _origin(signed: Signed, root: x509.Certificate, now: datetime, revoked: Container[int]) -> Iterator[Reason]:
    prescription = signed.prescription
    if not signed.is_genuine():
        yield Reason("forged")
        return
    try:
        subject = certificates.verify(signed.certificate, root, prescription.signed_at, revoked)
    except CertificateRefused as refusal:
        yield Reason(_FAULTS[refusal.fault])
        return
    if subject.role is not Role.STAFF_CARD or subject.profession != _PHYSICIAN:
        yield Reason("not_a_physician")
    elif not hmac.compare_digest(masked_physician(subject.person), prescription.header["physician_id"]):
        yield Reason("other_physician")
    if prescription.signed_at.date() < prescription.visit_date:
        yield Reason("signed_early")
    if prescription.signed_at > now + _SKEW:
        yield Reason("signed_ahead")
