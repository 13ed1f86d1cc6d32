"""The programs of an institution: made and revoked by its representative."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from django.db import transaction
from oauth2_provider.generators import generate_client_secret
from oauth2_provider.models import get_access_token_model, get_refresh_token_model

from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit import chain
from nhicard.insurer.eprescriptions.models import Client
from nhicard.insurer.eprescriptions.oauth_settings import SCOPES_OF_KIND

_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}
_MOST: Final = 20
NAME_LENGTH: Final = 60


class Fault(ValueError):
    """What was asked for cannot be; ``name`` is that of a text ``eprescriptions.error.<name>``."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True)
class Made:
    """A new client and its secret, which is shown once and stored hashed; empty for a program of people."""

    client: Client
    secret: str


@transaction.atomic
def make(user: User, name: str, redirect_uri: str, now: datetime) -> Made:
    """A client of the user's institution. With ``redirect_uri`` it is one that people authorise (code with PKCE, no
    secret), without it one that speaks for the institution by its secret. Raises Fault."""
    institution, name = user.institution, name.strip()
    assert institution is not None
    if institution.kind not in SCOPES_OF_KIND:
        raise Fault("kind")
    if not 0 < len(name) <= NAME_LENGTH:
        raise Fault("name")
    if redirect_uri and not _may_be_target(redirect_uri):
        raise Fault("redirect")
    if Client.objects.filter(institution=institution, revoked_at=None).count() >= _MOST:
        raise Fault("many")
    secret = "" if redirect_uri else generate_client_secret()
    client = Client.objects.create(
        institution=institution,
        made_by=user,
        made_at=now,
        name=name,
        redirect_uris=redirect_uri,
        client_type=Client.CLIENT_PUBLIC if redirect_uri else Client.CLIENT_CONFIDENTIAL,
        authorization_grant_type=(Client.GRANT_AUTHORIZATION_CODE if redirect_uri else Client.GRANT_CLIENT_CREDENTIALS),
        client_secret=secret,
    )
    _note(user, "made", client, now)
    return Made(client, secret)


@transaction.atomic
def revoke(client: Client, user: User, now: datetime) -> None:
    """From now on neither the client nor any token of it is good for anything; again is the same."""
    locked = Client.objects.select_for_update().get(pk=client.pk)
    if locked.revoked_at is not None:
        return
    locked.revoked_at = now
    locked.save(update_fields=["revoked_at"])
    get_refresh_token_model().objects.filter(application=locked).delete()
    get_access_token_model().objects.filter(application=locked).delete()
    _note(user, "revoked", locked, now)


def _may_be_target(address: str) -> bool:
    """Whether codes may be sent there: by TLS, or to the same machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.fragment or parts.username or len(address) > 200 or any(each.isspace() for each in address):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)


def _note(user: User, action: str, client: Client, now: datetime) -> None:
    chain.record(
        at=now,
        actor=user.username,
        role=user.role,
        action=f"e-prescription-client.{action}",
        subject=f"client {client.pk}",
        institution=client.institution.code,
        facts={"client": client.client_id, "grant": client.authorization_grant_type},
    )
