"""Institutions, people and files of the line fee subsidy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from tests.insurer.applications.files import PDF
from tests.insurer.portal import people

from nhicard.insurer.accounts.models import User
from nhicard.insurer.bandwidth.models import Enrolment, Evidence
from nhicard.insurer.bandwidth.services import enrolling, evidence
from nhicard.insurer.registry.models import Contract, Institution

NOW: Final = datetime(2022, 2, 22, 9, 0)
MONTH: Final = date(2022, 1, 1)
CONTACT: Final = ("測試聯絡人", "02-0000-0000")
EARLIER: Final = datetime(2021, 11, 3, 9, 0)
SINCE: Final = date(2021, 11, 1)


@dataclass(frozen=True)
class Place:
    """An institution and its representative, and an officer of its division."""

    institution: Institution
    representative: User
    officer: User


def place(code: str = "", division: int = 1, kind: str = "clinic", until: date | None = None) -> Place:
    """With a contract, to the day if one is given."""
    found = people.institution(code, division=division, kind=kind)
    Contract.objects.create(institution=found, valid_from=date(2001, 1, 1), valid_until=until)
    return Place(found, people.user("representative", institution=found), people.user("officer", division=division))


def applied(who: Place, line_type: str = "standard", since: date = SINCE, at: datetime = EARLIER) -> Enrolment:
    """An application."""
    return enrolling.apply(who.representative, line_type, since, CONTACT, at)


def agreed(who: Place, line_type: str = "standard", since: date = SINCE, at: datetime = EARLIER) -> Enrolment:
    """An application that the division agreed to."""
    made = applied(who, line_type, since, at)
    enrolling.decide(made, is_agreed=True, effective_from=None, reason="", user=who.officer, now=at)
    return Enrolment.objects.get(pk=made.pk)


def sent(who: Place, bill: int = 1200, mbps: int = 100, month: date = MONTH, content: bytes = PDF) -> Evidence:
    """The bill of a month."""
    return evidence.send(who.representative, month, bill, mbps, "帳單.pdf", content, NOW)[0]
