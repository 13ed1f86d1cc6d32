"""The rulebook as a whole: complete, unique, explained in both languages, documented."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from nhicard.checks import rule_docs
from nhicard.checks.cases.cases import families
from nhicard.checks.context import Context
from nhicard.checks.deferred import deferred
from nhicard.checks.explanation import FOUND_WHILE_READING, explain_code, explain_field
from nhicard.checks.official import official
from nhicard.checks.plan import plan
from nhicard.checks.requirement import MASKS, cells, masks
from nhicard.checks.rule import rules
from nhicard.formats import EDITIONS, Edition, assumption_docs, assumptions, fields, order_fields, visit_fields
from nhicard.formats.tables import codes, forms

DOCS = Path(__file__).parents[2] / "docs"


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_official_code_is_implemented_or_deferred_with_a_reason(edition: Edition) -> None:
    implemented = set(rules(edition))
    waiting = [entry.code for entry in deferred(edition)]
    assert len(waiting) == len(set(waiting))
    assert implemented | set(waiting) | FOUND_WHILE_READING >= set(official(edition))
    assert not implemented & set(waiting)
    assert not set(waiting) & FOUND_WHILE_READING
    assert implemented | set(waiting) <= set(official(edition))


@pytest.mark.parametrize("edition", EDITIONS)
def test_only_what_a_file_cannot_decide_is_deferred(edition: Edition) -> None:
    for entry in deferred(edition):
        needs = official(edition)[entry.code].needs
        if entry.reason == "history" and needs:
            assert needs in ("history", "crypto"), f"{entry.code} needs {needs} by the official table"
        if entry.reason in ("undecidable", "insurer"):
            assert is_chinese(entry.note_zh), entry.code
            assert entry.note_en, entry.code


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_rule_is_explained_in_both_languages(edition: Edition) -> None:
    for code in rules(edition):
        entry = explain_code(edition, code)
        assert is_chinese(entry.zh), code
        assert not is_chinese(entry.en), code
        assert entry.zh.endswith("。"), code
        assert entry.en.endswith("."), code
        assert "{" not in entry.zh + entry.en, code
        assert entry.example is not None, code
        assert entry.reads or entry.lists, code


@pytest.mark.parametrize("edition", EDITIONS)
def test_sentences_of_findings_are_filled_in(edition: Edition) -> None:
    context = Context()
    for checks in plan(
        edition, context.references, context.assumptions, uploader_known=True, keys_known=True
    ).checks.values():
        for each in checks:
            assert "{" not in each.zh + each.en, (each.rule.code, each.field)
            assert each.field in fields(edition) or each.field == "MB2", (each.rule.code, each.field)


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_rule_names_assumptions_that_exist(edition: Edition) -> None:
    for code, rule in rules(edition).items():
        assert set(rule.assumptions) <= set(assumptions.names()), code


@pytest.mark.parametrize("edition", EDITIONS)
def test_case_files_bear_the_names_of_rule_families(edition: Edition) -> None:
    assert set(families(edition)) - {"bases"} == {rule.family for rule in rules(edition).values()}


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_field_has_a_form_and_an_explanation(edition: Edition) -> None:
    assert set(forms(edition)) == set(fields(edition))
    for field_id, form in forms(edition).items():
        assert explain_field(edition, field_id).blamed_by or form.basis == "unknown", field_id


@pytest.mark.parametrize("edition", EDITIONS)
def test_masks_say_what_the_requirement_matrix_says(edition: Edition) -> None:
    rows = {row["key"]: row for row in masks(edition).iter_rows(named=True)}
    place = {name: ("visit", bit) for bit, name in enumerate(visit_fields(edition))}
    place |= {name: ("order", bit) for bit, name in enumerate(order_fields(edition))}
    categories = ["", *codes(edition, "A23" if edition == "1.0" else "M07")]
    empty = dict.fromkeys(MASKS, 0)
    for cell in cells(edition):
        scope, bit = place[cell.field]
        for category in categories if cell.visit_category == "*" else [cell.visit_category]:
            row = rows.get(f"{cell.data_type}|{cell.upload_kind}|{category}", empty)
            assert bool(row[f"required:{scope}"] >> bit & 1) == (cell.requirement == "V"), cell
            assert bool(row[f"forbidden:{scope}"] >> bit & 1) == (cell.requirement == "~"), cell


def test_the_printed_matrix_of_edition_10_is_applied_cell_by_cell() -> None:
    rows = {row["key"]: row for row in masks("1.0").iter_rows(named=True)}
    assert rows["1|1|01"]["required:visit"] >> visit_fields("1.0").index("A11") & 1
    assert rows["1|2|01"]["forbidden:visit"] >> visit_fields("1.0").index("A11") & 1
    assert rows["1|1|05"]["forbidden:visit"] >> visit_fields("1.0").index("A31") & 1


@pytest.mark.parametrize(
    ("page", "render"),
    [("rules.md", rule_docs.render), ("assumptions.md", assumption_docs.render)],
    ids=["rules", "assumptions"],
)
def test_generated_pages_are_fresh(page: str, render: object) -> None:
    assert callable(render)
    assert (DOCS / page).read_text(encoding="utf-8") == render(), f"docs/{page} is stale: run make docs"


def test_packaged_tables_are_those_of_the_error_lists() -> None:
    borrowed = {code for code, entry in official("1.0").items() if "taken over" in entry.basis}
    assert len(set(official("1.0")) - borrowed) == 71
    assert borrowed <= set(official("2.0"))
    assert len(official("2.0")) == 240
    data = files("nhicard.checks") / "data"
    assert {entry.name for entry in data.iterdir()} >= {"errors10.csv", "errors20.csv", "deferred.csv"}
