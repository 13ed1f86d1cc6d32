"""Applying, deciding, downloading and revoking, as the portal's users do it; issuing is the data centre's.

>>> apply(representative, card, now)  # the card of the session, if it began with one
"""

from __future__ import annotations

import base64
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Final

from django.db import transaction

from nhicard.formats.status_codes import Refused
from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit import chain
from nhicard.insurer.datacentre.authentication import Caller
from nhicard.insurer.datacentre.models import CloudSamApplication
from nhicard.insurer.datacentre.services import security_modules
from nhicard.insurer.registry.models import Institution, SecurityModule, StaffCard
from nhicard.insurer.reminders.services import Text, remind
from nhicard.insurer.securitymodules.models import Decision, Revocation

TOPIC: Final = "securitymodules"
PAGE: Final = "/portal/security-modules/"
SHORTEST_PASSWORD: Final = 12
_States = CloudSamApplication.State
#: Applications that have not come to an end: an institution has one of them at most.
WAITING: Final[Collection[str]] = (_States.APPLIED, _States.APPROVED)


class Why(StrEnum):
    """Why something cannot be done; the words are ``securitymodules.cannot.<value>``."""

    NOT_REPRESENTATIVE = "not_representative"
    WAITING = "waiting"
    NOT_CONTRACTED = "not_contracted"
    NOT_READY = "not_ready"
    PASSWORD = "password"  # noqa: S105  # the name of a text
    DECIDED = "decided"
    REASON = "reason"
    REVOKED = "revoked"


class CannotDo(Exception):
    """Nothing was done; ``why`` says for what reason."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


_REFUSALS: Final = {9005: Why.NOT_REPRESENTATIVE, 1611: Why.NOT_READY, 9041: Why.PASSWORD}


@transaction.atomic
def apply(user: User, card: StaffCard | None, now: datetime) -> CloudSamApplication:
    """A new application of the user's institution.

    Raises CannotDo: not the representative in the register, one is waiting already, no contract today.
    """
    caller = _caller(user, card, now)
    Institution.objects.select_for_update().get(pk=caller.institution.pk)  # one application at a time
    if caller.institution.cloud_sam_applications.filter(state__in=WAITING).exists():
        raise CannotDo(Why.WAITING)
    if not caller.institution.is_contracted(now.date()):
        raise CannotDo(Why.NOT_CONTRACTED)
    try:
        made = security_modules.apply(caller, now)
    except Refused as refusal:
        raise CannotDo(_REFUSALS[refusal.status.code]) from None
    found = CloudSamApplication.objects.get(pk=made["applicationId"])
    _audit(user, "cloud_sam.applied", f"application {found.pk}", caller.institution.code, now)
    return found


@transaction.atomic
def decide(application: CloudSamApplication, user: User, now: datetime, *, approved: bool, reason: str = "") -> None:
    """Approve or refuse, the latter with a reason. Raises CannotDo."""
    if not approved and not reason:
        raise CannotDo(Why.REASON)
    try:
        security_modules.decide(application, approved=approved)
    except ValueError:
        raise CannotDo(Why.DECIDED) from None
    Decision.objects.create(application=application, user=user, at=now, is_approved=approved, reason=reason)
    code = application.institution.code
    name = "approved" if approved else "refused"
    _audit(user, f"cloud_sam.{name}", f"application {application.pk}", code, now)
    remind(TOPIC, [code], *_TOLD[approved], now, f"cloud-sam-{application.pk}-{name}", PAGE)


@transaction.atomic
def download(user: User, card: StaffCard | None, number: int, password: str, now: datetime) -> tuple[str, bytes]:
    """The file's name and its bytes (PKCS #12 under the password), once: nobody keeps the key. Raises CannotDo."""
    caller = _caller(user, card, now)
    if not caller.institution.is_contracted(now.date()):
        raise CannotDo(Why.NOT_CONTRACTED)
    try:
        told = security_modules.download(caller, number, password, now)
    except Refused as refusal:
        raise CannotDo(_REFUSALS[refusal.status.code]) from None
    _audit(user, "cloud_sam.downloaded", f"application {number}", caller.institution.code, now)
    return told["fileName"], base64.b64decode(told["content"])


@transaction.atomic
def revoke(sam: SecurityModule, user: User, reason: str, now: datetime) -> None:
    """Revoke a SAM: from now on its signatures are refused. Raises CannotDo for one that is revoked already."""
    sam.refresh_from_db(from_queryset=SecurityModule.objects.select_for_update())
    if sam.revoked_at:
        raise CannotDo(Why.REVOKED)
    security_modules.revoke(sam.number, now)
    Revocation.objects.create(sam=sam, user=user, at=now, reason=reason)
    _audit(user, "sam.revoked", f"sam {sam.pk}", sam.institution.code, now, reason)


@transaction.atomic
def issue_anew(
    sam: SecurityModule, user: User, card: StaffCard | None, reason: str, now: datetime
) -> CloudSamApplication:
    """Revoke a cloud SAM and apply for another in its place, both or neither. Raises CannotDo."""
    revoke(sam, user, reason, now)
    return apply(user, card, now)


def representative_card(user: User, card: StaffCard | None, now: datetime) -> StaffCard | None:
    """The staff card behind the user: that of the session, else a valid one of the person whose account it is."""
    if card or not user.national_id:
        return card
    cards = StaffCard.objects.filter(staff__id_no=user.national_id).select_related("staff").order_by("-issued_on")
    return next((each for each in cards if not each.is_revoked(now)), None)


def _caller(user: User, card: StaffCard | None, now: datetime) -> Caller:
    """The user as the data centre knows callers: the register, not the account, says who the representative is."""
    assert user.institution is not None
    institution = user.institution
    behind = representative_card(user, card, now)
    staff = behind.staff if behind else None
    if staff is None and user.national_id:
        registered = institution.representative
        staff = registered if registered and registered.id_no == user.national_id else None
    if staff is None or staff.pk != institution.representative_id:
        raise CannotDo(Why.NOT_REPRESENTATIVE)
    return Caller(institution, None, None, staff, behind)


def _audit(user: User, action: str, subject: str, code: str, now: datetime, reason: str = "") -> None:
    facts = {"reason": reason} if reason else {}
    chain.record(
        at=now, actor=user.username, role=user.role, action=action, subject=subject, institution=code, facts=facts
    )


_TOLD: Final = {
    True: (
        Text("雲端安全模組可以下載了", "The cloud SAM can be downloaded"),
        Text(
            "申請已核准。請由機構代表登入下載，檔案只能下載一次。",
            "The application is approved. The representative downloads the file, which can be done once.",
        ),
    ),
    False: (
        Text("雲端安全模組申請未核准", "The application for a cloud SAM is refused"),
        Text("請登入查看原因，修正後可再申請。", "The page tells why; you may apply again."),
    ),
}
