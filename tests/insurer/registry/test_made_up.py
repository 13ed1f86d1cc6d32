"""A made-up register: of any size, the same for the same seed, with SAMs that sign, never in place of a real one."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tests.insurer.registry.lists import CLINIC, NOW, load, table

from nhicard.identity import institution_code, national_id, signature_block
from nhicard.identity.signature_block import Block
from nhicard.insurer.intake.services import senders
from nhicard.insurer.registry import issuing, made_up, state
from nhicard.insurer.registry.loading import LoadRefused
from nhicard.insurer.registry.models import Institution, InsuredPerson, ListVersion, SecurityModule, StaffMember
from nhicard.insurer.registry.tables import table as packaged

LATER = NOW + timedelta(days=400)


def lists(institutions: int, persons: int = 0, seed: int = 1) -> dict[str, pl.DataFrame]:
    return {source.spec.name: source.rows for source in made_up.lists(institutions, persons, seed)}


# ---- the lists ----


@pytest.mark.parametrize("count", [1, 3, 8, 9, 100, 28_000, 60_000])
def test_there_are_as_many_institutions_as_were_asked_for_each_with_a_code_of_its_own(count: int) -> None:
    places = lists(count)["institutions"]
    assert places.height == places["code"].n_unique() == count
    assert places.select(institution_code.is_wellformed(pl.col("code")).all()).item()
    assert places.select(institution_code.check_digit_agrees(pl.col("code")).fill_null(True).all()).item()
    assert (places["code"].str.slice(4, 2) == "99").all(), "no real institution's township"


def test_institutions_are_spread_as_in_the_country() -> None:
    places = lists(28_000)["institutions"]
    kinds = dict(places.group_by("kind").len().rows())
    assert kinds.keys() == {"1", "2", "3", "4", "5"}
    assert kinds["1"] < kinds["2"] < kinds["3"] < kinds["5"] < kinds["4"]
    divisions = dict(places.group_by("division").len().rows())
    assert sorted(divisions) == ["1", "2", "3", "4", "5", "6"]
    assert min(divisions, key=lambda division: divisions[division]) == "6"
    counties = packaged("made_up_counties")
    assert set(places["county"]) == set(counties["county"])
    of_county = dict(counties.select("county", "division").rows())
    assert places.select((pl.col("county").replace(of_county) == pl.col("division")).all()).item()
    assert (places["code"].str.slice(2, 2) == places["county"]).all()
    lettered = places["code"].str.contains("[G-Z]").mean()
    assert isinstance(lettered, float)
    assert 0.01 < lettered < 0.3


def test_a_few_are_suspended_or_ended_and_never_both() -> None:
    made = lists(28_000)
    places, suspended = made["institutions"], made["suspensions"]
    ended = places.filter(pl.col("end").is_not_null())
    assert 0.02 < ended.height / places.height < 0.04
    assert 0 < suspended.height / places.height < 0.01
    assert suspended["end"].null_count() not in (0, suspended.height)
    assert set(suspended["institution"]) <= set(places["code"]) - set(ended["code"])


def test_staff_and_persons_are_different_people_with_valid_numbers() -> None:
    made = lists(500, 5_000)
    staff, insured = made["staff"], made["insured"]
    assert staff["id"].n_unique() == staff.height
    assert insured["id"].n_unique() == insured.height == 5_000
    assert set(staff["institution"]) == set(made["institutions"]["code"])
    assert not set(staff["id"]) & set(insured["id"])
    for rows in (staff, insured):
        assert rows.select(national_id.is_valid(pl.col("id")).all()).item()
    assert (insured["id"].str.slice(1, 1).replace({"1": "M", "2": "F"}) == insured["sex"]).all()
    assert set(insured["sex"]) == {"M", "F"}


def test_the_numbers_of_persons_do_not_repeat_beyond_ten_million() -> None:
    far = made_up._ids(pl.int_range(9_999_990, 10_000_010, eager=True).to_numpy())
    near = made_up._ids(pl.int_range(0, 20, eager=True).to_numpy())
    assert pl.concat([near, far]).n_unique() == 40


def test_the_seed_decides() -> None:
    assert all(lists(50, 50)[name].equals(rows) for name, rows in lists(50, 50).items())
    assert not lists(50)["institutions"].equals(lists(50, seed=2)["institutions"])


@pytest.mark.parametrize(("institutions", "persons", "told"), [(1, 10**9, "persons"), (10**7, 0, "codes")])
def test_there_is_an_end_to_it(institutions: int, persons: int, told: str) -> None:
    with pytest.raises(LoadRefused, match=told):
        made_up.lists(institutions, persons, 1)


# ---- the register ----


@pytest.fixture
def keys(db: None, insurer_home: Path) -> Path:
    """Where the keys of the SAMs go."""
    return insurer_home / "sams.jsonl"


def lines(file: Path) -> dict[str, dict[str, str]]:
    return {line["institution"]: line for line in map(json.loads, file.read_text().splitlines())}


def test_a_register_is_made_up(keys: Path) -> None:
    loaded, issued = issuing.generate(40, 30, 1, NOW, keys)
    assert [each.version.name for each in loaded] == ["institutions", "suspensions", "staff", "insured"]
    assert (Institution.objects.count(), SecurityModule.objects.count(), InsuredPerson.objects.count()) == (40, 40, 30)
    assert issued == 40
    assert StaffMember.objects.count() == loaded[2].version.rows
    modules = SecurityModule.objects.values_list("number", "institution__code")
    assert dict(modules) == {
        issuing.number_of(code): code for code in Institution.objects.values_list("code", flat=True)
    }


def test_its_modules_can_sign(keys: Path) -> None:
    issuing.generate(5, 0, 1, NOW, keys)
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    for sam in SecurityModule.objects.select_related("institution"):
        assert sam.is_test
        line = lines(keys)[sam.institution.code]
        key = load_pem_private_key(line["key"].encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        block = Block("0" * 32, line["institution"], line["sam"])
        message = block.message(senders.SERVICE_TYPE, NOW)
        part = signature_block.sign_part(key, message)
        sender = senders.verify(block, signature_block.pack(NOW, [part]), NOW)
        assert (sender.institution, sender.sam) == (sam.institution.code, sam.number)


def test_the_same_again_is_nothing_new(keys: Path) -> None:
    issuing.generate(20, 10, 1, NOW, keys)
    before, file = state.stamp(), keys.read_bytes()
    loaded, issued = issuing.generate(20, 10, 1, LATER, keys)
    assert (any(each.is_new for each in loaded), issued) == (False, 0)
    assert (state.stamp(), keys.read_bytes()) == (before, file)
    assert issuing.generate(20, 10, 1, LATER)[1] == 0


def _lose(file: Path) -> None:
    file.unlink()


def _lose_one(file: Path) -> None:
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))


def _of_another_certificate(file: Path) -> None:
    SecurityModule.objects.filter(number=json.loads(file.read_text().splitlines()[0])["sam"]).update(certificate="-")


@pytest.mark.parametrize(("spoil", "renewed"), [(_lose, 20), (_lose_one, 1), (_of_another_certificate, 1)])
def test_a_module_whose_key_is_not_in_the_file_is_certified_anew(
    keys: Path, spoil: Callable[[Path], None], renewed: int
) -> None:
    issuing.generate(20, 0, 1, NOW, keys)
    spoil(keys)
    assert issuing.generate(20, 0, 1, NOW, keys)[1] == renewed
    assert len(lines(keys)) == SecurityModule.objects.count() == 20
    registered = dict(SecurityModule.objects.values_list("number", "certificate"))
    assert {line["sam"]: line["certificate"] for line in lines(keys).values()} == registered


def test_a_larger_register_keeps_nothing_of_a_smaller_one_but_its_codes(keys: Path) -> None:
    issuing.generate(20, 0, 1, NOW, keys)
    issuing.generate(30, 0, 2, LATER, keys)
    today = LATER.date()
    listed = set(lists(30, seed=2)["institutions"]["code"])
    assert {each.code for each in Institution.objects.all() if each.is_contracted(today)} <= listed
    assert set(lists(20)["institutions"]["code"]) <= set(Institution.objects.values_list("code", flat=True))


@pytest.mark.parametrize("content", ["text", '{"sam": "S00000000001"}\n', "[]\n"])
def test_a_file_of_something_else_is_left_alone(keys: Path, content: str) -> None:
    keys.touch(0o600)
    keys.write_text(content)
    with pytest.raises(LoadRefused, match="left alone"):
        issuing.generate(5, 0, 1, NOW, keys)
    assert keys.read_text() == content
    assert not ListVersion.objects.exists()


def _with_a_list(folder: Path) -> None:
    load(folder, "areas", table("code", "A01"))


def _with_a_real_card(folder: Path) -> None:
    institution = Institution.objects.create(code=CLINIC, name="測試診所", kind="clinic")
    SecurityModule.objects.create(
        number="S00000000001", institution=institution, certificate="-", issued_on=datetime(2026, 1, 1).date()
    )


@pytest.mark.parametrize("real", [_with_a_list, _with_a_real_card])
def test_nothing_is_made_up_beside_real_data(keys: Path, tmp_path: Path, real: Callable[[Path], None]) -> None:
    real(tmp_path)
    before = state.stamp()
    with pytest.raises(LoadRefused, match="holds loaded lists or real cards"):
        issuing.generate(5, 0, 1, NOW, keys)
    assert state.stamp() == before
    assert not keys.exists()
