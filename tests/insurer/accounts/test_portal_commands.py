"""``nhicard portal`` and ``nhicard audit``, as an operator uses them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from tests.insurer.audit import triggers
from tests.insurer.portal import people
from typer.testing import CliRunner, Result

from nhicard.cli import audit as audit_command
from nhicard.cli import portal as portal_command
from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.accounts.services import second_factor
from nhicard.insurer.audit.models import Entry

pytestmark = pytest.mark.django_db

PASSWORD = "a temporary passphrase"


@pytest.fixture(autouse=True)
def quick(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, 2, 9, 30, 15))
    monkeypatch.setenv("NHICARD_PORTAL_PASSWORD", PASSWORD)
    monkeypatch.setattr("nhicard.insurer.operations.database.why_unusable", lambda: "")


def portal(*words: str) -> Result:
    return CliRunner().invoke(portal_command.app, words)


def audit(*words: str) -> Result:
    return CliRunner().invoke(audit_command.app, words)


def test_a_user_is_added_with_a_password_to_be_changed(db: None) -> None:
    people.institution("3501200000")
    told = ("--role", "clerk", "--name", "測試承辦", "--institution", "3501200000")
    assert portal("user", "add", "clerk1", *told).exit_code == 0
    user = User.objects.get(username="clerk1")
    assert user.check_password(PASSWORD)
    assert user.password_is_due
    assert list(Entry.objects.order_by("number").values_list("actor", "action")) == [
        ("command line", "account.added"),
        ("clerk1", "account.password_set"),
    ]
    assert "clerk1" in portal("user", "list").output


@pytest.mark.parametrize(
    "told",
    [
        ("--role", "clerk"),
        ("--role", "clerk", "--institution", "9999999999"),
        ("--role", "officer"),
        ("--role", "auditor", "--division", "3"),
        ("--role", "officer", "--division", "7"),
        ("--role", "king"),
        ("--role", "auditor", "--email", "nowhere"),
    ],
)
def test_what_does_not_go_together_adds_nobody(db: None, told: tuple[str, ...]) -> None:
    assert portal("user", "add", "someone", "--name", "測試使用者", *told).exit_code == 2
    assert not User.objects.exists()
    assert not Entry.objects.exists()


@pytest.mark.parametrize("password", ["short", "12345678901234"])
def test_a_weak_password_adds_nobody(db: None, password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NHICARD_PORTAL_PASSWORD", password)
    assert portal("user", "add", "someone", "--name", "測試使用者", "--role", "auditor").exit_code == 2
    assert not User.objects.exists()


def test_a_forgotten_password_and_a_lost_telephone(db: None) -> None:
    user = people.user("auditor", username="auditor")
    people.device(user)
    second_factor.new_recovery_codes(user, clock.now())
    User.objects.update(locked_until=datetime(2030, 1, 1))
    assert portal("user", "password", "auditor").exit_code == 0
    assert second_factor.device_of(user) is not None
    user.refresh_from_db()
    assert (user.locked_until, user.password_is_due, user.check_password(PASSWORD)) == (None, True, True)
    people_password = "another temporary passphrase"
    told = CliRunner(env={"NHICARD_PORTAL_PASSWORD": people_password}).invoke(
        portal_command.app, ["user", "password", "auditor", "--reset-second-factor"]
    )
    assert told.exit_code == 0
    assert second_factor.device_of(user) is None
    assert not user.recovery_codes.exists()


def test_an_account_is_closed_and_opened(db: None) -> None:
    people.user("auditor", username="auditor")
    for words, is_active in ((("auditor",), False), (("auditor", "--reopen"), True)):
        assert portal("user", "lock", *words).exit_code == 0
        assert User.objects.get().is_active is is_active


@pytest.mark.parametrize(("test_cards", "code"), [(True, 0), (False, 2)])
def test_codes_are_told_in_demonstrations_only(db: None, settings: Any, test_cards: bool, code: int) -> None:
    settings.TEST_CARDS = test_cards
    device = people.device(people.user("auditor", username="auditor"))
    told = portal("token", "auditor")
    assert told.exit_code == code
    assert (second_factor.code_now(device, clock.now()) in told.output) is test_cards


def test_a_demonstration_sets_up_its_telephone_too(db: None, settings: Any) -> None:
    settings.TEST_CARDS = True
    user = people.user("auditor", username="auditor")
    assert portal("token", "auditor").exit_code == 2
    second_factor.new_device(user)
    device = second_factor.new_device(user)
    assert portal("token", "auditor").output.strip() == second_factor.code_now(device, clock.now())


@pytest.mark.parametrize("words", [("user", "password", "x"), ("user", "lock", "x"), ("token", "x")])
def test_an_unknown_user_is_told(db: None, words: tuple[str, ...]) -> None:
    assert portal(*words).exit_code == 2


def test_the_verifier_tells_whole_from_broken(db: None) -> None:
    people.user("auditor", username="auditor")
    for _ in range(3):
        portal("user", "lock", "auditor")
    whole = audit("verify")
    assert whole.exit_code == 0
    seal = re.search(r"3:[0-9a-f]{64}", whole.output)
    assert seal
    assert audit("verify", "--known", seal[0]).exit_code == 0
    assert audit("verify", "--known", "2:" + "0" * 64).exit_code == 1
    assert audit("verify", "--known", "nonsense").exit_code == 2
    with triggers.off():
        Entry.objects.filter(number=2).delete()
    broken = audit("verify")
    assert broken.exit_code == 1
    assert "2" in broken.stderr
