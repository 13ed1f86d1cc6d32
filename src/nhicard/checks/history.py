"""What the insurer already holds, as frames, and who fetches them.

The rules on history are worked out here in columns (``past.py``); a ``History`` only fetches. A batch asks it for each
frame at most once, and for a frame that no rule of the batch needs not at all.

Pre-checks live beside real uploads: a key, an identifier, a record to be deleted is looked for among the records of the
same sort only. What lies at another institution or came earlier (an original visit, a prescription, a delivery, another
institution's visit at the same second) a pre-check also looks for among real records, because the other institution
may have switched already; a real upload never sees pre-checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import polars as pl

from nhicard.formats.tables import Edition

FIELDS: Final[Mapping[Edition, Mapping[str, str]]] = {
    "1.0": {
        "data_type": "A00",
        "upload_kind": "A01",
        "institution": "A14",
        "patient_id": "A12",
        "staff_id": "A15",
        "category": "A23",
        "visit_time": "A17",
        "sequence": "A18",
    },
    "2.0": {
        "data_type": "H00",
        "upload_kind": "H01",
        "institution": "M05",
        "patient_id": "M03",
        "staff_id": "M06",
        "category": "M07",
        "visit_time": "M11",
        "sequence": "M13",
        "identifier": "M15",
        "original_identifier": "M16",
        "actual_identifier": "M52",
    },
}
"""The field behind each text column of ``STORED``; a column that an edition lacks is empty in its rows.

Vaccination records of 1.0 (A00=2) have no A17: their ``visit_time`` is A62 and their ``institution`` A63 of the first
MB2 in which they are sent (A14 where none is).
"""

STORED: Final[Mapping[str, Any]] = {
    "visit": pl.Int64,
    "edition": pl.String,
    "is_precheck": pl.Boolean,
    "state": pl.String,
    **dict.fromkeys(FIELDS["2.0"], pl.String),
}
"""A row a stored visit. ``visit``: its id. ``state``: ``accepted`` (in force), ``rejected``, ``replaced``,
``deleted``, or ``done`` for what was accepted without being a record of its own: H01 C, D and E, and records that only
delete allergy entries. Texts are as sent without blanks around them, empty where nothing was sent."""

ORDERS: Final[Mapping[str, Any]] = {
    "visit": pl.Int64,
    **dict.fromkeys(("code", "E01", "E02", "E03", "E04"), pl.String),
}
"""A row an order of a visit that is accepted or done. ``code``: A73 or D06; the fields of 2.0's allergy entries under
their own ids."""

REFILLS: Final[Mapping[str, Any]] = {
    "identifier": pl.String,
    "is_precheck": pl.Boolean,
    "institution": pl.String,
    "patient_id": pl.String,
    "list_kind": pl.String,
    "number": pl.Int64,
    "dispensed_by": pl.String,
    "dispensed_identifier": pl.String,
    "cancelled": pl.Boolean,
}
"""A row a refill (聯次) of a continuous prescription (慢連箋) in force. ``identifier``, ``institution`` and
``patient_id``: M15, M05 and M03 of the issuing record; ``list_kind``: C general, F controlled (D04); ``number`` counts
from 1; ``dispensed_by``, ``dispensed_identifier``: M05 and M15 of the record that dispensed it, null where none has."""

STANDING: Final[Mapping[str, Any]] = {
    "institution": pl.String,
    "qualified_at": pl.Datetime("us"),
    "switched_at": pl.Datetime("us"),
    "addresses": pl.List(pl.String),
}
"""A row an institution: since when it may upload 2.0 for real (H1), since when it must, null where not; the IP
addresses and networks (``203.0.113.0/24``) that it registered to upload from."""

WANTED: Final[Mapping[str, Any]] = {"patient_id": pl.String, "visit_time": pl.String, "identifier": pl.String}
"""A row a thing to look for; the columns that do not matter are null. Either ``patient_id`` and ``visit_time``, or
``patient_id`` alone (all visits of the person), or ``identifier`` alone (also in ``actual_identifier``)."""


class History(Protocol):
    """The insurer's records. Frames have at least the columns above; rows too many do no harm."""

    def visits(self, wanted: pl.DataFrame) -> pl.DataFrame:
        """``STORED`` rows that a row of ``wanted`` speaks of, whatever their state, each once."""

    def orders(self, visits: pl.Series) -> pl.DataFrame:
        """``ORDERS`` rows of the stored visits with these ids."""

    def refills(self, identifiers: pl.Series) -> pl.DataFrame:
        """``REFILLS`` rows of the prescriptions that were issued under these identifiers."""

    def standing(self, institutions: pl.Series) -> pl.DataFrame:
        """``STANDING`` rows of the institutions; one without a row is neither qualified nor switched."""


class MemoryHistory:
    """A history held in frames, for cases and tests."""

    def __init__(
        self,
        stored: pl.DataFrame | None = None,
        orders: pl.DataFrame | None = None,
        refills: pl.DataFrame | None = None,
        standing: pl.DataFrame | None = None,
    ) -> None:
        self._stored = nothing(STORED) if stored is None else stored
        self._orders = nothing(ORDERS) if orders is None else orders
        self._refills = nothing(REFILLS) if refills is None else refills
        self._standing = nothing(STANDING) if standing is None else standing

    def visits(self, wanted: pl.DataFrame) -> pl.DataFrame:
        of_moments = wanted.filter(pl.col("visit_time").is_not_null())
        of_persons = wanted.filter(pl.col("visit_time").is_null() & pl.col("patient_id").is_not_null())
        identifiers = wanted["identifier"].drop_nulls().implode()
        at_moments = self._stored.join(of_moments, on=["patient_id", "visit_time"], how="semi")["visit"]
        return self._stored.filter(
            pl.col("visit").is_in(at_moments.implode())
            | pl.col("patient_id").is_in(of_persons["patient_id"].implode())
            | pl.col("identifier").is_in(identifiers)
            | pl.col("actual_identifier").is_in(identifiers)
        )

    def orders(self, visits: pl.Series) -> pl.DataFrame:
        return self._orders.filter(pl.col("visit").is_in(visits.implode()))

    def refills(self, identifiers: pl.Series) -> pl.DataFrame:
        return self._refills.filter(pl.col("identifier").is_in(identifiers.implode()))

    def standing(self, institutions: pl.Series) -> pl.DataFrame:
        return self._standing.filter(pl.col("institution").is_in(institutions.implode()))


def nothing(schema: Mapping[str, Any]) -> pl.DataFrame:
    """An empty frame of one of the schemas above."""
    return pl.DataFrame(schema=dict(schema))
