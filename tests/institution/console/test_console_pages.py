"""What the pages say, and what their forms do, given a clinic with a week behind it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from tests.institution.console.console_world import (
    BAD_DIAGNOSIS,
    DEPARTMENTS,
    NOW,
    Browser,
    Clinic,
    browsing,
    clinic,
)

from nhicard.institution.agent.deadlines import open_visits
from nhicard.institution.console import listing
from nhicard.institution.outbox import Outbox, withdraw


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    return clinic(tmp_path_factory.mktemp("agent"))


@pytest.fixture(scope="module")
def clerk(world: Clinic) -> Iterator[Browser]:
    with browsing(world.app) as browser:
        assert browser.sign_in().status_code == 303
        yield browser


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Clinic, Browser]]:
    """A clinic that a test may change."""
    changed = clinic(tmp_path)
    with browsing(changed.app) as browser:
        browser.sign_in()
        yield changed, browser


def words(html: str) -> str:
    """The text of a page without its tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def visits_in(html: str) -> list[int]:
    return [int(number) for number in re.findall(r'<th scope="row"><a href="/visits/(\d+)"', html)]


def test_today_shows_every_visit_of_the_day_the_latest_first(world: Clinic, clerk: Browser) -> None:
    expected = world.rows("SELECT id FROM visit WHERE date(visit_at) = '2026-11-19' ORDER BY visit_at DESC, id DESC")
    assert visits_in(clerk.get("/").text) == [number for (number,) in expected]
    assert len(expected) == 15


@pytest.mark.parametrize(("group", "count"), [("", 15), ("attention", 2), ("moving", 8), ("done", 5)])
def test_today_is_filtered_by_what_is_to_be_done(clerk: Browser, group: str, count: int) -> None:
    page = clerk.get(f"/?group={group}").text
    assert len(visits_in(page)) == count
    counts = re.findall(r'href="\?[^"]*group=(\w*)[^"]*"[^>]*>[^<]*<span class="count">(\d+)<', page)
    assert counts == [("", "15"), ("attention", "2"), ("moving", "8"), ("done", "5")]


def test_another_day_is_chosen_by_its_date(clerk: Browser) -> None:
    assert len(visits_in(clerk.get("/?day=2026-11-15").text)) == 15
    assert "沒有這類就醫" in clerk.get("/?day=2020-01-01").text
    assert len(visits_in(clerk.get("/?day=not-a-day").text)) == 15, "then it is today"


def test_every_state_is_a_word_and_a_mark(clerk: Browser) -> None:
    page = clerk.get("/").text
    states = set(re.findall(r'<span class="state [\w-]+"><span class="mark" aria-hidden="true">(.)</span>(\w+)<', page))
    assert states == {
        ("✓", "已收載"),
        ("✕", "退件"),
        ("✎", "待修正"),
        ("…", "等待結果"),
        ("↑", "排隊送出"),
        ("○", "待上傳"),
    }


def test_hours_left_are_those_of_the_24_hours(world: Clinic, clerk: Browser) -> None:
    number, visit_at = world.rows(
        "SELECT v.id, v.visit_at FROM visit v JOIN track t ON t.visit = v.id "
        "WHERE t.kind = 'B1' AND t.state = 'held' AND date(v.visit_at) = '2026-11-19'"
    )[0]
    left = datetime.fromisoformat(visit_at) + timedelta(hours=24) - NOW
    hours, minutes = divmod(int(left.total_seconds()) // 60, 60)
    row = clerk.get("/").text.partition(f'href="/visits/{number}"')[2].partition("</tr>")[0]
    assert f"{hours} 小時 {minutes} 分" in words(row)


def test_the_banner_counts_what_the_agent_warns_of(world: Clinic, clerk: Browser) -> None:
    with Outbox(world.outbox) as outbox:
        urgent = open_visits(outbox, NOW)
    assert urgent["urgency"].to_list() == ["overdue"]
    assert "1 筆已逾時" in clerk.get("/status").text
    assert visits_in(clerk.get("/urgent").text) == urgent["visit"].to_list()


def test_a_visit_tells_each_finding_beside_its_field_with_the_remedy(world: Clinic, clerk: Browser) -> None:
    number = world.visit(f"content LIKE '%\"{BAD_DIAGNOSIS}\"%'")
    page = clerk.get(f"/visits/{number}").text
    problem = words(page.partition('<article class="problem"')[2].partition("</article>")[0])
    for told in (
        "主要診斷碼",
        BAD_DIAGNOSIS,
        "不是就診日適用的 ICD-10-CM 診斷碼",
        "請核對代碼",
        "格式 2.0",
        "M35",
        "健保署檢核",
    ):
        assert told in problem
    assert 'href="/explain/2.0/15"' in page
    field = words(page.partition('<div class="wrong">')[2].partition("</div>")[0])
    assert re.search(rf"主要診斷碼 M35 · A25 {BAD_DIAGNOSIS} ! 15", field)


def test_a_finding_of_an_order_stands_in_its_row(world: Clinic, clerk: Browser) -> None:
    number = world.visit(f"content LIKE '%\"{BAD_DIAGNOSIS}\"%'")
    page = clerk.get(f"/visits/{number}").text
    assert "第 1 筆醫令 · 診療項目代號" in words(page)
    rows = page.partition('<table class="orders">')[2].partition("<tbody>")[2].split("</tr>")
    assert "! AF" in words(rows[0])
    assert not any("! AF" in words(row) for row in rows[1:])


def test_what_both_editions_say_of_a_field_is_one_problem(world: Clinic, clerk: Browser) -> None:
    number = world.visit("content LIKE '%\"1150230\"%'")
    page = clerk.get(f"/visits/{number}").text
    assert page.count('<article class="problem') == 1
    told = words(page.partition("<article")[2].partition("</article>")[0])
    assert "格式 1.0" in told
    assert "格式 2.0" in told
    assert "上傳前檢核" in told


def test_a_visit_tells_what_was_sent_when_with_its_receipt(world: Clinic, clerk: Browser) -> None:
    number = world.visit(f"content LIKE '%\"{BAD_DIAGNOSIS}\"%'")
    page = clerk.get(f"/visits/{number}").text
    for receipt, received in world.rows(
        "SELECT u.receipt, u.received_at FROM track t JOIN upload u ON u.id = t.upload WHERE t.visit = ?", number
    ):
        assert receipt in page
        assert f"115/11/{received[8:10]} {received[11:16]}" in page


@pytest.mark.parametrize("path", ["/visits/0", "/visits/999999", "/visits/99999999999999999999", "/explain/2.0/Q999"])
def test_what_is_not_there_is_a_page_that_says_so(clerk: Browser, path: str) -> None:
    answer = clerk.get(path)
    assert answer.status_code == 404
    assert "找不到這一頁" in answer.text


@pytest.mark.parametrize("path", ["/visits/x", "/?page=x", "/?group=x", "/explain/3.0/15", "/ranking?within=patient"])
def test_what_makes_no_sense_is_a_page_that_says_so(clerk: Browser, path: str) -> None:
    answer = clerk.get(path)
    assert answer.status_code == 400
    assert "看不懂這個網址" in answer.text


@pytest.mark.parametrize("path", ["/explain/2.0/D055", "/explain/1.0/C002", "/explain/2.0/Y014", "/explain/1.0/AD"])
def test_a_code_is_explained(clerk: Browser, path: str) -> None:
    assert "官方說明" in clerk.get(path).text
    assert "Official text" in clerk.get(f"{path}?lang=en").text
    assert clerk.get("/?lang=zh").status_code == 200


def test_the_ranking_counts_visits_since_when(world: Clinic, clerk: Browser) -> None:
    page = clerk.get("/ranking").text
    rows = [words(row) for row in page.partition("<tbody>")[2].split("</tr>")[:-1]]
    diagnosis = next(row for row in rows if "M35" in row)
    ((count, first),) = world.rows(
        "SELECT count(*), min(date(visit_at)) FROM visit WHERE content LIKE ?", f"%{BAD_DIAGNOSIS}%"
    )
    assert re.search(rf"\b{count} 35\.7% 115/{first[5:7]}/{first[8:]}", diagnosis)
    assert "M35（主要診斷碼）不是就診日適用的" in diagnosis


def test_a_line_of_the_ranking_leads_to_its_visits(world: Clinic, clerk: Browser) -> None:
    for within in ("", "department", "staff"):
        page = clerk.get(f"/ranking?within={within}").text
        links = re.findall(r'href="(/ranking/visits\?[^"]*)"[^>]*>(\d+)<', page)
        assert links
        found: set[int] = set()
        for link, count in links:
            behind = visits_in(clerk.get(unescape(link)).text)
            assert len(behind) == int(count)
            found |= set(behind)
        assert found == {
            number for (number,) in world.rows("SELECT DISTINCT visit FROM finding WHERE severity = 'reject'")
        }


def test_the_csv_is_the_ranking_for_spreadsheets(clerk: Browser) -> None:
    answer = clerk.get("/ranking.csv?within=department")
    assert answer.headers["content-disposition"] == 'attachment; filename="ranking-20261119.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert set(rows[0]) == {
        "科別",
        "格式",
        "代碼",
        "欄位",
        "說明",
        "處理",
        "就醫筆數",
        "錯誤次數",
        "占比",
        "最早就醫日",
        "最近就醫日",
    }
    assert {row["科別"] for row in rows} <= set(DEPARTMENTS)
    assert sum(int(row["就醫筆數"]) for row in rows if row["欄位"] == "M35") == 5


def test_no_cell_of_the_csv_is_a_formula(own: tuple[Clinic, Browser]) -> None:
    world, browser = own
    with Outbox(world.outbox) as outbox, outbox.writing() as cursor:
        cursor.execute("UPDATE visit SET department = '=1+1'")
    answer = browser.get("/ranking.csv?within=department").content.decode("utf-8-sig")
    assert {row["科別"] for row in csv.DictReader(io.StringIO(answer))} == {"'=1+1"}


def test_markup_of_the_his_is_text(own: tuple[Clinic, Browser]) -> None:
    world, browser = own
    with Outbox(world.outbox) as outbox, outbox.writing() as cursor:
        cursor.execute("UPDATE visit SET department = '<script>alert(1)</script>&\"'")
    for page in ("/", "/ranking?within=department", f"/visits/{world.visit()}"):
        shown = browser.get(page).text
        assert "<script>alert" not in shown
        assert "&lt;script&gt;alert" in shown


def test_the_comparison_is_the_insurers_table(world: Clinic, clerk: Browser) -> None:
    page = clerk.get("/comparison").text
    ((a, b),) = world.rows(
        "SELECT count(*), sum(p.state = 'accepted') FROM visit v "
        "JOIN track r ON r.visit = v.id AND r.kind = 'B1' AND r.state = 'accepted' "
        "JOIN track p ON p.visit = v.id AND p.kind = 'A2' "
        "WHERE date(v.visit_at) BETWEEN '2026-11-12' AND '2026-11-18'"
    )
    foot = words(page.partition("<tfoot>")[2].partition("</tfoot>")[0]).strip()
    assert foot == f"七日合計 {a} {b} 95.9% {a - b}"
    assert f"還差 {a - b} 筆" in page
    assert page.count("<tbody>") == 7
    missing = re.findall(r'href="(/comparison/missing\?day=[\d-]+)"[^>]*>(\d+)<', page)
    assert sum(int(count) for _, count in missing) == a - b
    for link, count in missing:
        assert len(visits_in(clerk.get(link).text)) == int(count)


def test_the_chart_has_words_for_who_cannot_see_it(clerk: Browser) -> None:
    page = clerk.get("/comparison").text
    chart = page.partition('<figure class="chart">')[2].partition("</figure>")[0]
    assert "<title" in chart
    assert chart.partition("<desc")[2].partition("</desc>")[0].count("(A)") == 7
    assert 'role="img" aria-labelledby="chart-title chart-told"' in chart


def test_the_application_is_ticked_with_its_day_and_unticked(own: tuple[Clinic, Browser]) -> None:
    world, browser = own
    browser.post("/steps/applied", {"on": "2026-11-18"})
    assert "115/11/18（三） 已申請" in words(browser.get("/steps").text)
    browser.post("/steps/applied", {"undo": "1"})
    assert "記下已申請" in browser.get("/steps").text
    assert browser.post("/steps/applied", {"on": "tomorrow"}).headers["location"] == "/steps?trouble=date"
    assert world.rows("SELECT value FROM setting WHERE name = 'applied_on'") == []


@pytest.mark.parametrize(
    ("form", "trouble"),
    [
        ({"at": "2026-11-20T00:00"}, "confirm"),
        ({"at": "", "confirmed": "1"}, "date"),
        ({"at": "2026-13-40T00:00", "confirmed": "1"}, "date"),
        ({"at": "2026-11-20T00:00+00:00", "confirmed": "1"}, "date"),
        ({"at": "0026-11-20T00:00", "confirmed": "1"}, "date"),
    ],
)
def test_nothing_is_switched_by_half_a_form(own: tuple[Clinic, Browser], form: dict[str, str], trouble: str) -> None:
    world, browser = own
    assert browser.post("/steps/switch", form).headers["location"] == f"/steps?trouble={trouble}"
    assert 'role="alert"' in browser.get(f"/steps?trouble={trouble}").text
    with Outbox(world.outbox) as outbox:
        assert outbox.switched_at is None


def test_the_switch_is_set_with_confirmation_and_taken_back(own: tuple[Clinic, Browser]) -> None:
    world, browser = own
    browser.post("/steps/switch", {"at": "2026-11-19T20:00", "confirmed": "1"})
    with Outbox(world.outbox) as outbox:
        assert outbox.switched_at == datetime(2026, 11, 19, 20)
    assert "115/11/19 20:00 起以 2.0 正式上傳" in browser.get("/steps").text
    assert "不需上傳" in browser.get("/").text, "1.0 owes nothing any more"
    browser.post("/steps/switch", {"undo": "1", "confirmed": "1"})
    with Outbox(world.outbox) as outbox:
        assert outbox.switched_at is None
    lines = (world.home / "console-audit.log").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line).get("at") for line in lines if '"switch"' in line] == ["2026-11-19T20:00:00", "never"]


def test_the_queue_is_told_and_tried_again(own: tuple[Clinic, Browser]) -> None:
    world, browser = own
    page = words(browser.get("/status").text)
    assert "等待中的檔案 4" in page
    assert "連不上，會自動再試 ConnectError" in page
    with Outbox(world.outbox) as outbox, outbox.writing() as cursor:
        cursor.execute("UPDATE upload SET next_at = '2026-11-19 23:00:00' WHERE state = 'ready'")
    assert browser.post("/status/retry", {}).headers["location"].startswith("/status?notice=retried&count=")
    told = {at for (at,) in world.rows("SELECT next_at FROM upload WHERE state = 'ready'")}
    assert told == {"2026-11-19 21:30:00"}


def test_a_visit_taken_back_is_told_so(own: tuple[Clinic, Browser]) -> None:
    world, browser = own
    number, key = world.rows(
        "SELECT v.id, v.key FROM visit v WHERE NOT EXISTS (SELECT 1 FROM track WHERE visit = v.id)"
    )[0]
    with Outbox(world.outbox) as outbox:
        withdraw(outbox, [key], NOW)
    row = browser.get("/").text.partition(f'href="/visits/{number}"')[2].partition("</tr>")[0]
    assert words(row).count("已收回") == 2
    assert "已收回" in browser.get(f"/visits/{number}").text


def test_an_empty_outbox_has_every_page(tmp_path: Path) -> None:
    with browsing(clinic(tmp_path, empty=True).app) as browser:
        browser.sign_in()
        for page in (
            "/",
            "/urgent",
            "/ranking",
            "/ranking?within=staff",
            "/ranking.csv",
            "/comparison",
            "/steps",
            "/status",
        ):
            for language in ("zh", "en"):
                joined = f"{page}{'&' if '?' in page else '?'}lang={language}"
                assert browser.get(joined).status_code == 200, joined


def test_the_language_is_remembered(clerk: Browser) -> None:
    assert 'lang="zh-Hant-TW"' in clerk.get("/").text
    assert "Error ranking" in clerk.get("/?lang=en").text
    assert "Error ranking" in clerk.get("/steps").text
    assert "錯誤排行" in clerk.get("/steps?lang=zh").text
    assert "錯誤排行" in clerk.get("/steps?lang=fr").text


def test_a_part_that_refreshes_itself_takes_the_whole_page_to_the_login(world: Clinic) -> None:
    with browsing(world.app) as stranger:
        answer = stranger.get("/?group=moving", headers={"hx-request": "true"})
    assert answer.headers["hx-redirect"] == "/login?next=%2F%3Fgroup%3Dmoving"
    assert answer.text == ""


@pytest.mark.parametrize(("page", "shown", "first"), [(1, 100, 249), (3, 50, 49), (99, 50, 49), (-5, 100, 249)])
def test_a_long_day_comes_in_pages(tmp_path: Path, page: int, shown: int, first: int) -> None:
    with Outbox(tmp_path / "outbox.sqlite3") as outbox:
        with outbox.writing() as cursor:
            cursor.executemany(
                "INSERT INTO visit VALUES (NULL, ?, ?, '01', '', '', '{}', 1, '', '', NULL)",
                [(str(minute), f"2026-11-19 {minute // 60:02}:{minute % 60:02}:00") for minute in range(250)],
            )
        found = listing.listed(outbox, listing.on_day(outbox, NOW.date(), NOW), page=page)
    assert (len(found.rows), found.pages) == (shown, 3)
    assert found.rows[0][0].at == datetime(2026, 11, 19) + timedelta(minutes=first)


def test_a_page_is_light_enough_for_an_old_machine(clerk: Browser) -> None:
    page = clerk.get("/").text
    parts = [*re.findall(r'(?:src|href)="(/static/[^"]+)"', page)]
    assert len(parts) == 3
    weight = len(page.encode()) + sum(len(clerk.get(part).content) for part in parts)
    rows = len(visits_in(page))
    row = len(page.partition("<tbody>")[2].partition("</tbody>")[0].encode()) / rows
    assert weight + (listing.PAGE - rows) * row < 150_000
