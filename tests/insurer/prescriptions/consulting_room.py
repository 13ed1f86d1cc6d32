"""A clinic whose physician prescribes, the visit as it was uploaded, and the sheet as an image: ``room.opened()``."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from tests.insurer.portal import people
from tests.prescriptions.making import png, prescription

from nhicard.bench.prescriptions import NOW, Physician, printed
from nhicard.formats import rocdate
from nhicard.identity import certificates
from nhicard.identity.certificates import Role, Subject
from nhicard.insurer.accounts.models import User
from nhicard.insurer.intake.kinds import Channel
from nhicard.insurer.intake.models import Order, Submission, Visit, VisitState
from nhicard.insurer.registry.authority import authority
from nhicard.insurer.registry.models import Institution
from nhicard.prescriptions import Prescription, Signed, sign

PHYSICIAN = "B100000002"


@dataclass
class Room:
    """One institution, its people, its physician, and the prescription that was made out there."""

    institution: Institution
    clerk: User
    officer: User
    doctor: Physician
    prescription: Prescription

    def signed(self, **header: str) -> Signed:
        """The prescription, signed; with other values in its header where told."""
        told = replace(self.prescription, header=dict(self.prescription.header) | header)
        return sign(told, self.doctor.certificate, self.doctor.signer)

    def image(self, **header: str) -> bytes:
        """The sheet's codes as a PNG."""
        return png(printed(self.signed(**header), 150))

    def uploaded(self, *, orders: list[dict[str, str]] | None = None, **facts: Any) -> Visit:
        """The visit in format 2.0, accepted; with other facts where told."""
        header, number = self.prescription.header, Submission.objects.count() + 1
        kept = Submission.objects.create(
            receipt=f"test{number:08d}",
            institution=self.institution.code,
            channel=Channel.VPN,
            kind="A2",
            content_hash=number.to_bytes(32, "big"),
            size=1,
            received_at=NOW,
        )
        day = self.prescription.visit_date
        known = {
            "edition": "2.0",
            "is_precheck": True,
            "state": VisitState.ACCEPTED,
            "visit_date": day,
            "visit_month": day.replace(day=1),
            "institution": self.institution.code,
            "patient_id": header["patient_id"],
            "staff_id": self.doctor.person,
            "identifier": header["visit_identifier"],
            "visit_time": f"{rocdate.format_date(day)}080000",
        }
        visit = Visit.objects.create(
            submission=kept,
            record=1,
            channel=Channel.VPN,
            received_at=NOW,
            data_type="1",
            upload_kind="A",
            category="01",
            sequence="",
            original_identifier="",
            original_institution="",
            actual_identifier="",
            key=f"test {number}",
            fields="{}",
            **known | facts,
        )
        for place, told in enumerate(self.orders() if orders is None else orders, 1):
            row = {"order": place, "code": told["D06"], "fields": json.dumps(told)}
            Order.objects.create(submission=kept, record=1, visit_month=visit.visit_month, **row)
        return visit

    def orders(self) -> list[dict[str, str]]:
        """The orders as an upload writes them."""
        return [
            {
                "D02": "1",
                "D06": order["code"].ljust(12),
                "D08": order["usage"],
                "D09": order["days"].zfill(2),
                "D10": f"{float(order['total']):07.1f}",
            }
            for order in self.prescription.orders
        ]


def opened(code: str = "3501200000", division: int = 1, kind: str = "clinic", seed: int = 1) -> Room:
    """A room at the institution."""
    institution = people.institution(code, division, kind=kind)
    told = prescription(seed, 2, institution=code, physician_id=f"{PHYSICIAN[:2]}****{PHYSICIAN[6:]}")
    return Room(
        institution,
        people.user("clerk", institution=institution),
        people.user("officer", division=institution.division or 1),
        physician(PHYSICIAN),
        told,
    )


def physician(person: str, number: str = "P00000000001", profession: str = "physician") -> Physician:
    """A staff card that the insurer certified, as its keys now are."""
    root, key = authority(), _key(person)
    subject = Subject(Role.STAFF_CARD, number, person=person, profession=profession)
    certificate = root.certify(key.public_key(), subject, NOW - timedelta(days=30), NOW + timedelta(days=365))
    return Physician(person, key, certificate, root.root)


@cache
def _key(person: str) -> Any:
    del person
    return certificates.new_key()


def moment() -> datetime:
    """When the tests take place."""
    return NOW
