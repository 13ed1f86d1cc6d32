"""What the pages show of SAMs and applications, in the language of the request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Final

from cryptography import x509
from django.utils import translation

from nhicard.formats import rocdate
from nhicard.insurer.applications.forms import roc_day
from nhicard.insurer.applications.presenters import roc_moment
from nhicard.insurer.datacentre.models import CloudSamApplication
from nhicard.insurer.portal.texts import text
from nhicard.insurer.registry.models import SecurityModule
from nhicard.insurer.securitymodules.models import Reason

_SOON: Final = 30  # days before the end of a certificate
_MARKS: Final = {"working": "✓", "not-installed": "…", "expired": "✕", "revoked": "✕"}
_APPLICATION_MARKS: Final = {"applied": "…", "approved": "↓", "downloaded": "✓", "refused": "✕"}


def is_english() -> bool:
    """Whether the page is asked for in English."""
    return (translation.get_language() or "").startswith("en")


class State(StrEnum):
    """How a SAM stands at a moment; the words are ``securitymodules.state.<value>``."""

    WORKING = "working"
    NOT_INSTALLED = "not-installed"
    EXPIRED = "expired"
    REVOKED = "revoked"


def until(sam: SecurityModule) -> datetime | None:
    """The end of its certificate, Taipei time; None for a register that holds no certificate of it."""
    return _end_of(sam.certificate)


@cache
def _end_of(certificate: str) -> datetime | None:
    try:
        end = x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
    except ValueError:
        return None
    return end.astimezone(rocdate.TAIPEI).replace(tzinfo=None)


def state_of(sam: SecurityModule, now: datetime) -> State:
    """Revoked before expired before not yet installed."""
    end = until(sam)
    if sam.is_revoked(now):
        return State.REVOKED
    if end and end <= now:
        return State.EXPIRED
    return State.NOT_INSTALLED if sam.is_cloud and not sam.machine else State.WORKING


@dataclass(frozen=True, slots=True)
class Row:
    """A SAM in a list. ``left``: that it ends soon, in words, else empty."""

    pk: int
    number: str
    institution: str
    code: str
    kind: str
    is_cloud: bool
    state: State
    state_name: str
    mark: str
    issued: str
    until: str
    left: str
    revoked: str
    can_be_revoked: bool


def row(sam: SecurityModule, now: datetime) -> Row:
    """A SAM as the tables show it."""
    state, end = state_of(sam, now), until(sam)
    days = (end - now).days if end else None
    is_soon = state in (State.WORKING, State.NOT_INSTALLED) and days is not None and days <= _SOON
    revocation = getattr(sam, "revocation", None)
    reason = text(f"securitymodules.reason.{revocation.reason}") if revocation else ""
    return Row(
        sam.pk,
        sam.number,
        sam.institution.short_name,
        sam.institution.code,
        text("securitymodules.kind.cloud" if sam.is_cloud else "securitymodules.kind.card"),
        sam.is_cloud,
        state,
        text(f"securitymodules.state.{state}"),
        _MARKS[state],
        roc_day(sam.issued_on),
        roc_day(end) if end else "–",
        text("securitymodules.left", days=days) if is_soon else "",
        " ".join(filter(None, (roc_moment(sam.revoked_at), reason))),
        sam.revoked_at is None,
    )


@dataclass(frozen=True, slots=True)
class Applied:
    """An application in a list."""

    pk: int
    institution: str
    code: str
    at: str
    state: str
    state_name: str
    mark: str
    sam: str
    reason: str


def application(found: CloudSamApplication) -> Applied:
    """An application as the tables show it."""
    decision = getattr(found, "decision", None)
    return Applied(
        found.pk,
        found.institution.short_name,
        found.institution.code,
        roc_moment(found.applied_at),
        found.state,
        text(f"securitymodules.application.{found.state}"),
        _APPLICATION_MARKS[found.state],
        found.sam.number if found.sam else "",
        decision.reason if decision else "",
    )


def reasons() -> list[tuple[str, str]]:
    """Choices of why a SAM is revoked."""
    return [(each, text(f"securitymodules.reason.{each}")) for each in Reason.values]
