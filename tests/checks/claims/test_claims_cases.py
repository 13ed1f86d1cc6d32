"""Every case of every rule of claim files: what breaks it is found and told, what keeps it is accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nhicard.checks.claims import ClaimFindings, check, compare
from nhicard.checks.claims.cases import Case, all_cases, bases, changed, context
from nhicard.checks.claims.rule import Vocabulary, rules
from nhicard.checks.claims.rule_docs import renewed
from nhicard.formats import assumptions
from nhicard.formats.claims import KINDS, table

CHINESE = re.compile(r"[\u4e00-\u9fff]")
OF_CODE = re.compile(r"CLM-[1-8][0-9]{2}")


def name(case: Case) -> str:
    return f"{case.code}-{case.base}-{case.element}-{case.breaks[:30]}"


def shown(findings: ClaimFindings) -> str:
    return "; ".join(f"{row['case']}/{row['order']} {row['element']}:{row['code']}({row['value']})" for row in findings)


def found(case: Case, changes: str) -> ClaimFindings:
    claims, visits = changed(case.base, changes)
    return compare(claims, visits, context()) if case.visits else check(claims, context())


@pytest.mark.parametrize("base", bases())
def test_a_base_is_accepted_with_and_without_its_visits(base: str) -> None:
    claims, visits = changed(base)
    findings = check(claims, context(), visits)
    assert not len(findings), shown(findings)
    assert findings.accepted == claims.cases.height
    assert not findings.rules_off


@pytest.mark.parametrize("case", all_cases(), ids=name)
def test_what_breaks_a_rule_is_found(case: Case) -> None:
    findings = found(case, case.breaks)
    mine = [row for row in findings if (row["code"], row["element"]) == (case.code, case.element)]
    assert mine, f"no {case.element}:{case.code} among: {shown(findings)}"
    assert {row["severity"] for row in mine} == {rules()[case.code].severity}
    for row in mine:
        assert CHINESE.search(row["text_zh"])
        assert not re.search(r"[{}]", row["text_zh"] + row["text_en"]), "a word was not filled in"


@pytest.mark.parametrize("case", all_cases(), ids=name)
def test_what_keeps_a_rule_is_accepted(case: Case) -> None:
    findings = found(case, case.keeps)
    assert not len(findings), shown(findings)


def test_every_rule_has_a_case_and_every_case_a_rule() -> None:
    assert {case.code for case in all_cases()} == set(rules())


@pytest.mark.parametrize("code", rules())
def test_a_rule_is_explained_in_both_languages(code: str) -> None:
    rule = rules()[code]
    assert OF_CODE.fullmatch(code)
    assert CHINESE.search(rule.zh)
    assert "；" in rule.zh, "it says what is wrong; and what to do"
    assert not CHINESE.search(rule.en)
    assert ";" in rule.en
    assert any(rule.applies(Vocabulary(table(kind), assumptions.load())) for kind in KINDS)
    assert set(rule.assumptions) <= set(assumptions.names())


def test_the_page_lists_the_rules_as_they_are() -> None:
    page = (Path(__file__).parents[3] / "docs/claims.md").read_text(encoding="utf-8")
    assert page == renewed(page), "run: python -m nhicard.checks.claims.rule_docs docs/claims.md"
