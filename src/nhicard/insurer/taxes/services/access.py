"""Who may have a document: its owner, signed in with a card as the institution's representative."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from nhicard.insurer.accounts.models import Means, Role, SignIn, User
from nhicard.insurer.audit import chain
from nhicard.insurer.taxes.models import Document, Fetch
from nhicard.insurer.taxes.services import current, rendering

#: Signing in with a certificate: the staff card, or a SAM with the second factor.
BY_CARD = (Means.STAFF_CARD, Means.SAM)


def is_by_card(request: HttpRequest, user: User) -> bool:
    """Whether this session began with a card."""
    key = request.session.session_key or ""
    return bool(key) and SignIn.objects.filter(user=user, session=key, ended_at=None, means__in=BY_CARD).exists()


def is_owner(user: User, document: Document) -> bool:
    """Whether the document is the user's own."""
    known = user.national_id.encode()
    same = hmac.compare_digest(known, document.owner_id_no.encode())
    return bool(known) and same and user.role == Role.REPRESENTATIVE and user.institution_id == document.institution_id


def own_documents(user: User) -> QuerySet[Any]:
    """The newest versions of the user's own documents."""
    if user.role != Role.REPRESENTATIVE or not user.national_id:
        return current.documents().none()
    return current.documents().filter(institution=user.institution, owner_id_no=user.national_id)


@transaction.atomic
def fetch(document: Document, form: str, user: User, now: datetime) -> bytes:
    """The document as ``pdf`` or ``csv``; that it was fetched is kept and audited."""
    made = rendering.pdf(document) if form == "pdf" else rendering.table(document)
    Fetch(document=document, form=form, at=now).save()
    chain.record(
        at=now,
        actor=user.username,
        role=user.role,
        action="taxes.fetched",
        subject=f"taxes document {document.pk}",
        institution=document.institution.code,
        facts={"kind": document.kind, "year": document.year, "version": document.version, "form": form},
    )
    return made
