"""The console in a real browser: what a clerk does, with the keyboard too, in both languages, for every reader."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.chromium import assert_no_barrier, chromium, needs_chromium
from tests.institution.console.console_browser import sign_in
from tests.institution.console.console_world import BAD_DIAGNOSIS, PASSWORD, Clinic, clinic, served

from nhicard.institution.outbox import Outbox

pytestmark = needs_chromium

_PAGES = {
    "today": "/",
    "urgent": "/urgent",
    "visit": "/visits/{broken}",
    "explain": "/explain/2.0/D055",
    "ranking": "/ranking?within=department",
    "affected": "/ranking/visits?edition=2.0&code=15&field=M35",
    "comparison": "/comparison",
    "steps": "/steps?trouble=confirm",
    "status": "/status?notice=password_weak",
    "not found": "/visits/0",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    return clinic(tmp_path_factory.mktemp("agent"))


@pytest.fixture(scope="module")
def address(world: Clinic) -> Iterator[str]:
    with served(world.app) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, chromium(playwright) as found:
        yield found


@pytest.fixture(scope="module")
def signed_in(browser: Browser, address: str) -> str:
    """Cookies and all of a browser whose clerk has signed in."""
    page = browser.new_page()
    sign_in(page, address)
    cookies = page.context.cookies()
    page.close()
    return next(str(cookie["value"]) for cookie in cookies if cookie["name"] == "nhicard_console")


@pytest.fixture
def page(browser: Browser, address: str, signed_in: str) -> Iterator[Page]:
    """A signed-in clerk's page; errors of scripts and refused resources fail the test."""
    context = browser.new_context(locale="zh-TW", viewport={"width": 1200, "height": 800})
    context.set_default_timeout(5000)
    context.add_cookies([{"name": "nhicard_console", "value": signed_in, "url": address}])
    opened, troubles = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("console", lambda told: troubles.append(told.text) if told.type == "error" else None)
    yield opened
    context.close()
    assert not [trouble for trouble in troubles if "404" not in trouble]


def broken(world: Clinic) -> int:
    return world.visit(f"content LIKE '%\"{BAD_DIAGNOSIS}\"%' AND date(visit_at) = '2026-11-19'")


def test_a_clerk_signs_in_after_a_wrong_password(browser: Browser, address: str) -> None:
    # given the login page, to which the wanted page has led
    page = browser.new_page()
    page.goto(f"{address}/comparison")
    # when the password is wrong, and then right
    page.get_by_label("密碼").fill("不對的密碼")
    page.get_by_role("button", name="登入").click()
    expect(page.get_by_role("alert")).to_contain_text("密碼不正確")
    page.get_by_label("密碼").fill(PASSWORD)
    page.get_by_role("button", name="登入").click()
    # then the wanted page is there, until one signs out
    expect(page.get_by_role("heading", level=1)).to_have_text("最近七日 1.0 與 2.0 對照")
    page.get_by_role("button", name="登出").click()
    expect(page.get_by_label("密碼")).to_be_focused()
    page.close()


def test_from_today_to_a_finding_and_its_remedy(page: Page, address: str, world: Clinic) -> None:
    # given today's visits, of which two are to be mended
    page.goto(address)
    page.get_by_role("link", name="待處理 2").click()
    expect(page.get_by_role("table").get_by_role("row")).to_have_count(3)
    # when the rejected one is opened
    page.get_by_role("row", name="退件").get_by_role("link").click()
    # then it tells field, value, meaning and remedy, and more behind the code
    problem = page.get_by_role("article").first
    for told in ("主要診斷碼", BAD_DIAGNOSIS, "不是就診日適用的", "請核對代碼"):
        expect(problem).to_contain_text(told)
    problem.get_by_role("link", name="15 說明").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("15")


def test_personal_data_appear_only_on_request(page: Page, address: str, world: Clinic) -> None:
    number = broken(world)
    ((patient,),) = world.rows("SELECT json_extract(content, '$.patient_id') FROM visit WHERE id = ?", number)
    page.goto(f"{address}/visits/{number}")
    expect(page.get_by_role("main")).not_to_contain_text(patient)
    page.get_by_role("button", name="顯示個人資料").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(patient)
    page.get_by_role("link", name="隱藏").click()
    expect(page.get_by_role("main")).not_to_contain_text(patient)


def test_everything_is_reached_by_keyboard(page: Page, address: str) -> None:
    # given a fresh page
    page.goto(address)
    # when Tab is pressed, the way past the menu comes first, and it leads to the content
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到內容")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    # then the keyboard reaches each thing in its order, with a mark that can be seen
    reached: list[str] = []
    for _ in range(14):
        page.keyboard.press("Tab")
        at = page.evaluate(
            "() => { const e = document.activeElement, s = getComputedStyle(e);"
            " return [e.ariaLabel || e.innerText || e.name, s.outlineStyle, s.outlineWidth]; }"
        )
        assert at[1:] == ["solid", "3px"], at
        reached.append(re.sub(r"\s+", " ", at[0]).strip())
    order = ["‹ 前一天", "day", "前往", "後一天 ›", "全部 15", "待處理 2", "處理中 8", "已完成 5", "就醫清單", "18:59"]
    assert [name for name in dict.fromkeys(reached) if name in order] == order
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="要處理的問題")).to_be_visible()


def test_the_language_is_switched_and_kept(page: Page, address: str) -> None:
    page.goto(f"{address}/ranking?within=staff&days=30")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Error ranking")
    expect(page.get_by_role("link", name="By staff")).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Four steps").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Four steps to 2.0")
    page.get_by_role("link", name="中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("轉換到 2.0 的四個步驟")


def test_what_waits_is_tried_again(page: Page, address: str, world: Clinic) -> None:
    page.goto(f"{address}/status")
    expect(page.get_by_role("row", name="排隊送出")).to_have_count(2)
    page.get_by_role("button", name="立即重試").click()
    expect(page.get_by_role("status").filter(has_text="檔案")).to_contain_text("個檔案會馬上再試")


def test_the_comparison_leads_to_what_is_missing(page: Page, address: str) -> None:
    page.goto(f"{address}/comparison")
    expect(page.get_by_role("img", name="七日 1.0 收載與 2.0 預檢通過筆數")).to_be_visible()
    expect(page.get_by_role("row", name="七日合計")).to_contain_text("95.9%")
    page.get_by_role("link", name="115/11/15（日） 未通過的 1 筆").click()
    expect(page.get_by_role("row", name="退件")).to_have_count(1)


def test_the_switch_needs_its_confirmation(page: Page, address: str) -> None:
    page.goto(f"{address}/steps")
    button = page.get_by_role("button", name="切換到 2.0")
    button.click()
    expect(button).to_be_visible()
    page.get_by_label("健保署已核准").check()
    button.click()
    expect(page.get_by_text("起以 2.0 正式上傳。")).to_be_visible()
    page.get_by_label("我要回到 1.0").check()
    page.get_by_role("button", name="取消切換").click()
    expect(page.get_by_role("button", name="切換到 2.0")).to_be_visible()


def test_a_list_renews_itself_and_keeps_the_focus(page: Page, address: str, world: Clinic) -> None:
    # given today's list with the keyboard on a visit
    page.goto(f"{address}/?group=moving")
    link = page.get_by_role("table").get_by_role("link").last
    link.focus()
    name = link.inner_text()
    expect(page.get_by_role("link", name="處理中 8")).to_be_visible()
    # when that minute is over and a visit is known to be accepted meanwhile
    number = world.rows("SELECT t.visit FROM track t JOIN upload u ON u.id = t.upload WHERE u.state = 'received'")[0][0]
    _set_state(world, number, "accepted")
    try:
        page.evaluate("htmx.trigger('#visits', 'every')")
        # then the list tells it and the keyboard is where it was
        expect(page.get_by_role("link", name="處理中 7")).to_be_visible()
        expect(page.get_by_role("link", name=name, exact=True)).to_be_focused()
    finally:
        _set_state(world, number, "sent")


def test_every_page_works_without_script(browser: Browser, address: str, signed_in: str, world: Clinic) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": "nhicard_console", "value": signed_in, "url": address}])
    page = context.new_page()
    page.goto(f"{address}/visits/{broken(world)}")
    page.get_by_role("button", name="顯示個人資料").click()
    expect(page.get_by_text("個人資料顯示中")).to_be_visible()
    page.get_by_role("link", name="系統狀態").click()
    page.get_by_role("button", name="立即重試").click()
    expect(page.get_by_text("個檔案會馬上再試")).to_be_visible()
    context.close()


def test_no_page_is_wider_than_a_telephone(page: Page, address: str, world: Clinic) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    for path in _PAGES.values():
        page.goto(address + path.format(broken=broken(world)))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_page_has_a_serious_barrier(page: Page, address: str, world: Clinic, language: str) -> None:
    for path in _PAGES.values():
        joined = path.format(broken=broken(world))
        page.goto(f"{address}{joined}{'&' if '?' in joined else '?'}lang={language}")
        assert_no_barrier(page)
    page.context.clear_cookies()
    page.goto(f"{address}/login?lang={language}")
    assert_no_barrier(page)


def _set_state(world: Clinic, number: int, state: str) -> None:
    with Outbox(world.outbox) as outbox, outbox.writing() as cursor:
        cursor.execute("UPDATE track SET state = ? WHERE visit = ?", [state, number])
