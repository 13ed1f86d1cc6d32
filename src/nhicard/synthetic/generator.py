"""Made-up upload files: the same seed tells the same visits, in either edition."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import numpy as np

from nhicard.formats.batch import Batch, concat
from nhicard.formats.tables import Edition
from nhicard.synthetic import edition10, edition20
from nhicard.synthetic.orders import orders
from nhicard.synthetic.visits import visits as scenes
from nhicard.synthetic.world import World, world

SLICE_VISITS: Final = 10_000
_EARLIEST: Final = datetime(2022, 7, 15)  # the lists begin on 2022-07-01, visits and late cards go back some days
_TELL: Final = {"1.0": edition10.tell, "2.0": edition20.tell}


def generate(
    edition: Edition,
    visits: int,
    seed: int,
    as_of: datetime,
    institutions: int = 1,
    *,
    rare_characters: bool = True,
) -> Batch:
    """A batch of ``visits`` made-up records of the seven days before ``as_of`` (naive Taipei time).

    Every record is accepted by all rules that can be decided offline, for uploads at ``as_of``. With one
    institution it is a hospital, the second is a pharmacy, further ones are clinics. Without ``rare_characters``
    remarks keep to what other programs' Big5 can read (libxml2 gives up at user-defined characters). Raises
    ValueError for fewer than one visit or institution, and for a moment before the shipped lists begin.
    """
    return concat(list(slices(edition, visits, seed, as_of, institutions, rare_characters=rare_characters)))


def slices(
    edition: Edition,
    visits: int,
    seed: int,
    as_of: datetime,
    institutions: int = 1,
    *,
    rare_characters: bool = True,
) -> Iterator[Batch]:
    """The same records in batches of bounded size; record numbers go on from batch to batch."""
    if visits < 1 or institutions < 1:
        raise ValueError("a file needs at least one visit and one institution")
    if as_of < _EARLIEST:
        raise ValueError(f"{as_of.date()} is before {_EARLIEST.date()}, from when the shipped reference lists serve")
    made_up = world(seed, visits, as_of, institutions, rare_characters=rare_characters)
    return _slices(edition, visits, seed, made_up)


def _slices(edition: Edition, visits: int, seed: int, made_up: World) -> Iterator[Batch]:
    for number, start in enumerate(range(0, visits, SLICE_VISITS)):
        rng = np.random.default_rng([seed, 1 + number])
        told = scenes(rng, min(SLICE_VISITS, visits - start), made_up)
        yield _TELL[edition](told, orders(rng, told, made_up.remarks), start + 1)
