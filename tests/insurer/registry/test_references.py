"""What checks are given: the lists in force, the same object while nothing changed, persons looked up a batch."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.db import connections, transaction
from tests.insurer.faults import databases
from tests.insurer.registry.lists import CLINIC, FILES, NOW, PATIENT, PHARMACY, load, table, write

from nhicard.checks import Context, check
from nhicard.checks.cases.cases import base_record, changed
from nhicard.checks.reference import References, shipped
from nhicard.checks.reference import load as load_folder
from nhicard.checks.reference.references import LookedUp
from nhicard.formats import build
from nhicard.formats.batch import Batch
from nhicard.identity import visit_identifier
from nhicard.insurer.registry import authority, loading, made_up, references, state
from nhicard.insurer.registry.models import HealthCard, Institution, InsuredPerson, SecurityModule

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)
NOBODY = "B123456780"


def module(number: str = "SAM000000001", code: str = CLINIC) -> SecurityModule:
    institution, _ = Institution.objects.get_or_create(code=code, defaults={"name": "測試診所", "kind": "clinic"})
    return SecurityModule.objects.create(number=number, institution=institution, certificate="-", issued_on=NOW.date())


def _codes(lists: References, name: str) -> list[str]:
    return lists[name].frame.to_series().to_list()


def visits(*changes: str) -> Batch:
    return build("2.0", [changed("2.0", base_record("2.0", "bases", "outpatient"), changes)])


def found(lists: References, batch: Batch) -> set[str]:
    references.prepare(lists, batch)
    return check(batch, Context(as_of=datetime(2023, 10, 20, 12, 0), references=lists)).codes


# ---- which lists ----


def test_an_untouched_register_gives_the_shipped_lists() -> None:
    lists = references.current(NOW)
    assert set(lists) == set(shipped())
    assert all(lists[name] is shipped()[name] for name in lists)


def test_the_register_gives_what_a_folder_of_the_same_files_gives(tmp_path: Path) -> None:
    paths = write(tmp_path, {file.name: file.content for file in FILES})
    loading.load(loading.sources("auto", paths), NOW)
    expected, lists = load_folder(tmp_path), references.current(NOW)
    assert set(lists) == set(expected)
    for name in set(expected) - {"insured"}:
        given, wanted = lists[name].frame, expected[name].frame
        assert given.columns == wanted.columns, name
        assert given.sort(pl.all()).equals(wanted.sort(pl.all())), name


def test_the_source_says_files_and_moment(tmp_path: Path) -> None:
    load(tmp_path, "areas", table("code", "A01"))
    assert references.current(NOW)["areas"].source == "areas.csv (2026-03-02 09:30)"


def test_institutions_bring_the_list_of_suspensions(tmp_path: Path) -> None:
    load(tmp_path, "institutions", table("code", CLINIC))
    assert references.current(NOW)["suspensions"].frame.is_empty()


def test_security_modules_of_the_register_and_of_a_list_are_one_list(tmp_path: Path) -> None:
    assert "sams" not in references.current(NOW)
    sam = module()
    sam.revoked_at = NOW
    sam.save()
    load(tmp_path, "sams", table("sam,institution", f"SAM000000002,{PHARMACY}"))
    assert references.current(NOW)["sams"].frame.rows() == [
        ("SAM000000001", CLINIC, NOW.date(), NOW.date()),
        ("SAM000000002", PHARMACY, None, None),
    ]


def test_a_decision_can_be_replayed(tmp_path: Path) -> None:
    batch = visits()
    own = batch.visits["M05"][0]
    load(tmp_path, "institutions", table("code", own), NOW)
    load(tmp_path, "institutions", table("code", PHARMACY), LATER)
    load(tmp_path, "insured", table("id,birth,card", f"{PATIENT},0700212,1"), NOW)
    load(tmp_path, "insured", table("id,birth,card", f"{NOBODY},0700212,1"), LATER)
    codes = {at: "08" in found(references.current(at), batch) for at in (NOW, LATER, NOW + timedelta(hours=1))}
    assert codes == {NOW: False, LATER: True, NOW + timedelta(hours=1): False}
    then = references.current(NOW)["insured"]
    assert not isinstance(then, LookedUp)
    assert then.frame["id"].to_list() == [PATIENT]


# ---- the same object while nothing changed ----


def test_the_same_lists_are_the_same_object(tmp_path: Path, django_assert_num_queries: Callable[[int], Any]) -> None:
    load(tmp_path, "areas", table("code", "A01"))
    lists = references.current(NOW)
    with django_assert_num_queries(1):
        assert references.current(LATER) is lists
    load(tmp_path, "areas", table("code", "A01"), LATER)  # nothing new
    assert references.current(LATER) is lists


def _revoked() -> None:
    sam = SecurityModule.objects.get()
    sam.revoked_at = LATER
    sam.save(update_fields=["revoked_at"])


CHANGES: list[tuple[str, Callable[[Path], object]]] = [
    ("a list", lambda folder: load(folder, "areas", table("code", "A02"), LATER)),
    ("another list", lambda folder: load(folder, "beds", table("institution,bed", f"{CLINIC},A1"), LATER)),
    ("a SAM", lambda _: module("SAM000000002")),
    ("a SAM revoked", lambda _: _revoked()),
    ("a SAM deleted", lambda _: SecurityModule.objects.all().delete()),
    ("an institution", lambda _: Institution.objects.create(code=PHARMACY, name="測試藥局", kind="pharmacy")),
]


@pytest.mark.parametrize("change", [change for _, change in CHANGES], ids=[name for name, _ in CHANGES])
def test_a_change_is_seen_at_the_next_call(tmp_path: Path, change: Callable[[Path], object]) -> None:
    module()
    load(tmp_path, "areas", table("code", "A01"))
    lists, version = references.current(LATER), state.stamp().version
    change(tmp_path)
    assert references.current(LATER) is not lists
    assert state.stamp().version > version


def test_what_was_rolled_back_is_not_seen(tmp_path: Path) -> None:
    load(tmp_path, "areas", table("code", "A01"))
    lists = references.current(LATER)
    with transaction.atomic():
        load(tmp_path, "areas", table("code", "A02"), LATER)
        assert references.current(LATER)["areas"].frame["code"].to_list() == ["A02"]
        transaction.set_rollback(True)
    assert references.current(LATER) is lists
    load(tmp_path, "areas", table("code", "A03"), LATER)
    assert references.current(LATER)["areas"].frame["code"].to_list() == ["A03"]


def test_an_unchanged_list_is_not_read_again(tmp_path: Path) -> None:
    load(tmp_path, "areas", table("code", "A01"))
    areas = references.current(NOW)["areas"]
    load(tmp_path, "beds", table("institution,bed", f"{CLINIC},A1"))
    assert references.current(NOW)["areas"] is areas


def test_a_change_over_another_connection_is_seen(insurer_home: Path, tmp_path: Path) -> None:
    with databases.opened(insurer_home), ThreadPoolExecutor(1) as other:
        before = references.current(LATER)
        assert references.current(LATER) is before
        other.submit(load, tmp_path, "areas", table("code", "A01"), NOW).result()
        after = references.current(LATER)
        assert after is not before
        assert _codes(after, "areas") == ["A01"]
        assert other.submit(references.current, LATER).result() is after
        other.submit(connections.close_all).result()


# ---- insured persons ----

PERSONS = [
    "A123456789,0700212,000012345678,1090101,,M",
    "A123456789,0700212,000012345679,1080101,1081231,M",
    "B123456780,0750505,000012345670,,1121015,F",
    "A800000014,0800101,,,,",
]
HEADER = "id,birth,card,start,end,sex"
ASKED = [  # what a visit says of the person: ID, birth, card, day of the visit
    *(f"M03={person.split(',')[0]} M04={person.split(',')[1]} M02={person.split(',')[2]}" for person in PERSONS),
    "M03=A123456789 M04=0700212 M02=000012345670",
    "M03=A123456789 M04=0700213 M02=000012345678",
    "M03=F131104093 M04=0700212 M02=000012345678",
    "M03=A123456789 M04=0700212 M02=000012345678 M13=FORE",
    "M03=F131104093 M04=0700212 M02=000012345678 M13=FORE",
    "M03= M04=0700212",
]


@pytest.mark.parametrize("asked", ASKED)
def test_looked_up_persons_answer_as_the_whole_list_does(tmp_path: Path, asked: str) -> None:
    load(tmp_path, "insured", table(HEADER, *PERSONS))
    whole, looked_up = load_folder(tmp_path), references.current(NOW)
    assert isinstance(looked_up["insured"], LookedUp)
    batch = visits(*asked.split())
    assert found(looked_up, batch) == found(whole, batch)


def test_the_answers_differ_from_person_to_person(tmp_path: Path) -> None:
    load(tmp_path, "insured", table(HEADER, *PERSONS))
    lists = references.current(NOW)
    answers = ["05" in found(lists, visits(*asked.split())) for asked in ASKED]
    assert answers[0] is answers[1] is False
    assert answers[4] is answers[5] is answers[6] is True


def test_a_batch_costs_one_query_whatever_its_size(
    tmp_path: Path, django_assert_num_queries: Callable[[int], Any]
) -> None:
    persons = made_up.lists(1, 3_000, 1)[-1]
    loading.load([persons], NOW)
    insured = references.current(NOW)["insured"]
    assert isinstance(insured, LookedUp)
    with django_assert_num_queries(1):
        insured.prepare(persons.rows["id"].unique())
    expected = persons.rows.sort("id")
    assert insured.frame.select(expected.columns).sort("id").equals(expected)


def test_a_list_that_was_not_prepared_never_says_no(tmp_path: Path) -> None:
    load(tmp_path, "insured", table(HEADER, *PERSONS))
    insured = references.current(NOW)["insured"]
    with pytest.raises(LookupError, match="prepared"):
        insured.among(pl.Series([PATIENT]))
    references.prepare(references.current(NOW), visits(f"M03={NOBODY}"))
    with pytest.raises(LookupError, match="not prepared for"):
        insured.validities(pl.Series([PATIENT]))
    with ThreadPoolExecutor(1) as thread, pytest.raises(LookupError, match="before it was prepared"):
        thread.submit(lambda: insured.frame).result()


@pytest.mark.parametrize(
    ("status", "listed", "covered"),
    [(0, False, True), (3228, False, False), (0, True, False), (3228, True, False)],
)
def test_cards_of_the_data_centre_are_cards_too(tmp_path: Path, status: int, listed: bool, covered: bool) -> None:
    rows = [f"{PATIENT},0700212,000012345678,1090101,1091231,M"] if listed else [PERSONS[2]]
    load(tmp_path, "insured", table(HEADER, *rows))
    person, _ = InsuredPerson.objects.update_or_create(
        id_no=PATIENT, defaults={"birthday": date(1981, 2, 12), "sex": "M", "insurance_status": status}
    )
    HealthCard.objects.create(
        number="V00000000001", person=person, certificate="-", issued_on=NOW.date(), valid_until=NOW.date()
    )
    insured = references.current(NOW)["insured"]
    assert isinstance(insured, LookedUp)
    insured.prepare(pl.Series([PATIENT]))
    assert (PATIENT, "0700212", "V00000000001") in insured.frame.select("id", "birth", "card").rows()
    day = NOW.date()
    holds = (pl.col("start").is_null() | (pl.col("start") <= day)) & (pl.col("end").is_null() | (pl.col("end") >= day))
    assert bool(insured.frame.filter(holds).height) is covered


def test_without_the_list_nobody_is_looked_up() -> None:
    lists = references.current(NOW)
    references.prepare(lists, visits())
    assert "insured" not in lists


# ---- the verifier ----


def test_identifiers_of_all_institutions_that_ever_were_are_opened(insurer_home: Path, tmp_path: Path) -> None:
    assert references.verifier() is None
    load(tmp_path, "institutions", table("code", CLINIC))
    load(tmp_path, "institutions", table("code", PHARMACY), LATER)
    verifier = references.verifier()
    assert verifier is not None
    keys = authority.authority().keys
    issued = [
        visit_identifier.issue_one(keys, person=PATIENT, institution=code, time=NOW, service="tap")
        for code in (CLINIC, PHARMACY, "3501200019")
    ]
    assert verifier.open(pl.Series(issued))["institution"].to_list() == [CLINIC, PHARMACY, None]
    assert references.verifier() is verifier
    module(code="3501200019")
    renewed = references.verifier()
    assert renewed is not None
    assert renewed.open(pl.Series(issued))["institution"].null_count() == 0


def test_old_lists_are_forgotten(tmp_path: Path) -> None:
    """A service that loads new lists for months keeps no more of the old ones than a few."""
    import gc
    import weakref

    load(tmp_path, "areas", table("code", "A01"))
    old = references.current(NOW)["areas"]
    old.among(pl.Series(["A01"]))
    watched = weakref.ref(old)
    del old
    references._whole.cache_clear()
    references._assembled.cache_clear()
    gc.collect()
    assert watched() is None
