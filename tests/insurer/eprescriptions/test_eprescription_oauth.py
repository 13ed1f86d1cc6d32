"""Who may use the API: tokens of programs, tokens of people, and how long they last."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client as Browser
from django.urls import reverse
from oauth2_provider.models import get_access_token_model, get_refresh_token_model
from tests.insurer.eprescriptions import sheets
from tests.insurer.eprescriptions.programs import Clock, Program, institution, problems, program, told
from tests.insurer.portal import people

from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.eprescriptions.models import Client
from nhicard.insurer.eprescriptions.oauth_settings import PROVIDER
from nhicard.insurer.eprescriptions.services import clients
from nhicard.insurer.registry.models import Suspension

pytestmark = pytest.mark.django_db
VERIFIER = "a-verifier-of-more-than-forty-three-characters-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
BACK = "http://127.0.0.1:8765/back"

# ---- programs that speak for their institution ----


def test_a_token_is_for_five_minutes(clinic: Program, at: Clock) -> None:
    assert PROVIDER["ACCESS_TOKEN_EXPIRE_SECONDS"] <= 300
    answer = clinic.ask_token().json()
    assert answer["expires_in"] <= 300
    clinic.token = answer["access_token"]
    at.later(seconds=answer["expires_in"] - 1)
    assert clinic.prescribe(sheets.prescription(clinic.code)).status_code == 201
    at.later(seconds=1)
    refused = clinic.prescribe(sheets.prescription(clinic.code))
    assert (refused.status_code, problems(refused)) == (401, ["unauthenticated"])
    assert refused["WWW-Authenticate"].startswith("Bearer")


def test_neither_token_nor_secret_stands_in_the_database(clinic: Program) -> None:
    rows = [*get_access_token_model().objects.values(), *Client.objects.values()]
    assert clinic.token not in str(rows)
    assert clinic.secret not in str(rows)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer forged"}, {"Authorization": "Basic eDp5"}], ids=str)
@pytest.mark.parametrize("path", ["Bundle", "Bundle/_search", "Bundle/$dispense", "Bundle/$cancel"])
def test_without_a_token_nothing_is_done(clinic: Program, path: str, headers: dict[str, str]) -> None:
    answer = Browser().post(
        f"/fhir/{path}", sheets.sent(sheets.prescription(clinic.code)), "application/fhir+json", headers=headers
    )
    assert (answer.status_code, problems(answer)) == (401, ["unauthenticated"])


def test_a_token_does_what_it_is_for(clinic: Program, pharmacy: Program) -> None:
    bundle = sheets.prescription(clinic.code)
    code = told(clinic.prescribe(bundle))["accessCode"]
    clinic.connect(scope="read")
    assert clinic.fetch(code).status_code == 200
    for refused in (clinic.prescribe(bundle), clinic.cancel(code), clinic.dispense(bundle, code)):
        assert (refused.status_code, problems(refused)) == (403, ["scope"])
    assert pharmacy.ask_token(scope="prescribe").json()["error"] == "invalid_scope"
    assert set(pharmacy.ask_token().json()["scope"].split()) == {"dispense", "read"}


def test_a_wrong_secret_gets_no_token(clinic: Program) -> None:
    clinic.secret += "x"
    assert clinic.ask_token().status_code == 401


def test_a_revoked_program_has_no_token_and_gets_none(clinic: Program, at: Clock) -> None:
    clients.revoke(clinic.client, clinic.representative, at.now)
    clients.revoke(clinic.client, clinic.representative, at.now + timedelta(hours=1))
    assert clinic.fetch("0" * 16).status_code == 401
    assert clinic.ask_token().status_code == 401
    assert Client.objects.get(pk=clinic.client.pk).revoked_at == at.now
    actions = Entry.objects.filter(action__startswith="e-prescription-client").values_list("action", flat=True)
    assert sorted(actions) == ["e-prescription-client.made", "e-prescription-client.revoked"]


def test_an_institution_without_contract_is_refused(clinic: Program, at: Clock) -> None:
    Suspension.objects.create(institution=clinic.institution, valid_from=at.now.date())
    answer = clinic.fetch("0" * 16)
    assert (answer.status_code, problems(answer)) == (403, ["not-contracted"])
    stranger = program("clinic", contracted=False).connect()
    assert problems(stranger.fetch("0" * 16)) == ["not-contracted"]


def test_a_token_can_be_given_back(clinic: Program) -> None:
    form = {"token": clinic.token, "client_id": clinic.client.client_id, "client_secret": clinic.secret}
    assert clinic.browser.post("/oauth/revoke", form).status_code == 200
    assert clinic.fetch("0" * 16).status_code == 401


# ---- programs that people authorise ----


@pytest.fixture
def app(db: None, at: Clock) -> Program:
    return program("clinic", redirect_uri=BACK)


@pytest.fixture
def clerk(app: Program) -> User:
    return people.user("clerk", institution=app.institution)


@pytest.fixture
def browser(clerk: User) -> Browser:
    return people.signed_in(Browser(), clerk)


def wish(app: Program, **more: str) -> dict[str, str]:
    return {
        "response_type": "code",
        "client_id": app.client.client_id,
        "redirect_uri": BACK,
        "scope": "prescribe read",
        "state": "s1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | more


def authorise(browser: Browser, app: Program, **more: str) -> Any:
    """The user looks at the page and agrees (or not: ``allow=""``); where the browser is sent."""
    asked = wish(app, **{name: value for name, value in more.items() if name != "allow"})
    address = f"{reverse('eprescriptions:authorize')}?{urlencode(asked)}"
    page = browser.get(address)
    if page.status_code != 200:
        return page
    assert "http://127.0.0.1:8765" in page["Content-Security-Policy"]
    return browser.post(address, asked | ({"allow": more.get("allow", "true")} if more.get("allow", "true") else {}))


def code_of(answer: Any) -> str:
    assert answer.status_code == 302, answer.content
    assert answer["Location"].startswith(BACK)
    return str(parse_qs(urlsplit(answer["Location"]).query)["code"][0])


def exchange(app: Program, code: str, verifier: str = VERIFIER) -> Any:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "client_id": app.client.client_id,
        "code_verifier": verifier,
    }
    return Browser().post("/oauth/token", form)


def refresh(app: Program, token: str) -> Any:
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": app.client.client_id}
    return Browser().post("/oauth/token", form)


def test_a_user_lets_a_program_act_for_them(app: Program, clerk: User, browser: Browser) -> None:
    answer = authorise(browser, app)
    assert "iss=" in answer["Location"]
    tokens = exchange(app, code_of(answer)).json()
    assert tokens["expires_in"] <= 300
    app.token = tokens["access_token"]
    assert app.prescribe(sheets.prescription(app.code)).status_code == 201
    assert problems(app.dispense(sheets.prescription(app.code), "0" * 16)) == ["scope"]
    entries = Entry.objects.filter(action__startswith="e-prescription.").order_by("number")
    assert [(entry.action, entry.actor, entry.role) for entry in entries][:2] == [
        ("e-prescription.authorised", clerk.username, "clerk"),
        ("e-prescription.prescribed", clerk.username, "clerk"),
    ]


def test_a_code_serves_once_and_for_a_minute_and_its_own_verifier(app: Program, browser: Browser, at: Clock) -> None:
    code = code_of(authorise(browser, app))
    assert exchange(app, code, VERIFIER[:-1] + "x").json()["error"] == "invalid_grant"
    assert exchange(app, code).status_code == 200
    assert exchange(app, code).json()["error"] == "invalid_grant"
    code = code_of(authorise(browser, app))
    at.later(seconds=60)
    assert exchange(app, code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "lacking", [{"code_challenge": ""}, {"code_challenge_method": "plain"}, {"response_type": "token"}], ids=str
)
def test_neither_codes_without_pkce_nor_tokens_in_urls(app: Program, browser: Browser, lacking: dict[str, str]) -> None:
    answer = authorise(browser, app, **lacking)
    assert "code=" not in answer.get("Location", "")
    assert "access_token" not in answer.get("Location", "")
    assert "error=" in answer.get("Location", "")


def test_a_refusal_goes_back_to_the_program(app: Program, browser: Browser) -> None:
    answer = authorise(browser, app, allow="")
    assert "error=access_denied" in answer["Location"]
    assert not Entry.objects.filter(action="e-prescription.authorised").exists()


def test_codes_go_where_the_program_said_it_is(app: Program, browser: Browser) -> None:
    answer = authorise(browser, app, redirect_uri="https://elsewhere.example.org/")
    assert answer.status_code == 400
    assert "elsewhere" not in answer.get("Location", "")


def test_a_session_with_one_factor_authorises_nothing(app: Program, clerk: User) -> None:
    browser = Browser()
    browser.force_login(clerk)
    answer = authorise(browser, app)
    assert answer["Location"].startswith(reverse("accounts:login"))


def test_programs_of_other_institutions_are_unknown(app: Program) -> None:
    stranger = people.user("clerk", institution=institution("clinic"))
    assert authorise(people.signed_in(Browser(), stranger), app).status_code == 404
    officer = people.user("officer")
    assert authorise(people.signed_in(Browser(), officer), app).status_code == 403


def test_refresh_tokens_rotate_and_one_used_again_ends_the_family(app: Program, browser: Browser, at: Clock) -> None:
    first = exchange(app, code_of(authorise(browser, app))).json()["refresh_token"]
    at.later(minutes=4)
    second = refresh(app, first).json()
    app.token = second["access_token"]
    assert app.prescribe(sheets.prescription(app.code)).status_code == 201
    assert refresh(app, first).json()["error"] == "invalid_grant"
    assert refresh(app, second["refresh_token"]).json()["error"] == "invalid_grant"
    assert first not in json.dumps([str(row) for row in get_refresh_token_model().objects.values()])


def test_after_half_an_hour_of_nothing_the_user_is_asked_again(app: Program, browser: Browser, at: Clock) -> None:
    token = exchange(app, code_of(authorise(browser, app))).json()["refresh_token"]
    at.later(minutes=35, seconds=1)
    assert refresh(app, token).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("change", ["deactivated", "moved"])
def test_a_user_who_left_takes_their_tokens_along(app: Program, clerk: User, browser: Browser, change: str) -> None:
    tokens = exchange(app, code_of(authorise(browser, app))).json()
    code = code_of(authorise(browser, app))
    clerk.is_active = change != "deactivated"
    clerk.institution = app.institution if change == "deactivated" else institution("clinic")
    clerk.save()
    app.token = tokens["access_token"]
    assert app.fetch("0" * 16).status_code == 401
    assert refresh(app, tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert exchange(app, code).json()["error"] == "invalid_grant"


def test_the_server_says_where_its_addresses_are(client: Any) -> None:
    told = client.get("/.well-known/oauth-authorization-server").json()
    assert urlsplit(told["token_endpoint"]).path == "/oauth/token"
    assert told["code_challenge_methods_supported"] == ["S256"]
