"""Signing in with a staff card or a SAM, by the block that the control software makes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from tests.insurer.desk import CLINIC, NOW, OTHER_CLINIC, PHYSICIAN, Desk
from tests.insurer.portal import people

from nhicard.identity.signature_block import PinState
from nhicard.insurer.accounts.models import User
from nhicard.insurer.accounts.services import second_factor
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.registry.models import Institution, SecurityModule, StaffCard

CARD, SECOND, ENROL, HOME, LOGIN = (
    reverse(name) for name in ("accounts:card", "accounts:second", "accounts:enrol", "portal:home", "accounts:login")
)


@pytest.fixture
def place(desk: Desk) -> Institution:
    return Institution.objects.get(code=CLINIC)


@pytest.fixture
def physician(place: Institution) -> User:
    return people.user("clerk", institution=place, national_id=PHYSICIAN)


@pytest.fixture
def representative(place: Institution) -> User:
    user = people.user("representative", institution=place)
    people.device(user)
    return user


def is_in(client: Client) -> bool:
    return client.get(HOME).status_code == 200


@pytest.mark.parametrize("signers", ["HPC", "SAM HPC"])
def test_a_staff_card_with_its_pin_is_both_factors(client: Client, desk: Desk, physician: User, signers: str) -> None:
    answer = client.post(CARD, desk.block(signers, "92") | {"next": "/portal/audit/"})
    assert (answer.status_code, answer["Location"]) == (302, "/portal/audit/")
    assert is_in(client)
    assert physician.sign_ins.get().means == "staff-card"


def test_a_session_ends_with_its_card(client: Client, desk: Desk, physician: User) -> None:
    client.post(CARD, desk.block("HPC", "92"))
    StaffCard.objects.update(revoked_at=NOW)
    assert not is_in(client)


def test_a_sam_takes_the_place_of_the_representatives_password_only(
    client: Client, desk: Desk, physician: User, representative: User
) -> None:
    assert client.post(CARD, desk.block("SAM", "92"))["Location"] == SECOND
    assert not is_in(client)
    told = second_factor.code_now(people.device(representative), desk.now)
    assert client.post(SECOND, {"code": told})["Location"] == HOME
    assert is_in(client)
    assert representative.sign_ins.get().means == "sam"


def test_with_a_sam_alone_nobody_sets_up_a_second_factor(client: Client, desk: Desk, representative: User) -> None:
    people.device(representative).delete()
    assert client.post(CARD, desk.block("SAM", "92")).status_code == 401
    assert client.get(ENROL)["Location"] == LOGIN


def test_a_locked_account_is_not_opened_with_a_sam(client: Client, desk: Desk, representative: User) -> None:
    User.objects.update(locked_until=NOW + timedelta(minutes=5))
    assert client.post(CARD, desk.block("SAM", "92")).status_code == 401


def test_a_block_signs_in_once(desk: Desk, physician: User) -> None:
    block = desk.block("HPC", "92")
    assert [Client().post(CARD, block).status_code for _ in range(2)] == [302, 401]


@pytest.mark.parametrize(("minutes", "status"), [(-6, 401), (-5, 302), (0, 302), (5, 302), (6, 401)])
def test_a_block_is_good_for_five_minutes(
    client: Client, desk: Desk, physician: User, minutes: int, status: int
) -> None:
    block = desk.block("HPC", "92", at=desk.now - timedelta(minutes=minutes))
    assert client.post(CARD, block).status_code == status


BROKEN: dict[str, Any] = {
    "made for an upload": lambda desk: desk.block("HPC", "30"),
    "made for a reading": lambda desk: desk.block("HPC", "01"),
    "PIN not verified": lambda desk: desk.block("HPC", "92", hpc_state=PinState.NOT_VERIFIED),
    "PIN not set": lambda desk: desk.block("HPC", "92", hpc_state=PinState.NOT_SET),
    "another person": lambda desk: desk.block("HPC", "92") | {"hpcIdNo": "A123456789"},
    "another institution": lambda desk: desk.block("HPC", "92") | {"hospitalId": OTHER_CLINIC},
    "another card": lambda desk: desk.block("HPC", "92") | {"hpcId": desk.sam.number},
    "a SAM said to be a staff card": lambda desk: desk.block("SAM", "92") | {"hpcId": desk.hpc.number},
    "a staff card without its part": lambda desk: desk.block("HPC", "92") | {"samId": desk.sam.number},
    "no signature": lambda desk: desk.block("HPC", "92") | {"signature": ""},
    "no base64": lambda desk: desk.block("HPC", "92") | {"signature": "簽章"},
    "NUL": lambda desk: desk.block("HPC", "92") | {"hpcId": "\0"},
    "nothing": lambda desk: {},
}


@pytest.mark.parametrize("broken", BROKEN)
def test_what_the_card_did_not_sign_for_this_is_refused(
    client: Client, desk: Desk, physician: User, representative: User, broken: str
) -> None:
    refused = client.post(CARD, BROKEN[broken](desk))
    assert refused.status_code == 401
    assert refused.context["trouble"]
    assert not is_in(client)
    assert client.get(SECOND)["Location"] == LOGIN


@pytest.mark.parametrize("revoked", [StaffCard, SecurityModule])
def test_a_revoked_card_is_refused(
    client: Client, desk: Desk, physician: User, revoked: type[StaffCard | SecurityModule]
) -> None:
    revoked._default_manager.update(revoked_at=NOW)
    assert client.post(CARD, desk.block("SAM HPC", "92")).status_code == 401


@pytest.mark.parametrize("change", ["inactive", "of another institution", "twice"])
def test_a_card_opens_the_one_account_of_its_person_at_this_institution(
    client: Client, desk: Desk, physician: User, change: str
) -> None:
    if change == "inactive":
        User.objects.update(is_active=False)
    elif change == "twice":
        people.user("representative", institution=physician.institution, national_id=PHYSICIAN)
    else:
        User.objects.update(institution=people.institution())
    assert client.post(CARD, desk.block("HPC", "92")).status_code == 401
    assert Entry.objects.get().facts["step"] == "card"


def test_a_test_card_opens_nothing_where_there_are_real_persons(
    client: Client, desk: Desk, physician: User, settings: Any
) -> None:
    settings.TEST_CARDS = False
    assert client.post(CARD, desk.block("HPC", "92")).status_code == 401


def test_no_persons_id_is_written_down(client: Client, desk: Desk, physician: User) -> None:
    client.post(CARD, desk.block("HPC", "92"))
    client.post(CARD, BROKEN["PIN not verified"](desk))
    assert Entry.objects.count() == 2
    assert not [word for word in (PHYSICIAN, desk.hpc.number) if word in str(list(Entry.objects.values()))]
