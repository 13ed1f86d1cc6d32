"""Every address of the portal with every role, with none, and with the right role of the wrong place."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse
from tests.insurer.portal import people
from tests.insurer.portal.addresses import Address, addresses
from tests.insurer.portal.samples import PERSONAL, known

from nhicard.insurer.accounts.models import DIVISION_ROLES, INSTITUTION_ROLES, Role, User

#: What has to be reached before one has signed in, and feeds of public announcements. Nothing else is without roles.
OPEN: Final = {
    "accounts:card",
    "accounts:enrol",
    "accounts:login",
    "accounts:logout",
    "accounts:second",
    "announcements:atom",
    "announcements:rss",
    "portal:language",
}
ALL: Final = addresses()
GUARDED: Final = [each for each in ALL if each.roles is not None]
NAMING_AN_OBJECT: Final = [each for each in GUARDED if each.parameters]
SAMPLES: Final = known(GUARDED)
#: Those whose objects can be made; one that cannot fails a test of its own.
REACHABLE: Final = [each for each in GUARDED if not each.parameters or each.name in SAMPLES]
ROLES: Final = list(Role)

pytestmark = pytest.mark.django_db


def asked(client: Client, path: str) -> HttpResponseBase:
    """The answer to GET, or to an empty form where the address only takes forms."""
    answer = client.get(path)
    return client.post(path) if answer.status_code == 405 else answer


def is_sent_to_sign_in(answer: HttpResponseBase) -> bool:
    return answer.status_code == 302 and answer["Location"].startswith(reverse("accounts:login"))


def path_for(address: Address, user: User) -> str:
    return address.at(**SAMPLES[address.name](user)) if address.parameters else address.at()


def elsewhere(role: str) -> dict[str, Any]:
    """A place where users of the role do not see what those of the first place see."""
    if role in INSTITUTION_ROLES:
        return {"institution": people.institution(division=2)}
    return {"division": 2} if role in DIVISION_ROLES else {}


def test_only_the_way_in_and_public_feeds_are_open() -> None:
    assert {each.name for each in ALL if each.roles is None} == OPEN


def test_every_address_has_a_name_and_someone_who_may() -> None:
    assert not [each.name for each in ALL if each.name.endswith(":None")]
    assert not [each.name for each in GUARDED if not each.roles or not set(each.roles) <= set(ROLES)]


@pytest.mark.parametrize("address", NAMING_AN_OBJECT, ids=str)
def test_every_address_that_names_an_object_has_a_sample(address: Address) -> None:
    assert address.name in SAMPLES, f"tests/insurer/*/samples.py has no @sample({address.name!r})"


@pytest.mark.parametrize("address", REACHABLE, ids=str)
def test_nobody_else_gets_in(address: Address) -> None:
    """Without signing in, with a password alone, with each role that the view does not name."""
    roles = address.roles or ()
    owner, with_a_password = people.user(roles[0] if roles else ""), Client()
    path = path_for(address, owner)
    assert is_sent_to_sign_in(asked(Client(), path))
    with_a_password.force_login(owner)
    assert is_sent_to_sign_in(asked(with_a_password, path))
    others = (role for role in ROLES if role not in roles)
    answers = {role: asked(people.signed_in(Client(), people.user(role)), path).status_code for role in others}
    assert set(answers.values()) <= {403}, answers


@pytest.mark.parametrize(
    ("address", "role"),
    [pytest.param(each, role, id=f"{each}-{role}") for each in REACHABLE for role in each.roles or ()],
)
def test_whom_the_view_names_gets_in(client: Client, address: Address, role: str) -> None:
    user = people.user(role)
    path = path_for(address, user)
    answer = asked(people.signed_in(client, user), path)
    assert answer.status_code not in (403, 404, 405)
    assert answer.status_code < 500
    assert not is_sent_to_sign_in(answer)


def objects_and_roles() -> list[Any]:
    """The addresses that name an object, with the roles to which another place's objects are unknown."""
    return [
        pytest.param(address, role, id=f"{address}-{role}")
        for address in REACHABLE
        if address.parameters
        for role in address.roles or ()
        if role in (*INSTITUTION_ROLES, *DIVISION_ROLES) or address.name in PERSONAL
    ]


@pytest.mark.parametrize(("address", "role"), objects_and_roles())
def test_what_is_another_places_is_unknown_here(client: Client, address: Address, role: str) -> None:
    owner = people.user(role)
    path = path_for(address, owner)
    stranger = people.signed_in(client, people.user(role, **elsewhere(role)))
    assert asked(stranger, path).status_code == 404


@pytest.mark.parametrize("address", sorted(OPEN))
def test_what_is_open_answers_everybody(client: Client, address: str) -> None:
    assert asked(client, reverse(address)).status_code < 500
