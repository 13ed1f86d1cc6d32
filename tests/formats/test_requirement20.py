"""The requirement tables that no source prints: what they must cover, what they rest on, what they say."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from importlib.resources import files
from itertools import product

import pytest

from nhicard.formats import assumptions
from nhicard.formats.tables import codes, fields, rows

Cells = dict[tuple[str, str, str], dict[str, str]]
RuleTable = Sequence[tuple[str, str, Sequence[str], Sequence[str]]]  # rule, upload kinds, fields, categories

MATRIX_ROWS = list(rows("requirement20.csv"))
MATRIX: Cells = {(r["field"], r["data_type"], r["visit_category"]): r for r in MATRIX_ROWS}
ANNEX1 = {(r["field"], r["visit_category"]): (r["normal"], r["abnormal"]) for r in rows("requirement10.csv")}
VACCINATION10 = {r["field"]: (r["normal"], r["abnormal"]) for r in rows("requirement10_vaccination.csv")}
KINDS = {(r["field"], r["upload_kind"]): r["requirement"] for r in rows("requirement20_kinds.csv")}
MAPS_FROM_10 = {r["id"]: r["maps_from_10"] for r in rows("fields20.csv")}
CATEGORIES = tuple(codes("2.0", "M07"))
FIELDS = tuple(fields("2.0"))
ORDER_FIELDS = tuple(f for f in FIELDS if f.startswith("D"))

_errors20 = (files("nhicard.checks") / "data" / "errors20.csv").read_text(encoding="utf-8")
ERRORS20 = {row["code"] for row in csv.DictReader(_errors20.splitlines())}

OUTPATIENT = ("01", "02", "03", "04", "06", "07", "08", "09")
COUNTED = (*OUTPATIENT, "05")
INPATIENT_BILL = ("BB", "BF", "DC")
ALL = CATEGORIES


def cell(field: str, category: str, kind: str) -> str:
    return MATRIX[field, "1", category][kind]


# ---- shape ----


def test_every_field_has_a_cell_for_every_category_and_data_type() -> None:
    places = [("1", category) for category in CATEGORIES] + [("2", "*"), ("5", "*")]
    assert sorted(MATRIX) == sorted((field, *place) for field, place in product(FIELDS, places))
    assert len(MATRIX_ROWS) == len(MATRIX)


def test_a_cell_is_required_absent_or_optional() -> None:
    assert {row[kind] for row in MATRIX_ROWS for kind in "AB"} == {"V", "~", "*"}


def test_every_cell_says_what_it_rests_on() -> None:
    known = re.compile(r"1\.0:A\d\d(@[0-9A-Z]{2}|@vaccination)?|rule:[0-9A-Z]+|field-table|client|conditional|none")
    assert [row for row in MATRIX_ROWS if not known.fullmatch(row["basis"])] == []


def test_a_cell_without_a_source_or_with_a_condition_is_optional() -> None:
    free = [row for row in MATRIX_ROWS if row["basis"] in {"none", "conditional"}]
    assert {(row["A"], row["B"]) for row in free} == {("*", "*")}


def test_only_the_official_1_0_matrix_forbids_a_field() -> None:
    forbidden = [row for row in MATRIX_ROWS if "~" in (row["A"], row["B"])]
    assert forbidden
    assert [row for row in forbidden if not row["basis"].startswith("1.0:")] == []


def test_cited_rules_exist() -> None:
    cited = {row["basis"].removeprefix("rule:") for row in MATRIX_ROWS if row["basis"].startswith("rule:")}
    assert cited
    assert cited <= ERRORS20


# ---- agreement with 1.0 ----


@pytest.mark.parametrize("field", FIELDS)
def test_a_cell_taken_over_from_1_0_agrees_with_it(field: str) -> None:
    for row in MATRIX_ROWS:
        if row["field"] != field or not row["basis"].startswith("1.0:"):
            continue
        old, _, place = row["basis"].removeprefix("1.0:").partition("@")
        if place == "vaccination":
            expected = VACCINATION10[old]
        else:
            assert old == MAPS_FROM_10[field]
            expected = ANNEX1[old, place or row["visit_category"]]
        assert (row["A"], row["B"]) == expected, row


@pytest.mark.parametrize("category", ["00", "09", "AJ", "AK", "BG", "EA"])
def test_a_category_that_1_0_lacks_names_the_one_it_follows(category: str) -> None:
    followed = {
        row["basis"].partition("@")[2]
        for row in MATRIX_ROWS
        if row["visit_category"] == category and row["basis"].startswith("1.0:")
    }
    assert followed == {{"00": "01", "09": "01", "AJ": "AB", "AK": "04", "BG": "BA", "EA": "BA"}[category]}


def test_a_mapped_field_departs_from_1_0_only_where_another_basis_says_so() -> None:
    departures = {
        row["field"]
        for (field, data_type, category), row in MATRIX.items()
        if data_type == "1"
        and (MAPS_FROM_10[field], category) in ANNEX1
        and (row["A"], row["B"]) != ANNEX1[MAPS_FROM_10[field], category]
    }
    orders_everywhere = {"D01", "D02", "D06"}  # in every MB2 that is an order, whatever the category
    by_value = {"D05", "D07", "D08", "D09", "D10"}  # needed by some kinds of order only
    assert departures == {"M13", "D11"} | orders_everywhere | by_value
    assert {MATRIX["D11", "1", c]["basis"] for c in CATEGORIES if cell("D11", c, "A") != "V"} == {"rule:Y013"}


# ---- agreement with the 2.0 rules ----

DEMANDS: RuleTable = [
    ("Y008", "AB", ["H01", "M07", "M23"], ALL),
    ("09", "AB", ["M11"], ALL),
    ("AD01", "A", ["M13"], COUNTED),
    ("AD13", "A", ["M13"], ("AC",)),
    ("AD02", "B", ["M13"], ALL),
    ("AH01", "AB", ["M44"], OUTPATIENT),
    ("AH02", "AB", ["M46"], INPATIENT_BILL),
    ("AH05", "AB", ["M35"], OUTPATIENT),
    ("Y012", "AB", ["D02", "D06"], ("AE", "AF", "AG", "BC", "AC")),
    ("BE", "AB", ["D01"], [c for c in ALL if c != "AI"]),
    ("D000", "AB", ["D02"], [c for c in ALL if c != "AI"]),
    ("D028", "AB", ["D03"], [c for c in ALL if c != "AI"]),
]

ALLOWS: RuleTable = [
    ("D054", "AB", ["M12", "M52"], ALL),
    ("D055", "AB", ["M49"], ALL),
    ("D007", "AB", ["M16", "M17", "M19"], ("AE", "AF", "AG", "AI")),
    ("D036", "AB", ["M20"], ALL),
    ("D014", "AB", ["M21", "M26"], ALL),
    ("D017", "AB", ["M22", "M29"], ALL),
    ("D064", "AB", ["D04", "M24", "M25", "M26", "M27", "M28", "M29"], ALL),
    ("D077", "AB", ["M33", "M34"], ALL),
    ("AA04", "AB", ["D09", "D10"], ALL),
    ("AD08", "AB", ["D07"], ALL),
    ("AD56", "AB", ["D08"], ALL),
    ("BB03", "AB", ["D15"], ALL),
    ("E001", "AB", ["E01", "E02", "E03", "E04"], ALL),
    ("AD42", "AB", ["M51"], ALL),
    ("AD43", "AB", ["M50"], ALL),
    ("D090", "AB", ["M57"], ("04",)),
    ("16", "A", ["D11"], ALL),
]

LEAVES_OUT: RuleTable = [
    ("AD14", "A", ["M13"], [c for c in ALL if c not in (*COUNTED, "AC")]),
    ("AH03", "AB", ["M46", "M47"], OUTPATIENT),
    ("AH04", "AB", ["M44", "M45"], INPATIENT_BILL),
    ("D067", "AB", ["M16", "M17", "M19"], ALL),
    ("D015", "AB", ["M26"], ALL),
    ("D018", "AB", ["M29"], ALL),
    ("D090", "AB", ["M57"], ALL),
    ("Y013", "AB", ORDER_FIELDS, ("AI",)),
]


def _cases(table: RuleTable) -> list[tuple[str, str, str, str]]:
    return [
        (rule, field, category, kind)
        for rule, kinds, named, categories in table
        for field, category, kind in product(named, categories, kinds)
    ]


def test_a_field_that_a_rule_demands_is_required() -> None:
    wrong = [case for case in _cases(DEMANDS) if cell(*case[1:]) == "~"]
    assert wrong == []
    outpatient_fee_in_emergency = {("AH01", "M44", "04", kind) for kind in "AB"}  # 1.0 leaves it free
    missing = {case for case in _cases(DEMANDS) if cell(*case[1:]) != "V"}
    assert missing == outpatient_fee_in_emergency


def test_a_field_that_a_rule_may_demand_is_not_forbidden() -> None:
    assert [case for case in _cases(ALLOWS) if cell(*case[1:]) == "~"] == []


def test_a_field_that_a_rule_wants_blank_is_not_required() -> None:
    assert [case for case in _cases(LEAVES_OUT) if cell(*case[1:]) == "V"] == []


def test_the_tables_above_name_real_rules() -> None:
    assert {row[0] for row in (*DEMANDS, *ALLOWS, *LEAVES_OUT)} <= ERRORS20


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_newborn_mark_can_stand_wherever_its_companions_can(category: str) -> None:
    # BB and BC ask for M08 and M09 beside M10: all three are allowed or none
    assert len({cell(field, category, kind) for field in ("M08", "M09", "M10") for kind in "AB"}) == 1


def test_a_medical_category_is_required_exactly_where_a_value_fits() -> None:
    fitting = {pair.split("|")[1] for pair in codes("2.0", "M56xM07")}
    for kind in "AB":
        assert {c for c in CATEGORIES if cell("M56", c, kind) == "V"} == fitting


def test_what_abnormal_uploads_leave_out_is_the_named_assumption() -> None:
    left_out = {f for f in FIELDS if any(cell(f, c, "A") == "V" and cell(f, c, "B") == "~" for c in CATEGORIES)}
    assert left_out == set(assumptions.load()["absent_in_abnormal_uploads"])


# ---- reading it ----


@pytest.mark.parametrize(
    ("field", "category", "normal", "abnormal"),
    [
        pytest.param("M35", "01", "V", "V", id="a clinic visit has a principal diagnosis"),
        pytest.param("M35", "AC", "*", "*", id="preventive care may lack one"),
        pytest.param("M35", "EA", "*", "*", id="so may a bed change, which 1.0 does not know"),
        pytest.param("M13", "01", "V", "V", id="a counted visit has a number, or an abnormal one"),
        pytest.param("M13", "CA", "*", "V", id="an uncounted one only in an abnormal upload"),
        pytest.param("M13", "00", "*", "V", id="designated care may have none"),
        pytest.param("M01", "05", "V", "~", id="an abnormal upload has no SAM"),
        pytest.param("M10", "AD", "~", "~", id="a newborn has no occupational injury"),
        pytest.param("M44", "05", "~", "~", id="an admission has no outpatient fee"),
        pytest.param("M46", "BB", "V", "V", id="a discharge has an inpatient fee"),
        pytest.param("M46", "01", "*", "*", id="zero is allowed at a clinic visit"),
        pytest.param("M15", "AF", "V", "V", id="a pharmacy has a visit identifier"),
        pytest.param("M16", "AF", "*", "*", id="the original one depends on M18"),
        pytest.param("M56", "BB", "*", "*", id="no medical category suits inpatients"),
        pytest.param("D06", "AI", "*", "*", id="a same-day return has no orders"),
        pytest.param("D11", "01", "V", "~", id="orders are signed in a normal upload"),
    ],
)
def test_example(field: str, category: str, normal: str, abnormal: str) -> None:
    assert (cell(field, category, "A"), cell(field, category, "B")) == (normal, abnormal)


@pytest.mark.parametrize(
    ("data_type", "required"),
    [
        ("2", "H00 H01 M03 M04 M05 M11 V01 V02"),
        ("5", "H00 H01 M03 M04 M05 M06 M07 M11 M12 M13 M23 D01 D02 D03 D06"),
    ],
)
def test_what_an_abnormal_vaccination_or_test_report_needs(data_type: str, required: str) -> None:
    assert [f for f in FIELDS if MATRIX[f, data_type, "*"]["B"] == "V"] == required.split()


# ---- the other tables ----


def test_deleting_cancelling_and_restoring_need_what_finds_the_record() -> None:
    assert sorted(KINDS) == sorted(product(FIELDS, "CDE"))
    stored_key = set(assumptions.load()["record_key_20"])
    for kind in "CDE":
        required = {field for field in FIELDS if KINDS[field, kind] == "V"}
        assert required == stored_key | {"H01", "M07", "M23"}  # without these Y008 stops the check
        assert {KINDS[field, kind] for field in FIELDS} == {"V", "*"}


def test_vaccination_in_1_0_needs_the_person_and_the_vaccine() -> None:
    original = [f.id for f in fields("1.0").values() if f.id not in {r["id"] for r in rows("fields10_later.csv")}]
    assert sorted(VACCINATION10) == sorted(original)
    needed = [field for field in original if VACCINATION10[field][0] == "V"]
    assert needed == ["A00", "A01", "A16", "A11", "A12", "A13", "A61", "A62", "A63", "A64"]
    assert [f for f in needed if VACCINATION10[f][1] != "V"] == ["A16", "A11"]
    only_visits = [f.id for f in fields("1.0").values() if f.id in VACCINATION10 and f.data_type == "1"]
    assert {VACCINATION10[field] for field in only_visits} == {("*", "*")}


def test_later_1_0_fields_and_codes_are_the_ones_the_assumptions_name() -> None:
    chosen = assumptions.load()
    later = {(row["table"], row["code"]): row for row in rows("codes10_later.csv")}
    assert tuple(row["id"] for row in rows("fields10_later.csv")) == chosen["later_fields_accepted_in_10"]
    assert tuple(c for t, c in later if t == "A23") == chosen["later_categories_accepted_in_10"]
    abnormal = tuple(c for t, c in later if t == "A18" and "state=not-obtained" in later[t, c]["attr"])
    assert abnormal == chosen["later_numbers_accepted_in_10"]
    pairs, since = later["A78", "07"]["attr"].split(";")
    assert pairs == "A72 in{" + ",".join(chosen["unperformed_test_order_categories"]) + "}"
    assert since == "since=1110401"


def test_a_later_code_is_not_one_of_the_original_table() -> None:
    original = {(row["table"], row["code"]) for row in rows("codes10.csv")}
    assert original.isdisjoint({(row["table"], row["code"]) for row in rows("codes10_later.csv")})
