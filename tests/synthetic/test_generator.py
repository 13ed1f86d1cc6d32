"""Made-up files are right in every rule, tell the same visits in both editions, and are varied."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest
from lxml import etree
from polars import col

from nhicard.formats import read, write
from nhicard.formats.tables import EDITIONS, Edition
from nhicard.identity import institution_code, national_id
from nhicard.identity.keyring import KeyRing
from nhicard.identity.visit_identifier import open_all
from nhicard.synthetic import examples, generate, slices
from nhicard.synthetic.generator import SLICE_VISITS
from nhicard.synthetic.tables import table
from tests.synthetic.conftest import AS_OF, KEYS, checked, checked_with_keys, counts, made_up, made_up_with_keys


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize(("seed", "institutions"), [(1, 1), (2, 2), (3, 6), (4, 30)])
def test_every_record_is_accepted(edition: Edition, seed: int, institutions: int) -> None:
    findings = checked(made_up(edition, seed, 2_000, institutions))
    assert counts(findings.frame) == []
    assert findings.accepted == 2_000


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize(
    "as_of",
    [
        datetime(2022, 7, 15),  # the earliest
        datetime(2023, 10, 20, 12),
        datetime(2024, 3, 1, 0, 0, 1),  # after a leap day
        datetime(2026, 1, 1, 23, 59, 59),
    ],
)
def test_accepted_whenever_uploaded(edition: Edition, as_of: datetime) -> None:
    assert counts(checked(generate(edition, 1_000, 7, as_of, 6), as_of).frame) == []


@pytest.mark.parametrize("edition", EDITIONS)
def test_one_seed_one_file(edition: Edition) -> None:
    once, again, other = (write(generate(edition, 300, seed, AS_OF, 3)) for seed in (5, 5, 6))
    assert once == again
    assert once != other


@pytest.mark.parametrize("edition", EDITIONS)
def test_with_keys_every_identifier_and_signature_is_genuine(edition: Edition) -> None:
    batch = made_up_with_keys(edition)
    findings = checked_with_keys(batch, batch)
    assert counts(findings.frame) == []
    assert "keys" not in {off.reason for off in findings.rules_off}
    other = checked_with_keys(batch, batch, KeyRing.new(datetime(2020, 1, 1)))
    refused = {(row["field"], row["code"]) for row in other}
    signatures = {("A22", "04"), ("A79", "16")} if edition == "1.0" else {("M14", "04"), ("D11", "16")}
    identifiers = {("M15", "D002"), ("M16", "D002"), ("M52", "D002"), ("M16", "D074")}
    assert refused == signatures | (identifiers if edition == "2.0" else set())


def test_identifiers_come_from_the_service_that_fits_the_visit() -> None:
    visits = made_up_with_keys("2.0").visits
    codes = pl.concat([visits["M05"], visits["M17"]])
    opened = open_all(KEYS, visits["M15"], codes)
    told = visits.hstack(opened.get_columns())
    services = told.select(col.H01, late=col.M12 != "1", virtual=col.M13.str.starts_with("W"), service="service")
    assert set(services.filter(col.H01 == "B")["service"]) == {"no_card"}
    assert set(services.filter((col.H01 == "A") & col.late)["service"]) == {"late_tap"}
    assert set(services.filter((col.H01 == "A") & ~col.late & col.virtual)["service"]) == {"virtual_tap"}
    assert set(opened["key"]) == {1, 2}
    assert set(open_all(KEYS, visits["M52"], codes)["service"].drop_nulls()) == {"no_card"}
    assert set(open_all(KEYS, visits["M16"], codes)["service"].drop_nulls()) == {"tap"}


@pytest.mark.parametrize("edition", EDITIONS)
def test_with_keys_nothing_else_differs(edition: Edition) -> None:
    plain, genuine = generate(edition, 500, 3, AS_OF, 6), made_up_with_keys(edition)
    made = {"M14", "M15", "M16", "M52", "D11", "A22", "A79"}
    for before, after in ((plain.visits, genuine.visits), (plain.orders, genuine.orders)):
        same = [name for name in before.columns if name not in made]
        assert after.select(same).equals(before.select(same))
        for name in made & set(before.columns):
            assert after[name].is_null().equals(before[name].is_null()), name


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_file_can_be_read_back(edition: Edition) -> None:
    batch = made_up(edition)
    assert read(write(batch)).visits.equals(batch.visits)
    assert read(write(batch)).orders.equals(batch.orders)


def test_slices_make_up_the_file() -> None:
    visits = SLICE_VISITS + 50
    parts = list(slices("2.0", visits, 1, AS_OF))
    assert [part.visits.height for part in parts] == [SLICE_VISITS, 50]
    assert [part.first_record for part in parts] == [1, SLICE_VISITS + 1]
    whole = generate("2.0", visits, 1, AS_OF)
    assert whole.visits["record"].to_list() == list(range(1, visits + 1))
    assert (whole.visits["record"][whole.orders["visit"]] == whole.orders["record"]).all()


@pytest.mark.parametrize(
    ("visits", "institutions", "as_of"), [(0, 1, AS_OF), (1, 0, AS_OF), (1, 1, datetime(2022, 7, 14))]
)
def test_what_cannot_be_made_is_refused(visits: int, institutions: int, as_of: datetime) -> None:
    with pytest.raises(ValueError, match=r"at least one|before"):
        generate("2.0", visits, 1, as_of, institutions)


def test_without_rare_characters_other_programs_can_read_it() -> None:
    rare = generate("2.0", 2_000, 1, AS_OF)
    plain = generate("2.0", 2_000, 1, AS_OF, rare_characters=False)
    assert plain.orders.drop("D15").equals(rare.orders.drop("D15"))
    assert len(etree.fromstring(write(plain))) == 2_000
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(write(rare))


SAME_IN_BOTH = {
    "A11": "M02",
    "A12": "M03",
    "A13": "M04",
    "A14": "M05",
    "A15": "M06",
    "A16": "M01",
    "A17": "M11",
    "A20": "M08",
    "A21": "M09",
    "A22": "M14",
    "A23": "M07",
    "A24": "M10",
    "A26": "M36",
    "A31": "M44",
    "A32": "M45",
    "A33": "M46",
    "A34": "M47",
    "A55": "M51",
}
SAME_ORDERS = {"A73": "D06", "A74": "D07", "A75": "D08", "A76": "D09", "A77": "D10", "A79": "D11"}


def test_both_editions_tell_the_same_visits() -> None:
    old, new = made_up("1.0").visits, made_up("2.0").visits
    visit_data = (old["A00"] == "1") & (new["H00"] == "1")
    assert visit_data.sum() > 1_900
    for ten, twenty in SAME_IN_BOTH.items():
        assert old.filter(visit_data)[ten].equals(new.filter(visit_data)[twenty], null_equal=True), ten
    late = new["M12"].replace({"3": "2", "4": "2"})
    assert old.filter(visit_data)["A19"].equals(late.filter(visit_data))


def test_both_editions_tell_the_same_orders() -> None:
    old, new = made_up("1.0"), made_up("2.0")
    returns = new.visits.filter(col.M07 == "AI")["record"]
    told = old.orders.filter((col.A72 != "G") & ~col.record.is_in(returns.implode()))
    retold = new.orders.filter(col.D02.is_in(["1", "2", "M"]))
    for ten, twenty in SAME_ORDERS.items():
        assert told[ten].equals(retold[twenty], null_equal=True), ten


def test_people_and_institutions_are_well_formed() -> None:
    visits = made_up("2.0", institutions=30).visits
    for field in ("M03", "M06"):
        assert visits.select(national_id.is_valid(col(field)).all()).item()
    for field in ("M05", "M17"):
        assert visits.select(institution_code.is_wellformed(col(field)).all()).item()
        assert visits.select(institution_code.check_digit_agrees(col(field)).all()).item()
    assert visits["M05"].n_unique() == 30
    assert visits["M15"].n_unique() == visits.height
    residents = visits["M03"].str.slice(1, 1).is_in(["8", "9"])
    assert 0 < residents.sum() < visits.height // 10


# What a file of some size must hold, as conditions on visits and on orders.
VISITS = {
    "western outpatients are the largest group": (col.M07 == "01").mean() > 0.3,
    "every category of the table of kinds": col.M07.n_unique() == table("kinds")["category"].n_unique(),
    "pharmacies only dispense": (col.M07 == "AF").eq(col.M05.str.starts_with("59")).all(),
    "vaccinations": (col.H00 == "2").any(),
    "test results": (col.H00 == "5").any(),
    "abnormal uploads": ((col.H01 == "B") & (col.H00 == "1")).mean().is_between(0.005, 0.05),
    "late cards": (col.M12 == "2").any(),
    "late cards without the identifier": (col.M12 == "4").any(),
    "first cards": (col.M12 == "3").any(),
    "newborn girls": col.M10.is_in(list("ab")).any(),
    "newborn boys": col.M10.is_in(list("AB")).any(),
    "virtual cards": col.M13.str.starts_with("W").any(),
    "refill prescriptions issued and dispensed": ((col.M26.is_in(["2", "3"])) & (col.M33 == "1")).any(),
    "refill prescriptions handed out": ((col.M23 == "1") & (col.M33 == "0")).any(),
    "refills": ((col.M07 == "AE") & col.M33.is_in(["2", "3"])).any(),
    "refills at pharmacies": ((col.M07 == "AF") & col.M33.is_in(["2", "3"])).any(),
}
ORDERS = {
    "released drugs": ((col.D02 == "M") & (col.D05 == "1")).any(),
    "virtual orders": ((col.D02 == "G") & col.D06.str.starts_with("R00")).any(),
    "teeth": col.D07.str.contains("^[1-8][1-8]$").any(),
    "two teeth at once": (col.D07.str.len_bytes() == 4).any(),
    "Chinese-medicine drugs": (col.D06.str.len_bytes() == 7).any(),
    "injections": (col.D14 == "IM").any(),
    "allergies as text": col.E04.is_not_null().any(),
    "allergies as code": col.E02.is_not_null().any(),
    "characters of the ETEN extension": col.D15.str.contains("①").any(),
    "user-defined characters": col.D15.str.contains("[\ue000-\uf848]").any(),
    "markup characters": col.D15.str.contains("<").any(),
}


@pytest.mark.parametrize(("frame", "wanted"), [("visits", VISITS), ("orders", ORDERS)])
def test_a_file_is_varied(frame: str, wanted: dict[str, pl.Expr]) -> None:
    batch = made_up("2.0", seed=11, visits=12_000)
    found = getattr(batch, frame).select(**wanted).row(0, named=True)
    assert [name for name, holds in found.items() if not holds] == []


def test_the_official_examples_are_packaged() -> None:
    batch = read(examples().read_bytes())
    assert batch.edition == "1.0"
    assert batch.visits["A23"].to_list() == ["01", "04", "04", "BD", "05", "BB"]
