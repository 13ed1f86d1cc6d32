"""Who asks: the access token of a request."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from oauth2_provider.models import get_access_token_model
from oauth2_provider.utils import parse_bearer_token

from nhicard.insurer.eprescriptions.models import Client
from nhicard.insurer.eprescriptions.problems import Problem, Refused
from nhicard.insurer.registry.models import Institution


@dataclass(frozen=True, slots=True)
class Caller:
    """The program and the institution that it speaks for. ``actor``: its user, else its client number."""

    institution: Institution
    client: Client
    actor: str
    role: str


def caller(authorization: str, scope: str, now: datetime) -> Caller:
    """The caller behind an ``Authorization`` header whose token is for the scope. Raises Refused (401, 403)."""
    presented = parse_bearer_token(authorization)
    if presented is None:
        raise Refused(Problem("unauthenticated"))
    digest = hashlib.sha256(presented.encode()).hexdigest()
    tokens = get_access_token_model().objects.select_related("application__institution", "user")
    token = tokens.filter(token_checksum=digest).first()
    if token is None or token.expires <= now or token.application is None or not token.application.is_usable(None):
        raise Refused(Problem("unauthenticated"))
    client, user = token.application, token.user
    if user is not None and not (user.is_active and user.institution_id == client.institution_id):
        raise Refused(Problem("unauthenticated"))
    if not token.allow_scopes([scope]):
        raise Refused(Problem("scope", values={"scope": scope}))
    institution = client.institution
    if not institution.is_contracted(now.date()) or institution.is_suspended(now.date()):
        raise Refused(Problem("not-contracted"))
    return Caller(institution, client, user.username if user else client.client_id, user.role if user else "")
