"""A verifier in the check: answers by column, rules off without one, nothing asked twice."""

from __future__ import annotations

from datetime import datetime
from importlib.resources import files

import polars as pl
import pytest

from nhicard.checks import Context, check
from nhicard.checks.cases.cases import DEFAULT_AS_OF, NO_LISTS, base_record, changed
from nhicard.checks.explanation import explain_code
from nhicard.checks.official import official
from nhicard.checks.plan import roots_of
from nhicard.checks.rule import rules
from nhicard.checks.verification import FACTS, IDENTIFIERS, SIGNATURES, KeyVerifier, Verifier, needs_keys
from nhicard.formats import EDITIONS, Batch, Edition, assumptions, build, fields
from nhicard.identity import visit_identifier, visit_signatures
from nhicard.identity.keyring import Key, KeyRing

KEYS = KeyRing((Key(1, datetime(2020, 1, 1), None, bytes(range(32))),))
TIME = datetime(2023, 10, 16, 9, 30, 15)
INSTITUTION = "3501200000"


def issued(person: str = "A123456789", institution: str = INSTITUTION, service: str = "tap") -> str:
    return visit_identifier.issue_one(KEYS, person=person, institution=institution, time=TIME, service=service)


def verifier(*institutions: str) -> KeyVerifier:
    return KeyVerifier(KEYS, pl.Series(institutions or [INSTITUTION]))


def outpatient(edition: Edition, *changes: str, copies: int = 1) -> Batch:
    return build(edition, [changed(edition, base_record(edition, "bases", "outpatient"), changes)] * copies)


class Counting:
    """A verifier that knows nothing and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str | None]] = []

    def open(self, identifiers: pl.Series) -> pl.DataFrame:
        self.asked.append(identifiers.to_list())
        return pl.DataFrame(schema=FACTS).clear(len(identifiers))

    def visits_signed(self, visits: pl.DataFrame) -> pl.Series:
        self.asked.append(visits["signature"].to_list())
        return visits["signature"].is_not_null()

    def orders_signed(self, orders: pl.DataFrame) -> pl.Series:
        self.asked.append(orders["signature"].to_list())
        return orders["signature"].is_not_null()


# ---- the tables ----


def test_signatures_name_the_facts_that_are_signed() -> None:
    facts = {"visit": visit_signatures.VISIT, "order": visit_signatures.ORDER}
    for field, signature in SIGNATURES.items():
        assert tuple(signature.facts) == facts[signature.of], field
        edition: Edition = "1.0" if field.startswith("A") else "2.0"
        assert {field, *signature.facts.values()} <= set(fields(edition))
    for field, facts_of in IDENTIFIERS.items():
        assert {field, *facts_of} <= set(fields("2.0"))


def test_signatures_of_both_editions_cover_the_same_fields() -> None:
    """A field of 2.0 goes with the one of 1.0 that the field table names as its predecessor."""
    table = pl.read_csv((files("nhicard.formats") / "data" / "fields20.csv").read_bytes(), infer_schema=False)
    predecessor = dict(table.select("id", "maps_from_10").iter_rows())
    for new, old in (("M14", "A22"), ("D11", "A79")):
        assert predecessor[new] == old
        assert {fact: predecessor[field] for fact, field in SIGNATURES[new].facts.items()} == SIGNATURES[old].facts


def test_refused_services_exist() -> None:
    for code, names in assumptions.load()["identifier_services_refused"].items():
        assert code in official("2.0")
        assert names
        assert set(names) <= set(visit_identifier.services())


# ---- KeyVerifier ----


def test_identifiers_are_opened_row_by_row() -> None:
    other = issued("F131104093", service="no_card")
    opened = verifier().open(pl.Series([other, None, "1A2B3C4D5E6F7G8H9J0K", issued(), other, "too short"]))
    assert opened.schema == pl.Schema(FACTS)
    assert opened["person"].to_list() == ["F131104093", None, None, "A123456789", "F131104093", None]
    assert opened["service"].to_list() == ["no_card", None, None, "tap", "no_card", None]
    assert opened.row(3) == ("A123456789", INSTITUTION, TIME, "tap")


@pytest.mark.parametrize("identifiers", [[], [None], [None, None]])
def test_nothing_to_open(identifiers: list[None]) -> None:
    opened = verifier().open(pl.Series(identifiers, dtype=pl.String))
    assert opened.schema == pl.Schema(FACTS)
    assert opened.rows() == [(None,) * 4] * len(identifiers)


def test_only_institutions_of_the_register_are_believed() -> None:
    identifier = pl.Series([issued(institution="5901010010")])
    assert verifier().open(identifier)["person"].to_list() == [None]
    assert verifier(INSTITUTION, "5901010010", "5901010010").open(identifier)["person"].to_list() == ["A123456789"]


# ---- in the check ----


@pytest.mark.parametrize("edition", EDITIONS)
def test_without_a_verifier_exactly_these_rules_are_off_and_say_why(edition: Edition) -> None:
    batch = outpatient(edition)
    without = check(batch, Context(as_of=DEFAULT_AS_OF, references=NO_LISTS))
    found = check(batch, Context(as_of=DEFAULT_AS_OF, references=NO_LISTS, verifier=verifier()))
    off = {entry.code: entry for entry in without.rules_off if entry.reason == "keys"}
    signatures, identifiers = {"04", "16"}, {f"D{n:03}" for n in (2, 3, 4, 5, 58, 69, 70, 71, 72, 74, 75, 76)}
    assert set(off) == (signatures if edition == "1.0" else signatures | identifiers)
    assert {entry.zh for entry in off.values()} == {"需要保險人的金鑰（--keys）"}
    assert {entry.en for entry in off.values()} == {"needs the insurer's keys (--keys)"}
    assert not off.keys() & {entry.code for entry in found.rules_off}
    assert not off.keys() & without.codes


@pytest.mark.parametrize("edition", EDITIONS)
def test_codes_that_need_cryptography_by_the_official_table_ask_for_it(edition: Edition) -> None:
    chosen = assumptions.load()
    asking = {
        code
        for code, rule in rules(edition).items()
        for _, expression in (rule.breaks(chosen) if all(chosen[name] for name in rule.off_without) else [])
        if any(map(needs_keys, roots_of(expression)))
    }
    by_table = {code for code, entry in official(edition).items() if entry.needs == "crypto"}
    assert asking == (by_table if edition == "2.0" else {"04", "16"})  # the table of 1.0 does not say
    for code in asking:
        entry = explain_code(edition, code)
        assert entry.rule is not None
        assert "--keys" in entry.rule.more[-1]
        assert entry.reads


def test_each_column_is_asked_for_once_a_batch() -> None:
    counting: Verifier = Counting()
    batch = outpatient("2.0", "M15=" + issued(), "M52=MISS0000000000000000", "M14= ", copies=3)
    check(batch, Context(as_of=DEFAULT_AS_OF, references=NO_LISTS, verifier=counting))
    assert isinstance(counting, Counting)
    drug, procedure = batch.orders["D11"].to_list()[:2]
    assert sorted(counting.asked, key=str) == sorted(
        [[issued()] * 3, [None] * 3, [None] * 3, [None] * 3, [drug, procedure] * 3], key=str
    )


@pytest.mark.parametrize(
    ("field", "value", "is_stand_in"),
    [
        ("M15", "SM000000000000000000", True),
        ("M15", "SM000000000000000001", False),
        ("M52", "MISS0000000000000000", True),
        ("M16", "99999999999999999999", True),
        ("M16", "G0000000000000000000", True),
        ("M16", "G000000000000000000", False),
        ("M16", "H0000000000000000000", False),
        ("M15", "G0000000000000000000", False),
        ("M15", "１" * 20, False),
    ],
)
def test_stand_ins_are_not_opened(field: str, value: str, is_stand_in: bool) -> None:
    batch = outpatient("2.0", f"M15={issued()}", f"{field}={value}")
    found = check(batch, Context(as_of=DEFAULT_AS_OF, references=NO_LISTS, verifier=verifier()))
    refused = [row["field"] for row in found if row["code"] == "D002"]
    assert refused == ([] if is_stand_in else [field])


def test_any_content_is_checked_without_raising() -> None:
    hostile = ["\x00" * 20, "é" * 20, "x" * 5_000, "'; --", "０" * 128, "0" * 128, "\ud7ff" * 20]
    batch = build(
        "2.0",
        [
            changed("2.0", base_record("2.0", "bases", "outpatient"), tuple(
                f"{field}={text}" for field in ("M14", "M15", "M16", "M52", "M03", "M05", "M11", "D11[*]", "D10[1]")
            ))
            for text in hostile
        ],
    )  # fmt: skip
    found = check(batch, Context(as_of=DEFAULT_AS_OF, references=NO_LISTS, verifier=verifier()))
    refused = {(row["field"], row["code"]) for row in found}
    assert {("M14", "04"), ("D11", "16"), ("M15", "D002"), ("M16", "D002"), ("M52", "D002")} <= refused
