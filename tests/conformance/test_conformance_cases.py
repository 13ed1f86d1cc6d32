"""The cases as data: numbered once, sourced, understood; and each planted error is one by the rulebook itself."""

from __future__ import annotations

from datetime import datetime, time

import pytest

from nhicard.checks import check
from nhicard.checks.context import Context
from nhicard.checks.reference import References
from nhicard.conformance import payloads
from nhicard.conformance.cases import KINDS, NEEDS, Case, all_cases, cited, request_files, rule_cases, sources
from nhicard.conformance.expectations import OF_ANSWERS, OF_RESULTS
from nhicard.conformance.records import Facts, record
from nhicard.formats import read, rocdate

CASES = all_cases()
#: Ends of months and years, a leap day, the first day of a year: the cases must hold on any day.
DAYS = ["2026-01-01", "2026-02-28", "2026-03-31", "2026-12-31", "2027-07-01", "2028-02-29"]


def test_there_are_more_than_a_hundred_and_twenty_cases_for_both_kinds() -> None:
    assert len(CASES) >= 120
    assert {case.kind for case in CASES} == set(KINDS)


def test_each_number_is_used_once() -> None:
    assert len({case.number for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
def test_each_case_cites_what_it_rests_on(case: Case) -> None:
    found = cited(case)
    assert found
    assert all(source.zh and source.en and source.basis in ("official", "clients", "ours") for source in found)


def test_each_source_is_cited() -> None:
    assert {name.partition(" ")[0] for case in CASES for name in case.sources} == set(sources())


def test_each_case_says_in_both_languages_what_it_asks() -> None:
    assert [case.number for case in CASES if not case.zh or not case.en] == []
    titles = [case.en for case in CASES if not case.number.startswith("F")]
    assert len(set(titles)) == len(titles)


def test_each_word_of_a_case_is_one_that_a_step_knows() -> None:
    for case in CASES:
        assert case.needs <= set(NEEDS), case.number
        for step in case.steps:
            known = OF_RESULTS if "wait" in step else OF_ANSWERS
            assert set(step.get("expect", {})) <= set(known), case.number
            assert len({"ask", "wait", "call", "begin", "hands"} & set(step)) == 1, case.number


def test_each_case_expects_something() -> None:
    assert [case.number for case in CASES if not any(step.get("expect") for step in case.steps)] == []


def test_each_file_is_sent_and_each_that_is_sent_is_described() -> None:
    asked = {step["ask"].get("file") for case in CASES for step in case.steps if "ask" in step}
    waited = {step["wait"] for case in CASES for step in case.steps if "wait" in step}
    assert (asked | waited) - {None, "findings"} == set(request_files())


@pytest.mark.parametrize("day", DAYS)
def test_each_planted_error_is_one_on_any_day_and_its_neighbour_is_none(day: str) -> None:
    now = datetime.combine(datetime.fromisoformat(day), time(0, 5))
    batch = read(payloads.made("findings", Facts("3501200000", "S12345678901", now)).content)
    found = check(batch, Context(as_of=now, references=References()))
    codes = {(row["record"], row["code"]) for row in found}
    for place, (number, case) in enumerate(rule_cases()):
        assert (2 * place + 1, case.code) in codes, number
        assert (2 * place + 2, case.code) not in codes, number


def test_a_record_is_of_today_of_the_sender_and_of_a_person_of_its_own() -> None:
    facts = Facts("3502010011", "S99999999999", datetime(2026, 5, 4, 9))
    (one, orders), (two, _) = record(facts, "outpatient"), record(facts, "outpatient")
    assert (one["M05"], one["M01"]) == ("3502010011", "S99999999999")
    assert rocdate.parse_datetime(one["M11"]) == datetime(2026, 4, 30, 9, 30, 15)
    assert orders[0]["D01"] == one["M11"]
    assert one["M03"] != two["M03"]


@pytest.mark.parametrize("name", sorted(request_files()))
def test_each_file_can_be_made(name: str) -> None:
    if name != "huge":
        made = payloads.made(name, Facts("3501200000", "S12345678901", datetime(2026, 5, 4, 9)))
        assert made.content
