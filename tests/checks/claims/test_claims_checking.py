"""Whole claim files: made-up ones are accepted, planted errors found and nothing else; comparison; revision."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.checks.claims.claim_uploads import uploads
from tests.formats.claims.test_claims_reading import FAULTS, claims_of_any_kind
from tests.properties.strategies import mutated

from nhicard.checks.claims import VISITS, ClaimContext, Revision, check, compare, is_revised, reported_visits
from nhicard.checks.verification import KeyVerifier
from nhicard.formats import EDITIONS, Edition, UnusableInput, assumptions
from nhicard.formats import read as read_visits
from nhicard.formats import write as write_visits
from nhicard.formats.claims import KINDS, Claims, Kind, build, read, write
from nhicard.formats.reader import Reader
from nhicard.identity.keyring import Key, KeyRing
from nhicard.synthetic.claims import generate_claims
from nhicard.synthetic.claims_plants import plant_claims
from nhicard.synthetic.tables import table as data

AS_OF = datetime(2023, 11, 5)
CONTEXT = ClaimContext(AS_OF)
CASES = 400


@pytest.mark.parametrize("kind", KINDS)
def test_made_up_claims_are_accepted_with_their_visits_and_keys(kind: Kind) -> None:
    keys = KeyRing((Key(1, datetime(2020, 1, 1), None, b"the keys of this test are public"),))
    claims = generate_claims(kind, CASES, 7, AS_OF, keys=keys)
    institution = claims.totals["t2"]
    context = ClaimContext(AS_OF, institution[0], verifier=KeyVerifier(keys, institution))
    visits = reported_visits(uploads(claims, "2.0"))
    findings = check(read(write(claims)), context, visits)
    assert findings.frame.rows() == []
    assert (findings.cases, findings.accepted, findings.rules_off) == (CASES, CASES, ())


@pytest.mark.parametrize("kind", KINDS)
def test_planted_errors_are_found_and_nothing_else(kind: Kind) -> None:
    claims, planted = plant_claims(generate_claims(kind, CASES, 2, AS_OF), 0.5, 2)
    of_kind = data("claim_plants").filter(pl.col("kind") == kind)
    assert set(planted["code"]) == set(of_kind["code"]), "too few cases to plant every error"
    findings = check(read(write(claims)), CONTEXT)
    assert set(findings.frame.select("case", "code").rows()) == set(planted.rows())


def test_the_same_seed_gives_the_same_claims() -> None:
    one, two, other = (write(generate_claims("outpatient", 50, seed, AS_OF)) for seed in (1, 1, 2))
    assert one == two
    assert one != other


# ---- faults of structure ----

SEVERITIES = {
    "an unknown d element": {"reject"},
    "no dhead": {"reject"},
    "cut off": {"file"},
    "no tdata": {"file"},
    "an upload file": {"file"},
}


@pytest.mark.parametrize("name", SEVERITIES)
def test_a_fault_rejects_its_case_or_the_file(name: str) -> None:
    findings = check(read(FAULTS[name][0].encode()), CONTEXT)
    of_faults = findings.frame.filter(pl.col("code").str.starts_with("CLM-0"))
    assert set(of_faults["severity"]) == SEVERITIES[name]
    assert findings.accepted == 0


def test_a_case_that_could_not_be_read_gets_no_other_findings() -> None:
    findings = check(read(FAULTS["tags that cross"][0].encode()), CONTEXT)
    assert set(findings.frame.filter(pl.col("case") == 1)["code"]) == {"CLM-003"}


def test_utf8_is_accepted_with_a_warning() -> None:
    claims = generate_claims("pharmacy", 20, 1, AS_OF)
    findings = check(read(write(claims).decode("big5").encode()), CONTEXT)
    assert findings.frame.select("code", "severity").rows() == [("CLM-014", "warn")]
    assert findings.accepted == 20


@settings(max_examples=25)
@given(claims_of_any_kind(), st.data())
def test_checking_never_raises_and_does_not_depend_on_the_reader(claims: Claims, draw: st.DataObject) -> None:
    changed = draw.draw(mutated(write(claims)))
    visits = pl.DataFrame(schema=dict(VISITS))
    readers: tuple[Reader, ...] = ("kernel", "tree")
    try:
        one, two = (check(read(changed, reader=reader), CONTEXT, visits) for reader in readers)
    except UnusableInput:
        return
    assert one.frame.equals(two.frame)
    assert one.accepted + one.accepted_with_warnings + one.rejected == one.cases


# ---- the comparison with uploaded visits ----


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_claims_agree_with_the_upload_files_of_their_visits(kind: Kind, edition: Edition) -> None:
    claims = generate_claims(kind, 60, 3, AS_OF)
    visits = reported_visits(read_visits(write_visits(uploads(claims, edition))))
    codes = set(compare(claims, visits, CONTEXT).frame["code"])
    assert codes == (set() if edition == "2.0" else {"CLM-801"}), "1.0 knows no identifiers"


def test_a_late_card_counts_on_the_day_of_the_visit() -> None:
    claims = generate_claims("outpatient", 1, 1, AS_OF)
    case = claims.cases.row(0, named=True)
    batch = uploads(claims, "2.0")
    late = {"M11": "1121101080000", "M12": "2", "M49": f"{case['d9']}093000", "M52": "B" * 20}
    batch = replace(batch, visits=batch.visits.with_columns(**{k: pl.lit(v) for k, v in late.items()}))
    assert set(compare(claims, reported_visits(batch), CONTEXT).frame["code"]) == {"CLM-808"}
    told = replace(claims, cases=claims.cases.with_columns(d61=pl.lit("B" * 20)))
    assert compare(told, reported_visits(batch), CONTEXT).frame.rows() == []


def test_visits_of_another_schema_are_refused() -> None:
    claims = generate_claims("outpatient", 1, 1, AS_OF)
    with pytest.raises(ValueError, match="the visits lack the columns"):
        compare(claims, pl.DataFrame({"identifier": ["A"]}))


# ---- the revised format ----

ID = "A" * 20
D = {"d9": "1120703", "d40": "50"}
REVISED: dict[str, tuple[Kind, list[dict[str, str]], dict[str, tuple[int, int, bool]]]] = {
    "outpatient with everything": (
        "outpatient",
        [D | {"d57": "50", "d60": ID}],
        {"A": (1, 1, True), "B": (1, 1, True)},
    ),
    "no copayment, none told": ("outpatient", [D | {"d40": "0"}], {"A": (1, 1, True), "B": (1, 0, False)}),
    "copayment not told": ("outpatient", [D | {"d60": ID}], {"A": (1, 0, False), "B": (1, 1, True)}),
    "one of two": ("outpatient", [D | {"d60": ID}, D], {"A": (2, 0, False), "B": (2, 1, False)}),
    "the day before the revision": (
        "outpatient",
        [{"d9": "1120630", "d60": ID}],
        {"A": (0, 0, False), "B": (1, 1, True)},
    ),
    "a stand-in is no identifier": (
        "outpatient",
        [D | {"d57": "50", "d60": "MISS" + "0" * 16}],
        {"A": (1, 1, True), "B": (1, 0, False)},
    ),
    "too short for an identifier": (
        "outpatient",
        [D | {"d57": "50", "d60": "A1"}],
        {"A": (1, 1, True), "B": (1, 0, False)},
    ),
    "no case at all": ("outpatient", [], {"A": (0, 0, False), "B": (0, 0, False)}),
    "inpatient": ("inpatient", [{"d113": ID}], {"C": (1, 1, True)}),
    "pharmacy": ("pharmacy", [{"d45": ID}, {}], {"F": (2, 1, False)}),
}


@pytest.mark.parametrize("name", REVISED)
def test_which_items_a_file_completes(name: str) -> None:
    kind, cases, expected = REVISED[name]
    found = is_revised(build(kind, {}, [(case, []) for case in cases]))
    assert {item: (each.cases, each.revised, each.completed) for item, each in found.items()} == expected
    assert all(isinstance(each, Revision) and each.item == item for item, each in found.items())


def test_without_an_element_for_the_identifier_nothing_can_be_completed() -> None:
    chosen = assumptions.load({"claim_identifier_elements": {"pharmacy_identifier": ""}})
    assert is_revised(build("pharmacy", {}, [({}, [])], chosen)) == {}
