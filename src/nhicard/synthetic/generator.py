"""Made-up upload files: the same seed tells the same visits, in either edition."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from nhicard.formats.batch import Batch, concat
from nhicard.formats.tables import Edition
from nhicard.synthetic import edition10, edition20
from nhicard.synthetic.orders import orders
from nhicard.synthetic.visits import visits as scenes
from nhicard.synthetic.world import World, world

if TYPE_CHECKING:
    from nhicard.identity.keyring import KeyRing

SLICE_VISITS: Final = 10_000
_EARLIEST: Final = datetime(2022, 7, 15)  # the lists begin on 2022-07-01, visits and late cards go back some days
_GOES_BACK: Final = timedelta(days=60)  # prescriptions that are dispensed were issued some weeks before
_TELL: Final = {"1.0": edition10.tell, "2.0": edition20.tell}


def generate(
    edition: Edition,
    visits: int,
    seed: int,
    as_of: datetime,
    institutions: int = 1,
    *,
    rare_characters: bool = True,
    keys: KeyRing | None = None,
) -> Batch:
    """A batch of ``visits`` made-up records of the seven days before ``as_of`` (naive Taipei time).

    Every record is accepted by all rules that can be decided offline, for uploads at ``as_of``. With one
    institution it is a hospital, the second is a pharmacy, further ones are clinics. Without ``rare_characters``
    remarks keep to what other programs' Big5 can read (libxml2 gives up at user-defined characters). With ``keys``
    (the insurer's) identifiers and signatures are genuine. Raises ValueError for fewer than one visit or institution,
    for a moment before the shipped lists begin, and for keys that do not serve the time of the visits.
    """
    return concat(list(slices(edition, visits, seed, as_of, institutions, rare_characters=rare_characters, keys=keys)))


def slices(
    edition: Edition,
    visits: int,
    seed: int,
    as_of: datetime,
    institutions: int = 1,
    *,
    rare_characters: bool = True,
    keys: KeyRing | None = None,
) -> Iterator[Batch]:
    """The same records in batches of bounded size; record numbers go on from batch to batch."""
    if visits < 1 or institutions < 1:
        raise ValueError("a file needs at least one visit and one institution")
    if as_of < _EARLIEST:
        raise ValueError(f"{as_of.date()} is before {_EARLIEST.date()}, from when the shipped reference lists serve")
    if keys and not keys.at(as_of - _GOES_BACK):
        raise ValueError(f"the keys must serve visits from {(as_of - _GOES_BACK).date()} on")
    made_up = world(seed, visits, as_of, institutions, rare_characters=rare_characters)
    return _slices(edition, visits, seed, made_up, keys)


def _slices(edition: Edition, visits: int, seed: int, made_up: World, keys: KeyRing | None) -> Iterator[Batch]:
    for number, start in enumerate(range(0, visits, SLICE_VISITS)):
        rng = np.random.default_rng([seed, 1 + number])
        told = scenes(rng, min(SLICE_VISITS, visits - start), made_up)
        batch = _TELL[edition](told, orders(rng, told, made_up.remarks), start + 1)
        yield _keyed(batch, keys) if keys else batch


def _keyed(batch: Batch, keys: KeyRing) -> Batch:
    from nhicard.synthetic.keyed import keyed  # cryptography is loaded only where there are keys

    return keyed(batch, keys)
