"""Cloud SAMs on the portal: from the application to the file, revoked and issued anew, at the right hands."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from tests.insurer.portal import people

from nhicard.identity import certificates
from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.datacentre import policy
from nhicard.insurer.datacentre.models import CloudSamApplication
from nhicard.insurer.registry.models import Contract, Institution, SecurityModule, StaffMember
from nhicard.insurer.reminders.models import Reminder
from nhicard.insurer.securitymodules import made_up, presenters, services
from nhicard.insurer.securitymodules.models import Decision, Revocation
from nhicard.insurer.securitymodules.presenters import State
from nhicard.insurer.securitymodules.readers import comparison
from nhicard.insurer.securitymodules.services import CannotDo, Why

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 9, 30)
CLINIC = "3501200000"
ID = "B100000002"
PASSWORD = "十二個字以上的密碼 twelve"
States = CloudSamApplication.State


@pytest.fixture(autouse=True)
def moment(monkeypatch: pytest.MonkeyPatch, insurer_home: Path) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def clinic() -> Institution:
    found = people.institution(CLINIC)
    found.representative = StaffMember.objects.create(id_no=ID, name="測試醫師")
    found.save()
    Contract.objects.create(institution=found, valid_from=NOW.date())
    return found


@pytest.fixture
def representative(clinic: Institution) -> User:
    return people.user("representative", institution=clinic, national_id=ID)


@pytest.fixture
def officer() -> User:
    return people.user("officer", division=1)


@pytest.fixture
def approved(representative: User, officer: User) -> CloudSamApplication:
    made = services.apply(representative, None, NOW)
    services.decide(made, officer, NOW, approved=True)
    made.refresh_from_db()
    return made


def post(user: User, name: str, *arguments: int, **said: str) -> Any:
    return people.signed_in(Client(), user).post(reverse(f"securitymodules:{name}", args=arguments), said)


def downloaded(user: User, application: CloudSamApplication) -> SecurityModule:
    services.download(user, None, application.pk, PASSWORD, NOW)
    application.refresh_from_db()
    assert application.sam
    return application.sam


# --- applying -----------------------------------------------------------------------------------------------


def test_the_representative_applies_and_the_division_approves(representative: User, officer: User) -> None:
    # when the representative applies and an officer approves
    post(representative, "apply")
    made = CloudSamApplication.objects.get()
    post(officer, "decide", made.pk, decision="approve")
    # then it can be downloaded, the institution is told, and the log has both
    made.refresh_from_db()
    assert made.state == States.APPROVED
    assert Decision.objects.get().user == officer
    assert Reminder.objects.get().title_zh == "雲端安全模組可以下載了"
    actions = list(Entry.objects.filter(action__startswith="cloud").order_by("number").values_list("action", flat=True))
    assert actions == ["cloud_sam.applied", "cloud_sam.approved"]


def test_who_the_representative_is_stands_in_the_register_and_not_in_the_account(clinic: Institution) -> None:
    other = people.user("representative", institution=clinic, national_id="B100000011")
    nameless = people.user("representative", institution=clinic)
    for user in (other, nameless):
        with pytest.raises(CannotDo) as refusal:
            services.apply(user, None, NOW)
        assert refusal.value.why == Why.NOT_REPRESENTATIVE


@pytest.mark.parametrize(
    ("state", "may_apply"),
    [(States.APPLIED, False), (States.APPROVED, False), (States.DOWNLOADED, True), (States.REFUSED, True)],
)
def test_one_application_at_a_time(clinic: Institution, representative: User, state: str, may_apply: bool) -> None:
    CloudSamApplication.objects.create(institution=clinic, applied_at=NOW, state=state)
    if may_apply:
        assert services.apply(representative, None, NOW).state == States.APPLIED
        return
    with pytest.raises(CannotDo) as refusal:
        services.apply(representative, None, NOW)
    assert refusal.value.why == Why.WAITING


@pytest.mark.parametrize(("days", "may_apply"), [(-1, False), (0, True), (1, True)])
def test_a_contract_is_needed_on_the_day(representative: User, days: int, may_apply: bool) -> None:
    Contract.objects.update(valid_from=NOW.date() - timedelta(days=99), valid_until=NOW.date() + timedelta(days=days))
    if may_apply:
        services.apply(representative, None, NOW)
        return
    with pytest.raises(CannotDo) as refusal:
        services.apply(representative, None, NOW)
    assert refusal.value.why == Why.NOT_CONTRACTED


def test_a_refusal_needs_a_reason_and_a_decision_is_made_once(representative: User, officer: User) -> None:
    made = services.apply(representative, None, NOW)
    post(officer, "decide", made.pk, decision="refuse")
    assert not Decision.objects.exists()
    post(officer, "decide", made.pk, decision="refuse", reason="請先更新機構代表")
    post(officer, "decide", made.pk, decision="approve")
    made.refresh_from_db()
    assert made.state == States.REFUSED
    page = people.signed_in(Client(), representative).get(reverse("securitymodules:list")).content.decode()
    assert "請先更新機構代表" in page


# --- the file -----------------------------------------------------------------------------------------------


def test_the_file_comes_once_under_the_password(
    representative: User, approved: CloudSamApplication, caplog: pytest.LogCaptureFixture
) -> None:
    # when the representative downloads
    caplog.set_level(logging.DEBUG)
    answer = post(representative, "download", approved.pk, password=PASSWORD, again=PASSWORD)
    # then the file has the name that the control software asks for, and the key of the SAM in the register
    sam = SecurityModule.objects.get(is_cloud=True)
    assert answer["Content-Disposition"] == f'attachment; filename="{CLINIC}{sam.number}.SAM"'
    assert answer["Cache-Control"] == "no-store"
    opened = load_pkcs12(answer.content, PASSWORD.encode())
    assert opened.cert
    assert certificates.public_key_of(opened.cert.certificate)
    # and neither the password nor the file stands in the log of the program or of the audit
    assert PASSWORD not in caplog.text + str(list(Entry.objects.values()))
    assert Entry.objects.get(action="cloud_sam.downloaded").subject == f"application {approved.pk}"
    # and a second time there is none
    again = post(representative, "download", approved.pk, password=PASSWORD, again=PASSWORD)
    assert again.status_code == 302
    assert SecurityModule.objects.filter(is_cloud=True).count() == 1


@pytest.mark.parametrize(
    ("password", "again", "comes"),
    [("eleven char", "eleven char", False), ("twelve chars", "twelve chars", True), (PASSWORD, "twelve chars", False)],
)
def test_the_password_has_twelve_characters_and_is_typed_twice(
    representative: User, approved: CloudSamApplication, password: str, again: str, comes: bool
) -> None:
    answer = post(representative, "download", approved.pk, password=password, again=again)
    assert ("Content-Disposition" in answer) == comes
    approved.refresh_from_db()
    assert (approved.state == States.DOWNLOADED) == comes


def test_an_application_that_waits_has_no_file(representative: User) -> None:
    made = services.apply(representative, None, NOW)
    with pytest.raises(CannotDo) as refusal:
        services.download(representative, None, made.pk, PASSWORD, NOW)
    assert refusal.value.why == Why.NOT_READY


# --- revoked, issued anew -----------------------------------------------------------------------------------


def test_revoked_and_issued_anew_in_one_step(representative: User, approved: CloudSamApplication) -> None:
    sam = downloaded(representative, approved)
    post(representative, "revoke", sam.pk, reason="machine", anew="yes")
    sam.refresh_from_db()
    assert sam.is_revoked(NOW)
    assert Revocation.objects.get().reason == "machine"
    assert CloudSamApplication.objects.filter(state=States.APPLIED).count() == 1


def test_neither_is_done_where_one_cannot_be(representative: User, approved: CloudSamApplication) -> None:
    # given a SAM, and another application that waits already
    sam = downloaded(representative, approved)
    services.apply(representative, None, NOW)
    # when it shall be revoked and issued anew
    post(representative, "revoke", sam.pk, reason="lost", anew="yes")
    # then it is still good
    sam.refresh_from_db()
    assert sam.revoked_at is None
    assert not Revocation.objects.exists()


def test_a_sam_is_revoked_once_and_the_reason_stays(representative: User, officer: User, approved: Any) -> None:
    sam = downloaded(representative, approved)
    services.revoke(sam, officer, "lost", NOW)
    with pytest.raises(CannotDo) as refusal:
        services.revoke(sam, officer, "other", NOW + timedelta(days=1))
    assert refusal.value.why == Why.REVOKED
    found = Revocation.objects.get()
    with pytest.raises(TypeError):
        found.save()
    with pytest.raises(DatabaseError), transaction.atomic():
        Revocation._base_manager.update(reason="other")
    assert SecurityModule.objects.get(pk=sam.pk).revoked_at == NOW


def test_a_division_revokes_its_own_alone(representative: User, approved: CloudSamApplication) -> None:
    sam = downloaded(representative, approved)
    assert post(people.user("officer", division=2), "revoke", sam.pk, reason="lost").status_code == 404
    assert not Revocation.objects.exists()


# --- what the pages show ------------------------------------------------------------------------------------


def test_states_of_a_sam_around_the_end_of_its_certificate(representative: User, approved: Any) -> None:
    sam = downloaded(representative, approved)
    end = NOW + policy.CLOUD_SAM_VALIDITY
    assert presenters.until(sam) == end
    assert presenters.state_of(sam, end - timedelta(seconds=1)) == State.NOT_INSTALLED
    sam.machine = "a" * 64
    assert presenters.state_of(sam, end - timedelta(seconds=1)) == State.WORKING
    assert presenters.state_of(sam, end) == State.EXPIRED
    assert presenters.row(sam, end - timedelta(days=31)).left == ""
    assert presenters.row(sam, end - timedelta(days=30)).left == "剩 30 天"
    sam.revoked_at = NOW
    assert presenters.state_of(sam, end) == State.REVOKED


def test_card_and_cloud_stand_side_by_side(
    clinic: Institution, representative: User, approved: CloudSamApplication
) -> None:
    downloaded(representative, approved)
    SecurityModule.objects.create(number="S00000000001", certificate="", institution=clinic, issued_on=NOW.date())
    page = people.signed_in(Client(), representative).get(reverse("securitymodules:list")).content.decode()
    assert [word in page for word in ("實體卡", "雲端", "尚未安裝", "使用中", "讀卡機比較")] == [True] * 5


@pytest.mark.parametrize("asked", [{"kind": "cloud"}, {"state": "revoked"}, {"q": "nothing"}])
def test_a_division_finds_what_it_asks_for(officer: User, clinic: Institution, asked: dict[str, str]) -> None:
    SecurityModule.objects.create(number="S00000000001", certificate="", institution=clinic, issued_on=NOW.date())
    client = people.signed_in(Client(), officer)
    assert "S00000000001" in client.get(reverse("securitymodules:list")).content.decode()
    assert "S00000000001" not in client.get(reverse("securitymodules:list"), asked).content.decode()


@pytest.mark.parametrize("english", [False, True])
def test_the_comparison_leaves_no_cell_empty(english: bool) -> None:
    lines = comparison(english=english)
    assert len(lines) > 5
    assert all(all(getattr(each, name) for name in each.__slots__) for each in lines)


def test_the_demo_has_every_state_and_is_seeded_once(officer: User) -> None:
    for _ in range(3):
        place = people.institution()
        people.user("representative", institution=place)
        Contract.objects.create(institution=place, valid_from=NOW.date() - timedelta(days=100))
    assert made_up.seed(NOW) == 3
    assert made_up.seed(NOW) == 0
    states = CloudSamApplication.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == [States.DOWNLOADED, States.APPROVED, States.APPLIED]
