"""Planted errors: all of them are found, and nothing else is."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from nhicard.formats.tables import EDITIONS, Edition
from nhicard.synthetic import plant
from nhicard.synthetic.plants import plants
from tests.synthetic.conftest import checked, checked_with_keys, counts, made_up, made_up_with_keys

PLACE = ["record", "order", "field", "code"]
FEWEST_CODES = {"1.0": 30, "2.0": 40}


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize(("seed", "institutions"), [(1, 1), (2, 6), (3, 6)])
def test_what_is_planted_is_found_and_nothing_else(edition: Edition, seed: int, institutions: int) -> None:
    batch, planted = plant(made_up(edition, seed, 2_000, institutions), 0.05, seed)
    found = checked(batch).frame
    missed = planted.join(found, on=PLACE, how="anti", nulls_equal=True)
    elsewhere = found.join(planted, on="record", how="anti")
    assert counts(missed) == []
    assert counts(elsewhere) == []
    assert planted.height == 100
    assert planted["code"].n_unique() >= FEWEST_CODES[edition]


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_plant_is_found(edition: Edition) -> None:
    """Many errors in a larger file, so that the rarest plant has a record that it fits."""
    batch, planted = plant(made_up(edition, 11, 12_000), 0.1, 1)
    used = set(planted.select("code", "field").rows())
    assert {(each.code, each.field) for each in plants(edition)} == used
    missed = planted.join(checked(batch).frame, on=PLACE, how="anti", nulls_equal=True)
    assert counts(missed) == []


@pytest.mark.parametrize("edition", EDITIONS)
def test_with_keys_wrong_identifiers_and_signatures_are_planted_and_found(edition: Edition) -> None:
    batch, planted = plant(made_up_with_keys(edition), 0.4, 2, keyed=True)
    added = plants(edition, keyed=True)[len(plants(edition)) :]
    assert {(each.code, each.field) for each in added} <= set(planted.select("code", "field").rows())
    assert added
    found = checked_with_keys(batch, made_up_with_keys(edition)).frame
    missed = planted.join(found, on=PLACE, how="anti", nulls_equal=True)
    elsewhere = found.join(planted, on="record", how="anti")
    assert counts(missed) == []
    assert counts(elsewhere) == []


@pytest.mark.parametrize("edition", EDITIONS)
def test_one_field_of_a_planted_record_differs_and_no_other(edition: Edition) -> None:
    before = made_up(edition)
    after, planted = plant(before, 0.05, 9)
    assert not planted["record"].is_duplicated().any()
    for keys, old, new in (
        (["record"], before.visits, after.visits),
        (["record", "order"], before.orders, after.orders.drop("visit")),
    ):
        changes = (
            old.unpivot(index=keys, on=[name for name in new.columns if name not in keys])
            .join(new.unpivot(index=keys), on=[*keys, "variable"], suffix="_new", nulls_equal=True)
            .filter(pl.col("value").ne_missing(pl.col("value_new")))
        )
        of_scope = planted.filter(pl.col("order").is_null() == ("order" not in keys))
        told = of_scope.select(*keys, variable="field", value_new="value")
        assert changes.select(told.columns).sort(keys).equals(told.sort(keys))


@pytest.mark.parametrize(("rate", "errors"), [(0.0, 0), (0.001, 2), (0.5, 1_000)])
def test_the_rate_is_kept(rate: float, errors: int) -> None:
    batch, planted = plant(made_up("2.0"), rate, 1)
    assert planted.height == errors
    assert (batch.visits.height, batch.orders.height) == (2_000, made_up("2.0").orders.height)


def test_plants_are_used_about_equally_often() -> None:
    _, planted = plant(made_up("2.0", 11, 12_000), 0.1, 3)
    uses = planted.group_by("code", "field").len()["len"].to_numpy()
    average = planted.height / len(plants("2.0"))
    assert np.max(uses) < 2.5 * average
    assert np.median(uses) > average / 2


def test_one_seed_plants_the_same() -> None:
    first, again, other = (plant(made_up("2.0"), 0.05, seed)[1] for seed in (4, 4, 5))
    assert first.equals(again)
    assert not first.equals(other)
