"""Users of the portal for tests, and browsers that have signed in: ``people.user("officer", division=3)``."""

from __future__ import annotations

import itertools
from typing import Final

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice
from tests.insurer.audit import triggers

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import DIVISION_ROLES, INSTITUTION_ROLES, User
from nhicard.insurer.registry.models import Institution

PASSWORD: Final = "合作醫療 correct horse"
_numbers = itertools.count(1)

# A test with a live server ends by emptying every table, which the audit log and its like refuse.
triggers.let_tests_empty_tables()


def institution(code: str = "", division: int = 1, **facts: str) -> Institution:
    """The institution with the code, made in the division where there is none; without a code a new one."""
    code = code or f"35012{next(_numbers):05d}"
    names = {"name": f"測試院所{code[-3:]}", "short_name": f"測試{code[-3:]}", "kind": "clinic"} | facts
    return Institution.objects.get_or_create(code=code, defaults=names | {"division": division})[0]


def user(
    role: str,
    *,
    institution: Institution | None = None,
    division: int | None = None,
    password: str = "",
    username: str = "",
    name: str = "測試使用者",
    **facts: str,
) -> User:
    """A user of the role, at the given or a fresh place, without a usable password unless one is given."""
    if role in INSTITUTION_ROLES and institution is None:
        institution = globals()["institution"]()
    if role in DIVISION_ROLES and division is None:
        division = 1
    made = User(
        username=username or f"{role}{next(_numbers)}",
        name=name,
        role=role,
        institution=institution,
        division=division,
        **facts,
    )
    if password:
        made.set_password(password)
    else:
        made.set_unusable_password()
    made.save()
    return made


def device(user: User) -> TOTPDevice:
    """The user's second factor, set up where it is not yet."""
    return TOTPDevice.objects.get_or_create(user=user, defaults={"name": "test", "confirmed": True})[0]


def signed_in(client: Client, user: User) -> Client:
    """The client, signed in as the user with both factors, at the moment of ``clock.now()``."""
    from nhicard.insurer.accounts.services import sessions

    request = HttpRequest()
    request.session, request.user = client.session, AnonymousUser()
    sessions.begin(request, user, device(user), "password", clock.now())
    request.session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(request.session.session_key)
    return client
