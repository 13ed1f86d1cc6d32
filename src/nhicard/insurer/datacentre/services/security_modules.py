"""SAMs: the check at the start of a session, and cloud SAMs from application to installation."""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from django.db import transaction

from nhicard.formats.status_codes import Refused
from nhicard.identity import certificates
from nhicard.identity.certificates import Role, Subject
from nhicard.insurer.datacentre import policy
from nhicard.insurer.datacentre.authentication import Caller
from nhicard.insurer.datacentre.models import CloudSamApplication
from nhicard.insurer.registry.authority import authority
from nhicard.insurer.registry.models import Institution, SecurityModule

_SHORTEST_PASSWORD = 12


@transaction.atomic
def verify(caller: Caller, machine: str) -> dict[str, Any]:
    """Let a SAM work: a cloud SAM only on the machine that installed it first (9202 elsewhere)."""
    sam = SecurityModule.objects.select_for_update().get(pk=caller.module.pk)
    if sam.is_cloud:
        if not machine:
            raise Refused(1705, "machine")
        if not sam.machine:
            sam.machine = machine
            sam.save(update_fields=["machine"])
        elif not hmac.compare_digest(sam.machine.encode(), machine.encode()):
            raise Refused(9202)
    institution = caller.institution
    return {
        "samId": sam.number,
        "hospitalId": institution.code,
        "hospitalName": institution.name,
        "hospitalShortName": institution.short_name,
        "rootCertificate": authority().root.public_bytes(Encoding.PEM).decode(),
    }


@transaction.atomic
def apply(caller: Caller, now: datetime) -> dict[str, Any]:
    """A cloud SAM for the institution; its representative applies with the staff card (9005 for others)."""
    _require_representative(caller)
    application = CloudSamApplication.objects.create(
        institution=caller.institution,
        applicant_card=caller.staff_card.number if caller.staff_card else "",
        applied_at=now,
    )
    return _state(application)


def applications(caller: Caller) -> dict[str, Any]:
    """The institution's applications, newest first."""
    _require_representative(caller)
    rows = CloudSamApplication.objects.select_related("sam").filter(institution=caller.institution)
    return {"applications": [_state(row) for row in rows.order_by("-applied_at", "-pk")]}


@transaction.atomic
def decide(application: CloudSamApplication, *, approved: bool) -> None:
    """The insurer's decision on an application that waits for one (ValueError otherwise)."""
    application.refresh_from_db(from_queryset=CloudSamApplication.objects.select_for_update())
    if application.state != CloudSamApplication.State.APPLIED:
        raise ValueError("the application was decided before")
    states = CloudSamApplication.State
    application.state = states.APPROVED if approved else states.REFUSED
    application.save(update_fields=["state"])


@transaction.atomic
def download(caller: Caller, application_id: int, password: str, now: datetime) -> dict[str, Any]:
    """The file of an approved application (PKCS #12 under the password), once: the key is kept nowhere else.

    Raises Refused: 9005 not the representative, 1611 no such application or not approved, 9041 password too short.
    """
    _require_representative(caller)
    rows = CloudSamApplication.objects.select_for_update().filter(institution=caller.institution)
    application = rows.filter(pk=application_id).first()
    if application is None or application.state != CloudSamApplication.State.APPROVED:
        raise Refused(1611)
    if len(password) < _SHORTEST_PASSWORD:
        raise Refused(9041, f"at least {_SHORTEST_PASSWORD} characters")
    sam, content = _issue(caller.institution, caller, password, now)
    application.sam = sam
    application.state = CloudSamApplication.State.DOWNLOADED
    application.save(update_fields=["sam", "state"])
    return {
        "fileName": f"{caller.institution.code}{sam.number}.SAM",
        "content": base64.b64encode(content).decode(),
    }


@transaction.atomic
def revoke(number: str, now: datetime) -> None:
    """From this moment on every signature of the SAM is refused (1304). DoesNotExist for an unknown one."""
    sam = SecurityModule.objects.select_for_update().get(number=number)
    sam.revoked_at = sam.revoked_at or now
    sam.save(update_fields=["revoked_at"])


def new_number(kind: str) -> str:
    """A card number: a letter for the kind and eleven random digits."""
    return kind + "".join(secrets.choice("0123456789") for _ in range(11))


def _issue(institution: Institution, caller: Caller, password: str, now: datetime) -> tuple[SecurityModule, bytes]:
    key = certificates.new_key()
    number = new_number("C")
    subject = Subject(Role.CLOUD_SAM, number, institution=institution.code)
    certificate = authority().certify(key.public_key(), subject, now, now + policy.CLOUD_SAM_VALIDITY)
    sam = SecurityModule.objects.create(
        number=number,
        institution=institution,
        is_cloud=True,
        is_test=caller.staff_card.is_test if caller.staff_card else False,
        certificate=certificate.public_bytes(Encoding.PEM).decode(),
        issued_on=now.date(),
    )
    content = serialize_key_and_certificates(
        number.encode(), key, certificate, [authority().root], BestAvailableEncryption(password.encode())
    )
    return sam, content


def _require_representative(caller: Caller) -> None:
    if caller.staff is None or caller.institution.representative_id != caller.staff.pk:
        raise Refused(9005, "only the institution's representative")


def _state(application: CloudSamApplication) -> dict[str, Any]:
    return {
        "applicationId": application.pk,
        "state": application.state,
        "samId": application.sam.number if application.sam else "",
    }
