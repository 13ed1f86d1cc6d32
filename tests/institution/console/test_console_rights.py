"""Who may see what: sign-in, tokens, hosts, lock-out, and nobody's ID where it does not belong."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from tests.institution.console.console_world import (
    ADDRESS,
    NOW,
    PASSWORD,
    Browser,
    Clinic,
    browsing,
    clinic,
    logged,
)

from nhicard.institution.console import Secrets, WeakPassword, progress, ranking, signing_in, visits
from nhicard.institution.console.audit import FILE
from nhicard.institution.outbox import Outbox

PAGES = (
    "/",
    "/?day=2026-11-15&group=attention",
    "/urgent",
    "/visits/1",
    "/explain/2.0/15",
    "/ranking",
    "/ranking?within=staff",
    "/ranking.csv",
    "/ranking.csv?within=staff&days=30",
    "/ranking/visits?edition=2.0&code=15&field=M35",
    "/comparison",
    "/comparison/missing?day=2026-11-15",
    "/steps",
    "/status",
)
FORMS = ("/visits/1/show", "/steps/applied", "/steps/switch", "/status/retry", "/password", "/logout")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    return clinic(tmp_path_factory.mktemp("agent"))


@pytest.fixture
def stranger(world: Clinic) -> Iterator[Browser]:
    with browsing(world.app) as browser:
        yield browser


@pytest.fixture(scope="module")
def clerk(world: Clinic) -> Iterator[Browser]:
    with browsing(world.app) as browser:
        assert browser.sign_in().status_code == 303
        yield browser


@pytest.fixture
def fresh(tmp_path: Path) -> Clinic:
    return clinic(tmp_path, empty=True)


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_sent_to_the_login(stranger: Browser, page: str) -> None:
    answer = stranger.get(page)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=")


@pytest.mark.parametrize("form", FORMS)
def test_a_stranger_posts_nothing(stranger: Browser, world: Clinic, form: str) -> None:
    answer = stranger.post(form, {}, page="/login")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2F")


def test_the_lists_above_name_every_route(world: Clinic) -> None:
    """A new page must be put into one of them."""
    own = [route for router in _routers() for route in router.routes if isinstance(route, APIRoute)]
    got = {route.path for route in own if "GET" in (route.methods or ())} - {"/login"}
    posted = {route.path for route in own if "POST" in (route.methods or ())} - {"/login"}
    filled = {"{number}": "1", "{edition}": "2.0", "{code}": "15"}

    def address(path: str) -> str:
        return re.sub(r"{\w+}", lambda found: filled[found[0]], path)

    assert {address(path) for path in got} == {page.partition("?")[0] for page in PAGES}
    assert {address(path) for path in posted} == set(FORMS)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("token", ["", "0" * 64])
def test_a_form_without_its_token_is_refused(clerk: Browser, form: str, token: str) -> None:
    assert clerk.ask("POST", form, data={"token": token, "confirmed": "1"}).status_code == 403


def test_a_token_of_another_session_does_not_fit(world: Clinic, clerk: Browser, stranger: Browser) -> None:
    stranger.sign_in()
    theirs = stranger.get("/steps").text.partition('name="token" value="')[2].partition('"')[0]
    assert len(theirs) == 64
    assert clerk.ask("POST", "/status/retry", data={"token": theirs}).status_code == 403


@pytest.mark.parametrize("path", ["/login", "/", "/api/v1/status", "/api/openapi.json", "/static/base.css"])
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:5067", "127.0.0.1.evil.example", "192.168.1.2:5067", ""]
)
def test_a_foreign_host_name_is_refused(stranger: Browser, path: str, host: str) -> None:
    assert stranger.get(path, headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:5067", "127.0.0.1", "[::1]:5067"])
def test_this_machines_own_names_are_fine(stranger: Browser, host: str) -> None:
    assert stranger.get("/login", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:5067", "http://127.0.0.1:8000"])
def test_a_foreign_page_is_refused(clerk: Browser, origin: str) -> None:
    assert clerk.post("/status/retry", {}, headers={"origin": origin}).status_code == 403
    assert clerk.post("/status/retry", {}, headers={"origin": ADDRESS}).status_code == 303


@pytest.mark.parametrize("page", ["/", "/login", "/no/such/page", "/api/v1/status"])
def test_every_answer_tells_the_browser_to_be_careful(clerk: Browser, page: str) -> None:
    headers = clerk.get(page).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_inline_script_or_style(clerk: Browser, page: str) -> None:
    shown = clerk.get(page).text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", shown)


def test_the_cookie_is_strict_and_out_of_scripts_reach(stranger: Browser) -> None:
    cookie = stranger.sign_in().headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_five_wrong_passwords_lock_for_a_quarter_of_an_hour(fresh: Clinic) -> None:
    with browsing(fresh.app) as browser:
        told = [browser.sign_in("不對的密碼").status_code for _ in range(5)]
        assert told == [401, 401, 401, 401, 429]
        assert browser.sign_in().status_code == 429, "not even the right one"
        fresh.clock.now = NOW + timedelta(minutes=14, seconds=59)
        assert browser.sign_in().status_code == 429
        fresh.clock.now = NOW + timedelta(minutes=15)
        assert browser.sign_in().status_code == 303


def test_a_session_ends_with_the_working_day(fresh: Clinic) -> None:
    with browsing(fresh.app) as browser:
        browser.sign_in()
        fresh.clock.now = NOW + timedelta(hours=11, minutes=59)
        assert browser.get("/").status_code == 200
        fresh.clock.now = NOW + timedelta(hours=12)
        assert browser.get("/").status_code == 303


def test_a_cookie_is_worth_nothing_after_signing_out(fresh: Clinic) -> None:
    with browsing(fresh.app) as browser:
        browser.sign_in()
        cookie = browser.client.cookies["nhicard_console"]
        assert browser.post("/logout", {}).headers["location"] == "/login"
        browser.client.cookies.clear()
        assert browser.get("/", headers={"cookie": f"nhicard_console={cookie}"}).status_code == 303


@pytest.mark.parametrize("change", [lambda c: c[1:], lambda c: c[:-2], lambda c: "", lambda c: "x.y"])
def test_a_forged_cookie_is_none(fresh: Clinic, change: Callable[[str], str]) -> None:
    with browsing(fresh.app) as browser:
        browser.sign_in()
        cookie = change(browser.client.cookies["nhicard_console"])
        browser.client.cookies.clear()
        assert browser.get("/", headers={"cookie": f"nhicard_console={cookie}"}).status_code == 303


def test_a_new_password_ends_other_sessions(fresh: Clinic) -> None:
    with browsing(fresh.app) as mine, browsing(fresh.app) as other:
        mine.sign_in()
        other.sign_in()
        words = {"present": PASSWORD, "wanted": "另一個 8 字以上的", "again": "另一個 8 字以上的"}
        assert "password_set" in mine.post("/password", words).headers["location"]
        assert mine.get("/").status_code == 200
        assert other.get("/").status_code == 303
        assert other.sign_in().status_code == 401
        assert other.sign_in("另一個 8 字以上的").status_code == 303


@pytest.mark.parametrize(
    ("words", "notice"),
    [
        ({"present": "不對的密碼", "wanted": "夠長的新密碼一", "again": "夠長的新密碼二"}, "passwords_differ"),
        ({"present": "不對的密碼", "wanted": "夠長的新密碼一二", "again": "夠長的新密碼一二"}, "password_wrong"),
        ({"present": PASSWORD, "wanted": "太短", "again": "太短"}, "password_weak"),
    ],
)
def test_a_password_is_changed_only_as_it_should(fresh: Clinic, words: dict[str, str], notice: str) -> None:
    with browsing(fresh.app) as browser:
        browser.sign_in()
        assert notice in browser.post("/password", words).headers["location"]
        assert fresh.secrets.password_fits(PASSWORD)


def test_without_a_password_nobody_gets_in(tmp_path: Path) -> None:
    world = clinic(tmp_path, empty=True, password="")
    with browsing(world.app) as browser:
        assert "nhicard agent password" in browser.get("/login").text
        for tried in ("", "password", "密碼"):
            assert browser.sign_in(tried).status_code in (401, 403)
            assert not world.secrets.password_fits(tried)


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ("/ranking?days=30", "/ranking?days=30"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil", "/"),
    ],
)
def test_after_signing_in_one_goes_only_to_own_pages(fresh: Clinic, wanted: str, goes: str) -> None:
    with browsing(fresh.app) as browser:
        answer = browser.post("/login", {"password": PASSWORD, "next": wanted}, page="/login")
        assert answer.headers["location"] == goes


def test_secrets_are_files_of_the_owner_alone(tmp_path: Path) -> None:
    secrets = Secrets.of(tmp_path)
    secrets.set_password(PASSWORD)
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in kept} == {"session.key", "api.token", "password"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    assert not any(PASSWORD.encode() in path.read_bytes() for path in kept)
    assert Secrets.of(tmp_path) == secrets, "the same ones again"
    with pytest.raises(WeakPassword):
        secrets.set_password("1234567")


def test_guessing_a_password_costs_memory_and_time(tmp_path: Path, real_cost: dict[str, int]) -> None:
    secrets = Secrets.of(tmp_path)
    secrets.set_password(PASSWORD)
    n, r, p, salt, _ = (tmp_path / "console" / "password").read_text(encoding="utf-8").split("$")
    assert {"n": int(n), "r": int(r), "p": int(p)} == real_cost
    assert 128 * int(n) * int(r) >= 16 * 2**20
    assert int(p) >= 5
    assert len(bytes.fromhex(salt)) == 16
    assert secrets.password_fits(PASSWORD)
    assert not secrets.password_fits(PASSWORD + " ")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_page_names_anybody(world: Clinic, clerk: Browser, language: str) -> None:
    pages = [*PAGES, *(f"/visits/{number}" for (number,) in world.rows("SELECT id FROM visit"))]
    for page in pages:
        shown = clerk.get(page + ("&" if "?" in page else "?") + f"lang={language}").text
        told = [who for who in world.personal if who in shown]
        assert not told, page


def test_personal_data_are_shown_on_request_and_that_is_written_down(world: Clinic, clerk: Browser) -> None:
    number = world.visit()
    ((patient,),) = world.rows("SELECT json_extract(content, '$.patient_id') FROM visit WHERE id = ?", number)
    assert patient not in clerk.get(f"/visits/{number}").text
    assert patient in clerk.post(f"/visits/{number}/show", {}).text
    log = world.home / FILE
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert lines[-1] == {"at": "2026-11-19 21:30:00", "action": "shown", "visit": number}
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert not any(who in log.read_text(encoding="utf-8") for who in world.personal)


def test_what_cannot_be_written_down_is_not_done(world: Clinic) -> None:
    log, number = world.home / FILE, world.visit()
    ((patient,),) = world.rows("SELECT json_extract(content, '$.patient_id') FROM visit WHERE id = ?", number)
    with browsing(world.app) as browser:
        browser.sign_in()
        aside = log.rename(world.home / "aside")
        log.mkdir()
        try:
            answer = browser.post(f"/visits/{number}/show", {})
        finally:
            log.rmdir()
            aside.rename(log)
    assert answer.status_code == 500
    assert patient not in answer.text


def test_logs_and_addresses_name_nobody(world: Clinic) -> None:
    with logged() as lines, browsing(world.app) as browser:
        browser.sign_in("不對的密碼")
        browser.sign_in()
        links = set()
        for page in PAGES:
            links |= set(re.findall(r'(?:href|action|hx-get)="([^"]*)"', browser.get(page).text))
        browser.post(f"/visits/{world.visit()}/show", {})
    assert any("GET /visits/{number} 200" in line for line in lines)
    for text in (*lines, *links):
        assert not any(who in text for who in world.personal), text
        assert PASSWORD not in text


def test_a_fault_is_told_without_its_message(fresh: Clinic) -> None:
    with logged() as lines, browsing(fresh.app) as browser:
        browser.sign_in()
        with Outbox(fresh.outbox) as outbox, outbox.writing() as cursor:
            cursor.execute("DROP TABLE finding")
        answer = browser.get("/ranking")
    assert answer.status_code == 500
    assert "finding" not in answer.text
    assert any("/ranking failed with OperationalError" in line for line in lines)
    assert not any("no such table" in line for line in lines)


def test_a_form_that_is_too_large_is_refused(clerk: Browser) -> None:
    assert clerk.post("/steps/applied", {"on": "1" * 70_000}).status_code == 413


def _routers() -> list[APIRouter]:
    return [module.router for module in (signing_in, visits, ranking, progress)]
