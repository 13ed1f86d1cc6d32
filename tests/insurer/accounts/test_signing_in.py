"""Two steps: what is right, what is wrong, what locks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice
from tests.insurer.portal import people

from nhicard.insurer import clock
from nhicard.insurer.accounts import policy
from nhicard.insurer.accounts.models import FormerPassword, User
from nhicard.insurer.accounts.services import passwords, second_factor
from nhicard.insurer.audit import chain
from nhicard.insurer.audit.models import Entry

NOW = datetime(2026, 3, 2, 9, 30, 15)
LOGIN, SECOND, ENROL, ME, HOME = (
    reverse(name) for name in ("accounts:login", "accounts:second", "accounts:enrol", "accounts:me", "portal:home")
)


class Watch:
    """The portal's clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOW
        monkeypatch.setattr(clock, "now", lambda: self.now)

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture(autouse=True)
def quick_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


@pytest.fixture
def officer(db: None, watch: Watch) -> User:
    return people.user(
        "officer", division=3, password=people.PASSWORD, username="officer", email="officer-division3@example.org"
    )


def first(client: Client, username: str = "officer", password: str = people.PASSWORD, **extra: str) -> Any:
    return client.post(LOGIN, {"username": username, "password": password} | extra)


def code(user: User, watch: Watch) -> str:
    return second_factor.code_now(people.device(user), watch.now)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def actions() -> list[str]:
    return list(Entry.objects.order_by("number").values_list("action", flat=True))


def is_in(client: Client) -> bool:
    return client.get(HOME).status_code == 200


def test_password_and_code_sign_in(client: Client, officer: User, watch: Watch) -> None:
    people.device(officer)
    assert first(client)["Location"] == SECOND
    assert not is_in(client)  # halfway in is not in
    assert client.post(SECOND, {"code": code(officer, watch)})["Location"] == HOME
    assert is_in(client)
    assert actions() == ["account.sign_in"]


def test_the_first_time_a_device_is_set_up_with_recovery_codes(client: Client, officer: User, watch: Watch) -> None:
    # given a user without a device
    assert first(client)["Location"] == ENROL
    page = client.get(ENROL).content.decode()
    device = people.device(officer)
    # then key and picture are shown, the same after a wrong code
    assert second_factor.secret(device) in page
    assert "data:image/svg+xml" in page
    right = second_factor.code_now(device, watch.now)
    again = client.post(ENROL, {"code": wrong(right)})
    assert again.status_code == 401
    assert second_factor.secret(device) in again.content.decode()
    # when the code is right, the recovery codes come with the answer and only their digests stay
    done = client.post(ENROL, {"code": right})
    codes = done.context["codes"]
    assert len(set(codes)) == policy.RECOVERY_CODES
    assert all(each in done.content.decode() for each in codes)
    kept = set(officer.recovery_codes.values_list("digest", flat=True))
    assert len(kept) == policy.RECOVERY_CODES
    assert not kept & set(codes)
    assert is_in(client)
    # and the next time the device is asked, not set up
    assert first(Client())["Location"] == SECOND


def test_each_try_to_set_up_has_its_own_key(officer: User) -> None:
    # who only knows the password saw a key; the user's own must be another
    keys = set()
    for browser in (Client(), Client()):
        first(browser)
        keys.add(browser.get(ENROL).context["secret"])
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("username", "password", "closed"),
    [
        ("nobody", people.PASSWORD, ""),
        ("officer", "wrong", ""),
        ("officer", "", ""),
        ("officer", people.PASSWORD, "inactive"),
        ("officer", people.PASSWORD, "locked"),
        ("officer\0", people.PASSWORD, ""),
        ("x" * 500, people.PASSWORD, ""),
    ],
)
def test_every_refusal_says_the_same(client: Client, officer: User, username: str, password: str, closed: str) -> None:
    expected = text_of(first(client, "somebody else", "something else"))
    if closed:
        facts = {"is_active": False} if closed == "inactive" else {"locked_until": NOW + timedelta(minutes=1)}
        User.objects.update(**facts)
    refused = first(client, username, password)
    assert refused.status_code == 401
    assert text_of(refused) == expected
    assert "second_step" not in client.session


def text_of(response: HttpResponse) -> str:
    trouble: str = response.context["trouble"]  # type: ignore[attr-defined]
    return trouble


@pytest.mark.parametrize("username", ["officer", "nobody", "without password"])
def test_every_answer_costs_one_hash(
    client: Client, officer: User, username: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.user("auditor", username="without password")
    hashes = []
    original = hashers.MD5PasswordHasher.encode

    def counted(hasher: Any, *given: Any) -> str:
        hashes.append(given)
        return original(hasher, *given)

    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", counted)
    first(client, username, "wrong")
    assert len(hashes) == 1


def test_an_unknown_name_is_not_kept(client: Client, officer: User) -> None:
    first(client, "A123456789", "x")
    entry = Entry.objects.get()
    assert (entry.actor, entry.subject, entry.facts) == ("-", "user unknown", {"step": "password"})


def test_five_failures_lock_for_a_quarter_of_an_hour(client: Client, officer: User, watch: Watch) -> None:
    people.device(officer)
    for _ in range(policy.FAILURES):
        first(client, password="wrong")
    assert actions().count("account.locked") == 1
    assert first(client).status_code == 401
    watch.later(minutes=15)
    assert first(client).status_code == 302


def test_wrong_codes_count_with_wrong_passwords_and_a_known_password_resets_nothing(
    client: Client, officer: User, watch: Watch
) -> None:
    right = code(officer, watch)
    for _ in range(policy.FAILURES):
        first(client)
        assert client.post(SECOND, {"code": wrong(right)}).status_code == 401
    # locked: not even the right code helps, nor the password
    assert client.post(SECOND, {"code": right}).status_code == 401
    assert first(client).status_code == 401


def test_success_forgets_failures(client: Client, officer: User, watch: Watch) -> None:
    first(client, password="wrong")
    first(client)
    client.post(SECOND, {"code": code(officer, watch)})
    officer.refresh_from_db()
    assert officer.failures == 0


@pytest.mark.parametrize("seconds", [0, 30])
def test_a_code_is_right_once(officer: User, watch: Watch, seconds: int) -> None:
    used = code(officer, watch)
    for status in (302, 401):
        browser = Client()
        first(browser)
        assert browser.post(SECOND, {"code": used}).status_code == status
        watch.later(seconds=seconds)


@pytest.mark.parametrize(
    ("seconds", "is_right"), [(-60, False), (-30, True), (0, True), (30, True), (60, False), (90, False)]
)
def test_a_code_is_right_for_its_half_minute_and_those_beside(
    officer: User, watch: Watch, seconds: int, is_right: bool
) -> None:
    device = people.device(officer)
    told = second_factor.code_now(device, watch.now + timedelta(seconds=seconds))
    assert second_factor.is_right(device, told, watch.now) is is_right


@pytest.mark.parametrize("given", ["", "abc", "12345", "1234567", "１２３４５６", "²²²²²²", "-12345", "1e5000", "\0"])
def test_what_is_no_code_is_a_wrong_code(client: Client, officer: User, watch: Watch, given: str) -> None:
    people.device(officer)
    first(client)
    assert client.post(SECOND, {"code": given}).status_code == 401


def test_a_recovery_code_stands_in_once(client: Client, officer: User, watch: Watch) -> None:
    people.device(officer)
    codes = second_factor.new_recovery_codes(officer, watch.now)
    first(client)
    assert client.post(SECOND, {"code": codes[0].lower()}).status_code == 302
    assert is_in(client)
    assert officer.sign_ins.get().means == "recovery"
    other = Client()
    first(other)
    assert other.post(SECOND, {"code": codes[0]}).status_code == 401
    assert other.post(SECOND, {"code": codes[1].replace(" ", "-")}).status_code == 302


def test_the_second_step_cannot_wait(client: Client, officer: User, watch: Watch) -> None:
    people.device(officer)
    first(client)
    watch.later(minutes=5, seconds=1)
    assert client.post(SECOND, {"code": code(officer, watch)})["Location"] == LOGIN
    assert not is_in(client)


@pytest.mark.parametrize("address", [SECOND, ENROL])
def test_no_second_step_without_the_first(client: Client, officer: User, address: str) -> None:
    assert client.get(address)["Location"] == LOGIN
    assert client.post(address, {"code": "123456"})["Location"] == LOGIN


def test_a_password_does_not_set_up_a_second_device(client: Client, officer: User) -> None:
    people.device(officer)
    first(client)
    assert client.get(ENROL)["Location"] == LOGIN
    assert TOTPDevice.objects.filter(user=officer).count() == 1


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("/portal/audit/?actor=x", "/portal/audit/?actor=x"),
        ("", HOME),
        ("https://example.org/portal/", HOME),
        ("//example.org/portal/", HOME),
        ("/\\example.org/portal/", HOME),
        ("\\/example.org", HOME),
        ("javascript:alert(1)", HOME),
        ("/metrics", HOME),
    ],
)
def test_after_signing_in_one_stays_in_the_portal(
    client: Client, officer: User, watch: Watch, asked: str, target: str
) -> None:
    people.device(officer)
    assert client.get(LOGIN, {"next": asked}).context["next"] == target
    first(client, next=asked)
    assert client.post(SECOND, {"code": code(officer, watch)})["Location"] == target


def test_a_password_set_by_an_administrator_is_changed_first(client: Client, officer: User, watch: Watch) -> None:
    passwords.change(officer, "由管理者暫時設定的密碼一號", watch.now, by_administrator=True)
    people.signed_in(client, officer)
    due = reverse("accounts:password")
    assert client.get(ME)["Location"] == due
    new = "只有自己知道的很長密碼甲"
    form = {"present": "由管理者暫時設定的密碼一號", "password": new, "again": new}
    assert client.post(due, form).status_code == 302
    assert client.get(ME).status_code == 200


@pytest.mark.parametrize(
    ("present", "password", "again"),
    [
        (people.PASSWORD, "short", "short"),
        (people.PASSWORD, "123456789012345", "123456789012345"),
        (people.PASSWORD, "a long new password", "another long password"),
        (people.PASSWORD, people.PASSWORD, people.PASSWORD),
        (people.PASSWORD, "officer-division3", "officer-division3"),
        ("wrong", "a long new password", "a long new password"),
        ("", "a long new password", "a long new password"),
    ],
)
def test_a_bad_new_password_changes_nothing(
    client: Client, officer: User, present: str, password: str, again: str
) -> None:
    people.signed_in(client, officer)
    form = {"present": present, "password": password, "again": again}
    refused = client.post(reverse("accounts:password"), form)
    assert refused.status_code == 422
    assert refused.context["troubles"]
    officer.refresh_from_db()
    assert officer.check_password(people.PASSWORD)


def test_the_last_three_passwords_are_not_taken_again(officer: User, watch: Watch) -> None:
    chosen = [people.PASSWORD, *(f"passphrase number {word}" for word in ("one", "two", "three"))]
    for password in chosen[1:]:
        passwords.change(officer, password, watch.now)
        watch.later(days=1)
    for recent in chosen[1:]:
        with pytest.raises(ValidationError):
            passwords.change(officer, recent, watch.now)
    passwords.change(officer, chosen[0], watch.now)  # the fourth before is far enough
    assert FormerPassword.objects.count() <= policy.FORMER_PASSWORDS


def test_what_happened_stands_in_one_whole_chain(client: Client, officer: User, watch: Watch) -> None:
    first(client, password="wrong")
    first(client)
    client.get(ENROL)
    client.post(ENROL, {"code": second_factor.code_now(people.device(officer), watch.now)})
    client.post(reverse("accounts:logout"))
    expected = ["refused", "second_factor_set", "recovery_codes_made", "sign_in", "sign_out"]
    assert actions() == [f"account.{name}" for name in expected]
    assert chain.walk().broken is None
    assert people.PASSWORD not in str(list(Entry.objects.values()))
