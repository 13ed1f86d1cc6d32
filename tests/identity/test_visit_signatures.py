"""Security and prescription signatures: what they bind, and what padding they do not mind."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import polars as pl
import pytest

from nhicard.formats import rocdate
from nhicard.identity.keyring import Key, KeyRing
from nhicard.identity.visit_signatures import ORDER, VISIT, orders_signed, sign_orders, sign_visit, visits_signed

ROTATION = datetime(2023, 10, 16, 12)
OLD = Key(1, datetime(2020, 1, 1), ROTATION, bytes(range(32)))
NEW = Key(2, ROTATION, None, bytes(range(1, 33)))
KEYS = KeyRing((OLD, NEW))

Told = dict[str, str | None]
MADE_VISIT = {
    "institution": "3501200000",
    "sam": "SAM000000001",
    "card": "000012345678",
    "person": "A123456789",
    "time": "1121016093015",
    "sequence": "0001",
}
MADE_ORDER: Told = {
    "institution": "3501200000",
    "person": "A123456789",
    "time": "1121016093015",
    "code": "A000015421",
    "site": None,
    "usage": "TID",
    "days": "7",
    "total": "21.0",
}


def frame(told: Told, **changes: str | None) -> pl.DataFrame:
    facts = {**told, **changes}
    return pl.DataFrame([facts], schema=dict.fromkeys(facts, pl.String))


def moments(facts: pl.DataFrame) -> pl.Series:
    return facts.select(rocdate.as_datetime(pl.col("time"))).to_series()


def visit_holds(signature: str | None, **changes: str | None) -> Any:
    told = frame({**MADE_VISIT}, signature=signature, **changes)
    return visits_signed(KEYS, told, moments(told))[0]


def order_holds(signature: str | None, **changes: str | None) -> Any:
    told = frame(MADE_ORDER, signature=signature, **changes)
    return orders_signed(KEYS, told, moments(told))[0]


VISIT_SIGNATURE = sign_visit(OLD, **MADE_VISIT)
ORDER_SIGNATURE = sign_orders(OLD, frame(MADE_ORDER))[0]


def test_signatures_have_the_lengths_of_their_fields() -> None:
    assert re.fullmatch("[0-9A-F]{128}", VISIT_SIGNATURE)
    assert re.fullmatch("[0-9A-F]{40}", ORDER_SIGNATURE)


def test_the_tables_name_every_fact() -> None:
    assert set(VISIT) == set(MADE_VISIT)
    assert set(ORDER) == set(MADE_ORDER)


def test_a_genuine_signature_holds_and_a_blank_one_says_nothing() -> None:
    assert (visit_holds(VISIT_SIGNATURE), visit_holds(None)) == (True, None)
    assert (order_holds(ORDER_SIGNATURE), order_holds(None)) == (True, None)


OTHER = {"time": "1121016093016", "days": "8", "total": "21.5", "code": "A000015422", "site": "A", "usage": "BID"}


@pytest.mark.parametrize("fact", VISIT)
@pytest.mark.parametrize("value", ["X", None])
def test_every_fact_of_a_visit_is_bound(fact: str, value: str | None) -> None:
    assert visit_holds(VISIT_SIGNATURE, **{fact: value and OTHER.get(fact, value)}) is False


@pytest.mark.parametrize("fact", ORDER)
def test_every_fact_of_an_order_is_bound(fact: str) -> None:
    assert order_holds(ORDER_SIGNATURE, **{fact: OTHER.get(fact, "X")}) is False
    if MADE_ORDER[fact] is not None:
        assert order_holds(ORDER_SIGNATURE, **{fact: None}) is False


@pytest.mark.parametrize(
    "same",
    [
        {"days": "07"},
        {"days": " 7 "},
        {"total": "21"},
        {"total": "21.00"},
        {"total": "00021.0"},
        {"code": "A000015421  "},
        {"site": "      "},
        {"site": ""},
        {"usage": "TID               "},
    ],
    ids=str,
)
def test_padding_does_not_matter(same: dict[str, str]) -> None:
    assert order_holds(ORDER_SIGNATURE, **same) is True
    assert sign_orders(OLD, frame(MADE_ORDER, **same))[0] == ORDER_SIGNATURE


@pytest.mark.parametrize("zero", ["0", "00", "0.0", "", " ", None])
def test_no_days_may_be_written_as_zero(zero: str | None) -> None:
    signature = sign_orders(OLD, frame(MADE_ORDER, days="00", total="0000001"))[0]
    assert order_holds(signature, days=zero, total="1.0") is True
    assert order_holds(signature, days="10", total="1.0") is False


@pytest.mark.parametrize(("number", "other"), [("1", "10"), ("10", "100"), ("1.5", "15"), ("0.5", "5"), ("20", "2")])
def test_numbers_that_differ_are_signed_differently(number: str, other: str) -> None:
    for fact in ("days", "total"):
        assert order_holds(sign_orders(OLD, frame(MADE_ORDER, **{fact: number}))[0], **{fact: other}) is False


def test_one_field_cannot_pose_as_two() -> None:
    joined = frame(MADE_ORDER, code="A000015421TID", usage=None)
    assert sign_orders(OLD, joined)[0] != sign_orders(OLD, frame(MADE_ORDER, code="A000015421", usage="TID"))[0]
    moved = sign_visit(OLD, **{**MADE_VISIT, "sam": "SAM0000000010000", "card": "12345678"})
    assert visit_holds(moved) is False


@pytest.mark.parametrize("signature", ["", "0", "0" * 128, "F" * 128, "Z" * 128, "é" * 128, VISIT_SIGNATURE[:-2]])
def test_what_is_no_signature_does_not_hold(signature: str) -> None:
    assert visit_holds(signature) is False
    assert order_holds(signature[:40]) is False
    assert visit_holds(VISIT_SIGNATURE[:-1] + ("0" if VISIT_SIGNATURE[-1] != "0" else "1")) is False
    assert order_holds(ORDER_SIGNATURE[:-1] + ("0" if ORDER_SIGNATURE[-1] != "0" else "1")) is False


def test_letters_may_be_small_and_blanks_may_surround() -> None:
    assert visit_holds(f" {VISIT_SIGNATURE.lower()} ") is True
    assert order_holds(f" {ORDER_SIGNATURE.lower()} ") is True


def test_the_key_is_that_of_the_visit_time() -> None:
    afternoon = {**MADE_VISIT, "time": "1121016120000"}
    assert visit_holds(sign_visit(NEW, **afternoon), time="1121016120000") is True
    assert visit_holds(sign_visit(OLD, **afternoon), time="1121016120000") is False
    told = frame(MADE_ORDER, time="1121016120000")
    assert order_holds(sign_orders(NEW, told)[0], time="1121016120000") is True
    assert order_holds(sign_orders(OLD, told)[0], time="1121016120000") is False


@pytest.mark.parametrize("time", ["1081231235959", "", "yesterday", None])
def test_without_a_time_that_a_key_serves_nothing_holds(time: str | None) -> None:
    assert visit_holds(sign_visit(OLD, **{**MADE_VISIT, "time": time or ""}), time=time) is False
    assert order_holds(sign_orders(OLD, frame(MADE_ORDER, time=time))[0], time=time) is False


def test_rows_are_answered_in_their_order() -> None:
    told = pl.concat(
        [frame({**MADE_VISIT}, signature=given) for given in (VISIT_SIGNATURE, None, "00", VISIT_SIGNATURE)]
    )
    assert visits_signed(KEYS, told, moments(told)).to_list() == [True, None, False, True]
    ordered = pl.concat([frame(MADE_ORDER, signature=given) for given in (None, ORDER_SIGNATURE, "00")])
    assert orders_signed(KEYS, ordered, moments(ordered)).to_list() == [None, True, False]
