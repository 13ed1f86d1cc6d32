"""Every open choice has a name, a reason in both languages, a legal value, and a page that is up to date."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from nhicard.checks.claims.rule import rules as claim_rules
from nhicard.formats.assumption_docs import render, toml_value
from nhicard.formats.assumptions import Assumption, describe, load, names, touching
from nhicard.formats.tables import codes, fields

ROOT = Path(__file__).parents[2]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def _column(text: str, column: str) -> list[str]:
    return [row[column] for row in csv.DictReader(text.splitlines())]


ERRORS = {
    edition: set(_column((files("nhicard.checks") / "data" / name).read_text(encoding="utf-8"), "code"))
    for edition, name in {"1.0": "errors10.csv", "2.0": "errors20.csv"}.items()
}
CONFORMANCE = list(csv.DictReader((ROOT / "tests/data/conformance10.csv").read_text(encoding="utf-8").splitlines()))


# ---- each entry ----


@pytest.mark.parametrize("name", names())
def test_an_assumption_is_explained_in_both_languages(name: str) -> None:
    entry = describe(name)
    chinese = (entry.question_zh, entry.choice_zh, entry.settled_by_zh)
    english = (entry.question_en, entry.choice_en, entry.settled_by_en)
    assert all(CHINESE.search(text) for text in chinese)
    assert all(text and not CHINESE.search(text) for text in english)
    assert not any("\n" in text for text in (*chinese, *english))
    assert entry.question_en.endswith(("?", "."))
    assert entry.edition in {"1.0", "2.0", "both", "claims"}
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)


@pytest.mark.parametrize("name", names())
def test_what_an_assumption_touches_exists(name: str) -> None:
    entry = describe(name)
    known = {"*"}.union(*ERRORS.values(), fields("1.0"), fields("2.0"), claim_rules())
    assert entry.codes
    assert set(entry.codes) <= known
    assert len(set(entry.codes)) == len(entry.codes)


@pytest.mark.parametrize("name", names())
def test_the_packaged_value_would_pass_as_an_override(name: str) -> None:
    # so the default has a legal type, is one of the allowed values and fits the pattern
    as_toml = tomllib.loads(f"value = {toml_value(describe(name).value)}")["value"]
    assert load({name: as_toml})[name] == describe(name).value == load()[name]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        yield from value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("absent_in_abnormal_uploads", set(fields("2.0"))),
        ("free_text_fields", set(fields("2.0"))),
        ("aa01_fields_20", set(fields("2.0"))),
        ("record_key_20", set(fields("2.0"))),
        ("record_key_10", set(fields("1.0"))),
        ("unnamed_fields", set(fields("2.0"))),
        ("inferred_fields", set(fields("2.0"))),
        ("signed_amount_fields", {*fields("1.0"), *fields("2.0")}),
        ("bf_fields", {*fields("1.0"), *fields("2.0")}),
        ("unsigned_orders", set(codes("2.0", "D02"))),
        ("d05_absent_for", set(codes("2.0", "D02"))),
        ("d02_d05_pairs", set(codes("2.0", "D05"))),
        ("late_card_fields", set(codes("2.0", "M12"))),
        ("original_visit_categories", set(codes("2.0", "M07"))),
        ("client_list_gaps_accepted", set(codes("2.0", "M13-abnormal"))),
        ("payment_categories_missing_in_client_accepted", set(codes("2.0", "M51"))),
        ("nucleic_acid_results", set(codes("2.0", "D06-named"))),
        ("unperformed_test_order_categories", set(codes("1.0", "A72"))),
        ("zero_total_orders", set(codes("1.0", "A73-virtual"))),
        ("undecidable_codes", ERRORS["2.0"]),
        ("ad03_categories", set(codes("1.0", "A23"))),
    ],
)
def test_a_value_that_names_fields_or_codes_names_real_ones(name: str, known: set[str]) -> None:
    given = set(_strings(load()[name]))
    assert given
    assert given <= known


def test_the_order_pair_table_covers_every_order_category() -> None:
    assert set(load()["d02_d05_pairs"]) == set(codes("2.0", "D02"))


@pytest.mark.parametrize("table", ["unnamed_fields", "inferred_fields"])
def test_a_code_whose_field_was_settled_is_listed_as_touched(table: str) -> None:
    assert set(load()[table]) == set(describe(table).codes)
    assert set(load()[table]) <= ERRORS["2.0"]


def test_a_text_is_settled_once_either_as_unnamed_or_as_inferred() -> None:
    assert set(load()["unnamed_fields"]).isdisjoint(load()["inferred_fields"])


# ---- coverage ----

OPEN = {
    # edition 1.0
    "ordinal(A24) < or <= A21": "newborn_ordinal_may_equal_count",
    "A51 < or <= upload date": "prenatal_exam_may_be_on_upload_day",
    "A76 limit 92": "days_limit_inclusive",
    "C003 cited, not defined": "c003_defined_for_10",
    "master file codes 10/11/12": "master_file_codes",
    "code 15 or 16": "diagnosis_code_error",
    "AH03 example with category 05": "ah03_includes_category_05",
    "A44 14, 18, 78 missing from AD04": "ad04_covers_14_18_78",
    "A74 letters combine": "body_site_letters_combine",
    "names of A44, A53, A74, M12, M13, M51, D02": "unnamed_values_accepted",
    "record key of C001": "record_key_10",
    "window of BH": "upload_window_months",
    "required fields of a vaccination record": "vaccination_requirements_apply",
    "A55 sent by later clients": "later_fields_accepted_in_10",
    # edition 2.0
    "schedule 2": "derived_matrix_applies",
    "full M56 x M07": "d066_unknown_pairs_accepted",
    "full D02 x D05": "d02_d05_pairs",
    "H01 1-4 still legal": "legacy_h01_values_accepted",
    "how a correction is sent": "corrections_resend_the_record",
    "AH with M56=14": "tcm_home_care_accepted",
    "D044 against D027 and D056": "d044_exempts_injections",
    "D005 date parts": "d005_compares",
    "identifier decoding": "identifier_scheme",
    "go-live date": "go_live_date",
    "dual-track end": "dual_track_end",
    "single-track buffer end": "single_track_buffer_end",
    "delivery orders": "delivery_orders",
    "influenza vaccines": "influenza_vaccine_drugs",
    "NGS": "ngs_orders",
    "no-insurance numbers": "no_insurance_numbers",
    "E05, E07, E08, E11 lists": "allergy_codes_checked",
    "formats left blank": "unknown_formats_unchecked",
    "fields of D006 D009 D010 D029 D065 D080 AD38": "unnamed_fields",
    "unstated severity": "severity_unstated",
    # contradictions inside the 2.0 list
    "AD71 against AD14 and AD02": "uncounted_special_numbers_accepted",
    "AI in AD61 and AD65 against Y013": "ai_carries_no_orders",
    "AD62 against D083": "ad62_exempts_m23_g",
    "M07=00": "designated_care_number_optional",
    "AC with H01=B": "ad13_for_normal_uploads_only",
    "BB contains BC": "bc_only_when_count_present",
    "BA against BB02": "ba_and_bb02_both_reported",
    "R008": "r008_needs_category_g",
    "M56 for inpatients and pharmacies": "m56_optional_where_no_value_fits",
    "conditions not stated": "undecidable_codes",
    "E011": "e011_for_covid_results",
    "E012": "e012_for_test_results",
    "AD39": "ad39_items",
    "AD40": "ad40_items",
    "BK": "non_correctable_fields",
    "AA02": "aa02_fields",
}


@pytest.mark.parametrize("topic", OPEN)
def test_an_open_question_has_its_assumption(topic: str) -> None:
    assert OPEN[topic] in names()


@pytest.mark.parametrize(
    "row",
    [r for r in CONFORMANCE if r["consistency"] != "ok" and not r["consistency"].startswith("needs")],
    ids=lambda row: f"{row['field']}:{row['consistency'][:24]}",
)
def test_a_stale_or_contradictory_official_example_has_its_assumption(row: dict[str, str]) -> None:
    named = re.findall(r"A\d\d", row["field"])
    assert named
    assert all(any(a.edition != "2.0" for a in touching(field)) for field in named)


# ---- overriding ----


def test_values_as_rules_see_them() -> None:
    chosen = load()
    assert chosen["days_limit_inclusive"] is True
    assert chosen["upload_window_months"] == 3
    assert chosen["dental_item_prefixes"] == ("89", "90", "91", "92")
    assert chosen["master_file_codes"]["special_material"] == "12"
    assert tuple(chosen) == names()
    assert len(chosen) == len(names())


@pytest.mark.parametrize(
    ("override", "name", "value"),
    [
        ({"days_limit_inclusive": False}, "days_limit_inclusive", False),
        ({"upload_window_months": 6}, "upload_window_months", 6),
        ({"ad40_items": ["12345A"]}, "ad40_items", ("12345A",)),
        ({"dental_item_prefixes": []}, "dental_item_prefixes", ()),
        ({"go_live_date": "1121001"}, "go_live_date", "1121001"),
        ({"household_registry_code": "05"}, "household_registry_code", "05"),
    ],
)
def test_an_override_replaces_one_value_only(override: dict[str, Any], name: str, value: object) -> None:
    before, after = load(), load(override)
    assert after[name] == value
    assert {key: after[key] for key in after if key != name} == {key: before[key] for key in before if key != name}


def test_an_override_of_a_table_keeps_its_other_keys() -> None:
    given = load({"fault_scopes": {"Y003": "file"}, "unnamed_fields": {"D029": ["D04", "D08"]}})
    assert given["fault_scopes"] == {**load()["fault_scopes"], "Y003": "file"}
    assert given["unnamed_fields"]["D029"] == ("D04", "D08")
    assert given["unnamed_fields"]["D009"] == ("M21",)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ({"days_limit": True}, "unknown assumption 'days_limit'; nearest known: days_limit_inclusive"),
        ({"settled_by": {}}, "unknown assumption 'settled_by'"),
        ({"days_limit_inclusive": "yes"}, "assumption days_limit_inclusive: expected bool, got 'yes'"),
        ({"days_limit_inclusive": 1}, "assumption days_limit_inclusive: expected bool, got 1"),
        ({"upload_window_months": True}, "assumption upload_window_months: expected int, got True"),
        ({"ad40_items": "12345A"}, "assumption ad40_items: expected a list of strings, got '12345A'"),
        ({"ad40_items": [1]}, "assumption ad40_items: expected a list of strings"),
        ({"wrong_version_code": "AD"}, "assumption wrong_version_code: expected one of Y003, 03"),
        ({"fault_scopes": "file"}, "assumption fault_scopes: expected a table"),
        (
            {"fault_scopes": {"Y008": "file"}},
            "assumption fault_scopes: unknown key 'Y008'; nearest known: Y00",
        ),
        ({"fault_scopes": {"Y003": "row"}}, "assumption fault_scopes.Y003: expected one of file, record"),
        ({"go_live_date": "2023-10-01"}, "assumption go_live_date: '2023-10-01' does not match"),
        ({"go_live_date": "1121301"}, "assumption go_live_date: '1121301' does not match"),
    ],
)
def test_a_wrong_override_says_what_is_wrong(override: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        load(override)


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(KeyError, match="nearest known: delivery_orders"):
        describe("delivery_order")
    with pytest.raises(KeyError, match="nearest known: delivery_orders"):
        load()["delivery_order"]


def test_equal_choices_are_one_key_of_a_cache() -> None:
    spelled_out = {"days_limit_inclusive": True, "fault_scopes": {"Y003": "record"}, "ad40_items": []}
    other = load({"fault_scopes": {"Y003": "file"}})
    assert {load(), load(spelled_out), other} == {load(), other}
    assert hash(load()) == hash(load(spelled_out))
    assert load() != other


def test_values_cannot_be_changed_in_place() -> None:
    with pytest.raises(TypeError):
        load()["master_file_codes"]["drug"] = "12"
    with pytest.raises(TypeError):
        load()["days_limit_inclusive"] = False  # type: ignore[index]


def test_a_code_finds_the_assumptions_it_rests_on() -> None:
    found: tuple[Assumption, ...] = touching("D044")
    assert [entry.name for entry in found] == ["d044_exempts_injections"]
    assert touching("D053") == ()


# ---- the page ----


def test_the_page_is_up_to_date() -> None:
    page = (ROOT / "docs/assumptions.md").read_text(encoding="utf-8")
    assert page == render(), "run: python -m nhicard.formats.assumption_docs docs/assumptions.md"


def test_the_page_tells_each_assumption_once() -> None:
    headings = re.findall(r"^### (\S+)$", render(), flags=re.MULTILINE)
    assert sorted(headings) == sorted(names())
    assert CHINESE.search(render())


def test_the_override_shown_on_the_page_works() -> None:
    shown = re.search(r"```toml\n(.*?)```", render(), flags=re.DOTALL)
    assert shown
    overrides = tomllib.loads(shown[1])["assumptions"]
    assert {name: load(overrides)[name] for name in overrides} != {name: load()[name] for name in overrides}


def test_an_assumption_can_be_set_exactly_when_some_code_reads_it() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    read_by_code = {name for name in names() if f'"{name}"' in code}
    assert read_by_code == {name for name in names() if not describe(name).built_in}


def test_a_built_in_choice_cannot_be_set_in_silence() -> None:
    with pytest.raises(ValueError, match="utf8_is_accepted is built in"):
        load({"utf8_is_accepted": False})
