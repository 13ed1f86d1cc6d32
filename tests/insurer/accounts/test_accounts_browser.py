"""Signing in as people do it: the first time, the next time, with a card; in both languages and without script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Locator, Page, Route, expect
from tests.chromium import assert_no_barrier, needs_chromium
from tests.insurer.desk import CLINIC, PHYSICIAN, newly_opened
from tests.insurer.portal import people
from tests.insurer.portal.portal_browser import assert_fits_a_telephone, local, picture, started, watched

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.accounts.services import second_factor
from nhicard.insurer.registry import authority
from nhicard.insurer.registry.models import Institution

pytestmark = [
    needs_chromium,
    pytest.mark.django_db(transaction=True),
]

WORDS = {
    "zh-TW": {
        "login": "登入",
        "user": "帳號",
        "password": "密碼",
        "next": "下一步",
        "refused": "無法登入",
        "enrol": "設定手機驗證",
        "six": "6 位數驗證碼",
        "finish": "完成設定",
        "recovery": "備用碼",
        "kept": "我已保存，繼續",
        "home": "首頁",
        "logout": "登出",
        "code": "驗證碼或備用碼",
    },
    "en": {
        "login": "Sign in",
        "user": "User name",
        "password": "Password",
        "next": "Continue",
        "refused": "Not signed in",
        "enrol": "Set up your telephone",
        "six": "6-digit code",
        "finish": "Finish",
        "recovery": "Recovery codes",
        "kept": "I have kept them, continue",
        "home": "Home",
        "logout": "Sign out",
        "code": "Code or recovery code",
    },
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture(autouse=True)
def quick_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def address(live_server: Any) -> str:
    return local(live_server.url)


@pytest.fixture
def representative(live_server: Any) -> User:
    place = people.institution("3501200000", short_name="測試診所")
    return people.user(
        "representative", institution=place, password=people.PASSWORD, username="clinic-rep", name="測試診所負責人"
    )


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def first_step(page: Page, words: dict[str, str], password: str = people.PASSWORD) -> None:
    page.get_by_label(words["user"], exact=True).fill("clinic-rep")
    page.get_by_label(words["password"], exact=True).fill(password)
    page.get_by_role("button", name=words["next"]).click()


@pytest.mark.parametrize("language", WORDS)
def test_the_first_time_and_the_next(
    browser: Browser, address: str, representative: User, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = WORDS[language]
    suffix = "" if language == "zh-TW" else "-en"
    with watched(browser, language=language) as page:
        # given the way in, to which the wanted page has led
        page.goto(f"{address}{reverse('audit:log')}")
        expect(heading(page)).to_have_text(words["login"])
        assert_no_barrier(page)
        picture(page, f"login{suffix}")
        # when the password is wrong, nothing says which part was
        first_step(page, words, "wrong")
        expect(page.get_by_role("alert")).to_contain_text(words["refused"])
        assert_no_barrier(page)
        # and right, the telephone is set up with the key that the page shows
        first_step(page, words)
        expect(heading(page)).to_have_text(words["enrol"])
        assert_no_barrier(page)
        picture(page, f"enrolment{suffix}")
        device = people.device(representative)
        expect(page.locator("#secret")).to_have_text(second_factor.secret(device))
        assert page.locator("img.enrolment").evaluate("image => image.complete && image.naturalWidth > 0")
        page.get_by_label(words["six"]).fill(second_factor.code_now(device, clock.now()))
        page.get_by_role("button", name=words["finish"]).click()
        # then recovery codes are shown once
        expect(heading(page)).to_have_text(words["recovery"])
        expect(page.locator(".recovery li")).to_have_count(10)
        code = page.locator(".recovery li").first.inner_text()
        assert_no_barrier(page)
        page.get_by_role("link", name=words["kept"]).click()
        expect(page).to_have_url(re.compile(re.escape(reverse("audit:log")) + "$"))
        assert_no_barrier(page)
        # and the account's page tells what happened
        page.goto(f"{address}{reverse('accounts:me')}")
        assert_no_barrier(page)
        page.goto(f"{address}{reverse('accounts:password')}")
        assert_no_barrier(page)
        page.get_by_role("button", name=words["logout"]).click()
        expect(page.get_by_role("status")).to_be_visible()
        # the next time a code is asked for; here one from paper
        first_step(page, words)
        assert_no_barrier(page)
        picture(page, f"second{suffix}")
        page.get_by_label(words["code"]).fill(code)
        page.get_by_role("button", name=words["login"]).click()
        expect(heading(page)).to_have_text(words["home"])
        page.goto(f"{address}{reverse('accounts:me')}")
        picture(page, f"account{suffix}")
        page.goto(f"{address}{reverse('audit:log')}")
        assert_no_barrier(page)
        picture(page, f"audit{suffix}")


def test_without_script(browser: Browser, address: str, representative: User) -> None:
    words = WORDS["zh-TW"]
    with watched(browser, script=False) as page:
        page.goto(f"{address}{reverse('accounts:login')}")
        first_step(page, words)
        device = people.device(representative)
        page.get_by_label(words["six"]).fill(second_factor.code_now(device, clock.now()))
        page.get_by_role("button", name=words["finish"]).click()
        expect(page.locator(".recovery li")).to_have_count(10)


@pytest.mark.parametrize("name", ["accounts:login", "accounts:card", "accounts:me", "accounts:password", "audit:log"])
def test_no_page_is_wider_than_a_telephone(browser: Browser, address: str, representative: User, name: str) -> None:
    client = people.signed_in(Client(), representative)
    with watched(browser) as page:
        page.context.add_cookies(
            [{"name": "portal_session", "value": client.cookies["portal_session"].value, "url": address}]
        )
        page.goto(address + reverse(name))
        assert_fits_a_telephone(page)


def test_with_a_staff_card(
    browser: Browser, address: str, client: Any, settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a clinic whose physician has an account, and a reader that first has no card and then one
    settings.HOME, settings.TEST_CARDS = tmp_path, True
    authority.create(clock.now())
    monkeypatch.setattr("tests.insurer.desk.NOW", clock.now().replace(microsecond=0))
    desk = newly_opened(client, monkeypatch)
    people.user("clerk", institution=Institution.objects.get(code=CLINIC), national_id=PHYSICIAN)
    replies = [{"statusCode": 1402}, desk.block("HPC", "92") | {"statusCode": 0}]
    asked = []

    def reader(route: Route) -> None:
        allowed = {"Access-Control-Allow-Origin": address, "Access-Control-Allow-Headers": "content-type"}
        if route.request.method == "OPTIONS":
            route.fulfill(status=204, headers=allowed)
            return
        asked.append(route.request.post_data_json)
        route.fulfill(status=200, headers=allowed, content_type="application/json", body=json.dumps(replies.pop(0)))

    with watched(browser) as page:
        page.goto(f"{address}{reverse('accounts:card')}")
        assert_no_barrier(page)
        picture(page, "card")
        # when nothing answers at the reader's address, the page says so
        page.get_by_role("button", name="用醫事人員卡登入").click()
        expect(page.get_by_role("alert")).to_contain_text("連不上本機的讀卡機控制軟體")
        # when there is no card, or no PIN
        page.route("https://localhost:5066/api/hpc/v1/Signature", reader)
        page.get_by_role("button", name="用醫事人員卡登入").click()
        expect(page.get_by_role("alert")).to_contain_text("1402")
        # then with both, one click signs in
        page.get_by_role("button", name="用醫事人員卡登入").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("首頁")
    assert asked == [{"serviceType": "92"}] * 2
