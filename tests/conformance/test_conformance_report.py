"""The report in its three forms, and the command that makes it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from playwright.sync_api import sync_playwright
from tests.chromium import assert_no_barrier, chromium, needs_chromium
from tests.conformance.our_platform import PIN, Platform
from typer.testing import CliRunner, Result

from nhicard.cli.app import app
from nhicard.conformance.answers import Answer
from nhicard.conformance.cases import all_cases
from nhicard.conformance.report import Report, as_html, as_json, as_text
from nhicard.conformance.running import Outcome, Verdict

CASES = [case for case in all_cases() if case.kind == "insurer"][:6]
VERDICTS = [Verdict.PASSED, Verdict.FAILED, Verdict.NOT_APPLICABLE]
REPORT = Report(
    "https://insurer.example",
    "insurer",
    datetime(2026, 5, 4, 9, 30),
    [Outcome(case, VERDICTS[place % 3], f"<b>seen {place}</b>", 0.1) for place, case in enumerate(CASES)],
)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["conformance", *map(str, arguments)])


def test_the_page_stands_alone_and_has_every_case_with_steps_source_and_what_was_seen() -> None:
    page: Any = html.fromstring(as_html(REPORT))
    assert not page.xpath("//script | //link | //img | //@src")
    for outcome in REPORT.outcomes:
        (row,) = page.xpath("//tr[@id=$number]", number=outcome.case.number)
        text = row.text_content()
        assert outcome.case.zh in text
        assert outcome.case.en in text
        assert "出處" in text
        assert outcome.seen in text  # as text: nothing that a service says becomes part of the page
    assert not page.xpath("//td/b")
    assert page.get("lang") == "zh-Hant-TW"
    assert len(page.xpath("//section//li/a")) == REPORT.counts["failed"] == 2


def test_every_table_of_the_page_has_a_caption_and_headings_for_its_columns_and_rows() -> None:
    page: Any = html.fromstring(as_html(REPORT))
    tables = page.xpath("//table")
    assert tables
    assert all(table.xpath("caption") and table.xpath("thead//th[@scope='col']") for table in tables)
    assert all(row.xpath("th[@scope='row']") for row in page.xpath("//tbody/tr"))


@needs_chromium
def test_the_page_has_no_serious_barrier_and_fits_a_telephone(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(as_html(REPORT), encoding="utf-8")
    with sync_playwright() as playwright, chromium(playwright) as browser:
        page = browser.new_page(viewport={"width": 360, "height": 700})
        page.goto(file.as_uri())
        page.eval_on_selector_all("details", "all => all.forEach(each => each.open = true)")
        assert_no_barrier(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_json_has_every_case_with_its_verdict_and_sources() -> None:
    told = json.loads(as_json(REPORT))
    assert told["counts"] == {"passed": 2, "failed": 2, "not applicable": 2}
    assert [case["number"] for case in told["cases"]] == [case.number for case in CASES]
    assert all(case["sources"] and case["verdict"] for case in told["cases"])


def test_text_tells_of_what_did_not_pass_only() -> None:
    text = as_text(REPORT)
    numbers = {line.split()[0] for line in text.splitlines() if line[:1] == "W"}
    assert numbers == {each.case.number for each in REPORT.outcomes if each.verdict is not Verdict.PASSED}
    assert "passed 2" in text


def test_nothing_of_a_person_is_shown() -> None:
    answer = Answer(200, "application/json", "", {"statusCode": 0, "hcIdNo": "A123456789", "name": "測試病患甲"})
    assert "A123456789" not in answer.shown()
    assert "測試病患甲" not in answer.shown()


def test_the_command_lists_its_cases() -> None:
    listed = run("https://insurer.example", "--list", "--only", "W7")
    assert listed.exit_code == 0
    assert {line[:2] for line in listed.output.splitlines()} == {"W7"}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["--only", "X9"], "no such cases"), (["--kind", "reader", "--home", "nowhere"], "is in a software reader")],
)
def test_the_command_says_why_it_cannot_run(arguments: list[str], reason: str) -> None:
    ended = run("https://insurer.example", *arguments)
    assert ended.exit_code == 2
    assert reason in ended.output


def test_the_command_ends_with_0_where_all_is_well_and_with_1_where_a_case_fails(
    platform: Platform, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    good: list[str | Path] = [
        platform.reader,
        "--kind",
        "reader",
        "--ca",
        platform.reader_ca,
        "--home",
        platform.home.folder,
    ]
    ended = run(*good, "--pin", PIN, "--only", "R1", "--format", "html", "-o", page)
    assert ended.exit_code == 0, ended.output
    assert "R101" in page.read_text(encoding="utf-8")
    wrong = run(platform.insurer, "--kind", "reader", "--ca", platform.insurer_ca, "--only", "R1", "--format", "json")
    assert wrong.exit_code == 1
    assert json.loads(wrong.output)["counts"]["failed"] > 0


def test_any_control_software_can_sign_for_the_web_api(platform: Platform) -> None:
    signing: list[str | Path] = ["--reader", platform.reader, "--reader-ca", platform.reader_ca]
    ended = run(platform.insurer, "--ca", platform.insurer_ca, *signing, "--only", "W2", "--only", "W3")
    assert ended.exit_code == 0, ended.output
    assert "W311  不適用" in ended.output  # an old signature takes a card whose key is at hand
