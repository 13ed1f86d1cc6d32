"""Every case of every implemented code: what breaks a rule is found, what keeps it is accepted."""

from __future__ import annotations

import pytest

from nhicard.checks import Findings, check
from nhicard.checks.cases import Case, all_cases
from nhicard.checks.cases.cases import DEFAULT_AS_OF, NO_LISTS, base_names, base_record
from nhicard.checks.context import Context
from nhicard.checks.rule import rules
from nhicard.formats import EDITIONS, Edition, build

CASES = [case for edition in EDITIONS for case in all_cases(edition)]
BASES = [(edition, *base) for edition in EDITIONS for base in base_names(edition)]


def shown(findings: Findings) -> str:
    return "; ".join(f"{row['field']}:{row['code']}({row['value']})" for row in findings)


def name(case: Case) -> str:
    return f"{case.edition}-{case.family}-{case.code}-{case.base}-{'|'.join(case.breaks)[:40]}"


@pytest.mark.parametrize(("edition", "family", "base"), BASES, ids=str)
def test_base_record_is_accepted(edition: Edition, family: str, base: str) -> None:
    batch = build(edition, [base_record(edition, family, base)])
    findings = check(batch, Context(as_of=DEFAULT_AS_OF, references=NO_LISTS))
    assert not len(findings), shown(findings)


@pytest.fixture(scope="module", params=CASES, ids=name)
def case(request: pytest.FixtureRequest) -> Case:
    """For both tests one after the other: they need the same context, which takes longer to make than to use."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def context(case: Case) -> Context:
    return case.context


def test_record_that_breaks_the_rule_is_found(case: Case, context: Context) -> None:
    findings = check(case.batch(case.breaks), context)
    field = case.blames or rules(case.edition)[case.code].field
    matching = [row for row in findings if row["code"] == case.code and field in ("*", row["field"])]
    assert matching, f"no {field}:{case.code} among: {shown(findings)}"
    assert {row["severity"] for row in matching} == {case.severity}
    assert all(row["text_zh"] and row["text_en"] for row in matching)


def test_record_that_keeps_the_rule_is_accepted(case: Case, context: Context) -> None:
    findings = check(case.batch(case.keeps), context)
    assert case.code not in findings.codes, shown(findings)
    assert findings.codes <= case.keeps_also, shown(findings)


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_implemented_code_has_a_case(edition: Edition) -> None:
    assert set(rules(edition)) == {case.code for case in all_cases(edition)}
