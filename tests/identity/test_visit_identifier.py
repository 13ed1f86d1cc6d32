"""The visit identifier: what goes in comes out, nothing else opens, and no two are alike."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from string import ascii_uppercase, digits

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nhicard.identity import institution_code, national_id
from nhicard.identity import visit_identifier as module
from nhicard.identity.keyring import Key, KeyRing
from nhicard.identity.visit_identifier import NotEncodable, issue, issue_one, open_all, open_one, services

ROTATION = datetime(2024, 1, 1)
ONE_KEY = KeyRing((Key(1, datetime(2020, 1, 1), None, bytes(range(32))),))
TWO_KEYS = KeyRing(
    (Key(1, datetime(2020, 1, 1), ROTATION, bytes(range(32))), Key(2, ROTATION, None, bytes(range(1, 33))))
)
MOMENT = datetime(2023, 10, 16, 9, 30, 15)
FACTS = {"person": "A123456789", "institution": "3501200000", "time": MOMENT}

people = st.builds(
    lambda letter, second, number: national_id.with_check_digit([f"{letter}{second}{number:07d}"])[0],
    st.sampled_from(ascii_uppercase),
    st.sampled_from("1289ABCD"),
    st.integers(0, 9_999_999),
)
institutions = st.from_regex(r"(?:[0-9]{2}|9A)[0-9]{4}[0-9G-Z]{3}[0-9]", fullmatch=True)
times = st.datetimes(module.EPOCH, module.END - timedelta(seconds=1)).map(lambda time: time.replace(microsecond=0))


def register(*codes: str) -> pl.Series:
    return pl.Series(codes, dtype=pl.String)


@given(people, institutions, times, st.sampled_from(list(services())))
@example("OD99999996", "9A9999ZZZ9", module.END - timedelta(seconds=1), "web_no_card")
@example("A100000001", "0000000000", module.EPOCH, "tap")
def test_what_goes_in_comes_out(person: str, institution: str, time: datetime, service: str) -> None:
    identifier = issue_one(TWO_KEYS, person=person, institution=institution, time=time, service=service)
    assert re.fullmatch("[0-9A-Z]{20}", identifier)
    assert open_one(TWO_KEYS, identifier, register(institution)) == {
        "person": person,
        "institution": institution,
        "time": time,
        "service": service,
        "key": 1 if time < ROTATION else 2,
    }
    assert open_one(TWO_KEYS, identifier, register("3501200001" if institution != "3501200001" else "0")) is None


def test_identifiers_are_distinct_and_come_back_in_their_order() -> None:
    """Neighbours in every fact: two people, two institutions, many seconds, all services."""
    rows = [
        (person, institution, ROTATION + timedelta(seconds=second), service)
        for person in ("A123456789", "F131104093")
        for institution in ("3501200000", "350120GZ00")
        for second in range(-150, 150)
        for service in services()
    ]
    facts = pl.DataFrame(rows, schema=["person", "institution", "time", "service"], orient="row")
    made = issue(TWO_KEYS, **facts.to_dict())
    assert made.n_unique() == len(rows)
    opened = open_all(TWO_KEYS, made, facts["institution"].unique())
    assert opened.select(facts.columns).equals(facts)
    assert set(opened["key"]) == {1, 2}


def test_neighbours_have_nothing_in_common() -> None:
    """Sequential facts do not show: about one character in 36 agrees by chance."""
    time = pl.Series([MOMENT + timedelta(seconds=second) for second in range(2_000)])
    same = {name: pl.Series([FACTS[name]] * 2_000) for name in ("person", "institution")}
    made = issue(ONE_KEY, time=time, service=pl.Series(["tap"] * 2_000), **same)
    letters = np.array([list(text) for text in made])
    assert abs((letters[1:] == letters[:-1]).mean() - 1 / 36) < 0.005


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"person": "A123456788"}, "neither a national ID nor a resident number"),
        ({"person": "a123456789"}, "neither a national ID nor a resident number"),
        ({"person": ""}, "neither a national ID nor a resident number"),
        ({"institution": "350120000"}, "institution code"),
        ({"institution": "35012000A0"}, "institution code"),
        ({"service": "fax"}, "'fax'"),
        ({"time": datetime(2019, 12, 31, 23, 59, 59)}, "no key serves visits of that time"),
        ({"time": module.END}, "no key serves visits of that time"),
    ],
)
def test_facts_that_do_not_fit_are_named_without_their_values(changed: dict[str, object], says: str) -> None:
    facts = {**FACTS, "service": "tap", **changed}
    with pytest.raises(NotEncodable, match=says) as refused:
        issue_one(ONE_KEY, **facts)  # type: ignore[arg-type]
    told = str(refused.value)
    for value in (facts["person"], facts["institution"]):
        assert not value or str(value) not in told
    columns = {name: pl.Series([value]) for name, value in facts.items()}
    assert issue(ONE_KEY, **columns).to_list() == [None]


def test_a_row_that_does_not_fit_leaves_the_others_alone() -> None:
    people_told = pl.Series(["A123456789", None, "A123456788", "F131104093"])
    same = {name: pl.Series([FACTS[name]] * 4) for name in ("institution", "time")}
    made = issue(ONE_KEY, person=people_told, service=pl.Series(["tap"] * 4), **same)
    assert made.is_null().to_list() == [False, True, True, False]
    assert open_all(ONE_KEY, made, register("3501200000"))["person"].to_list() == [
        "A123456789", None, None, "F131104093",
    ]  # fmt: skip


MALFORMED = [
    "",
    " ",
    "short",
    "a" * 20,
    "1" * 19,
    "1" * 21,
    "1" * 20 + "\n",
    "１" * 20,
    "1A2B3C4D5E6F7G8H9J0k",
    "'" * 20,
]


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_strings_are_not_genuine(text: str) -> None:
    genuine = issue_one(ONE_KEY, **FACTS, service="tap")  # type: ignore[arg-type]
    opened = open_all(ONE_KEY, pl.Series([text, genuine, None]), register("3501200000"))
    assert opened["key"].to_list() == [None, 1, None]


@given(st.integers(0, 19), st.sampled_from(digits + ascii_uppercase))
def test_one_changed_character_makes_it_worthless(place: int, character: str) -> None:
    genuine = issue_one(ONE_KEY, **FACTS, service="tap")  # type: ignore[arg-type]
    changed = genuine[:place] + character + genuine[place + 1 :]
    assert (open_one(ONE_KEY, changed, register("3501200000")) is not None) == (changed == genuine)


def test_a_key_vouches_for_its_own_span_only() -> None:
    """What an old key issues for a later time, once it has leaked, is not genuine."""
    leaked = KeyRing((Key(1, datetime(2020, 1, 1), None, bytes(range(32))),))
    late = issue_one(leaked, **{**FACTS, "time": ROTATION}, service="tap")  # type: ignore[arg-type]
    last = issue_one(leaked, **{**FACTS, "time": ROTATION - timedelta(seconds=1)}, service="tap")  # type: ignore[arg-type]
    opened = open_all(TWO_KEYS, pl.Series([late, last]), register("3501200000"))
    assert opened["key"].to_list() == [None, 1]


def test_the_bound_on_chance_follows_from_the_constants() -> None:
    """A random first half meets one of 40,000 institutions with the probability that the module states."""
    half = 36**10
    assert half >= institution_code.NUMBERS * module._QUOTIENTS
    assert half >= national_id.NUMBERS * module._REMAINDERS
    assert (module.END - module.EPOCH).total_seconds() <= module._QUOTIENTS * module._REMAINDERS // module.SERVICES
    assert max(service.number for service in services().values()) < module.SERVICES
    assert pytest.approx(2.7e11, rel=0.02) == institution_code.NUMBERS
    chance = 40_000 * module._QUOTIENTS / half
    assert chance == pytest.approx(1.5e-7, rel=0.03)
    assert chance < 1e-6
    assert module.END.year == 2066


def test_random_strings_do_not_open() -> None:
    rng = np.random.default_rng(20)
    letters = np.array(list(digits + ascii_uppercase))[rng.integers(0, 36, (200_000, 20))]
    strings = pl.Series(np.ascontiguousarray(letters).view("U20").reshape(-1), dtype=pl.String)
    codes = institution_code.from_number(np.unique(rng.integers(0, institution_code.NUMBERS, 41_000))[:40_000])
    assert codes.n_unique() == 40_000
    assert open_all(TWO_KEYS, strings, codes)["key"].null_count() == 200_000


def test_services_are_told_in_both_languages() -> None:
    assert len({service.number for service in services().values()}) == len(services())
    for name, service in services().items():
        assert service.name == name
        assert re.search("[\u4e00-\u9fff]", service.name_zh)
        assert service.name_en.isascii()
        assert service.card in {"HC", "virtual", "none"}
