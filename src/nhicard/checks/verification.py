"""What only the holder of the insurer's keys can tell of a record: whose its identifiers are, whether it was signed.

Rules ask for it by column (``opened:M15:person``, ``signed:M14``); a ``Verifier`` answers for a whole batch at once.
Whoever has no keys checks without one, and the rules are then off and reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import polars as pl

from nhicard.formats import rocdate
from nhicard.formats.tables import codes

if TYPE_CHECKING:  # cryptography is loaded only where there are keys: start-up time
    from nhicard.identity.keyring import KeyRing


class Identifier(NamedTuple):
    """The fields that say where and when the visit of an identifier was."""

    institution: str
    time: str


class Signature(NamedTuple):
    """A signature of a visit or of an order, and the field of each fact that it covers."""

    of: str
    facts: Mapping[str, str]


IDENTIFIERS: Final[Mapping[str, Identifier]] = {
    "M15": Identifier("M05", "M11"),
    "M16": Identifier("M17", "M19"),
    "M52": Identifier("M05", "M49"),
}
_VISIT: Final = ("institution", "sam", "card", "person", "time", "sequence")
_ORDER: Final = ("institution", "person", "time", "code", "site", "usage", "days", "total")
SIGNATURES: Final[Mapping[str, Signature]] = {
    field: Signature(of, dict(zip(facts, sources.split(), strict=True)))
    for field, of, facts, sources in (
        ("M14", "visit", _VISIT, "M05 M01 M02 M03 M11 M13"),
        ("A22", "visit", _VISIT, "A14 A16 A11 A12 A17 A18"),
        ("D11", "order", _ORDER, "M05 M03 M11 D06 D07 D08 D09 D10"),
        ("A79", "order", _ORDER, "A14 A12 A17 A73 A74 A75 A76 A77"),
    )
}
"""Facts by the names of ``identity.visit_signatures``. The time is that of the tap, on a late card too."""

FACTS: Final[Mapping[str, Any]] = {
    "person": pl.String,
    "institution": pl.String,
    "time": pl.Datetime("us"),
    "service": pl.String,
}
_ABNORMAL_ORIGINAL: Final = r"^[ABCDEG]0{19}\z"  # the reason of an abnormal visit (M18) and zeros, in M16 only


class Verifier(Protocol):
    """Answers by column; a row each, in the order of the rows given."""

    def open(self, identifiers: pl.Series) -> pl.DataFrame:
        """The columns of ``FACTS``; all null where an identifier is not genuine."""

    def visits_signed(self, visits: pl.DataFrame) -> pl.Series:
        """Whether ``signature`` is genuine for the facts beside it: Boolean, null where there is none."""

    def orders_signed(self, orders: pl.DataFrame) -> pl.Series:
        """The same for prescription signatures."""


class KeyVerifier:
    """A verifier with the insurer's keys. ``institutions``: every code that ever was in the register."""

    def __init__(self, keys: KeyRing, institutions: pl.Series) -> None:
        self._keys = keys
        self._institutions = institutions.drop_nulls().unique()

    def open(self, identifiers: pl.Series) -> pl.DataFrame:
        from nhicard.identity import visit_identifier

        asked = identifiers.alias("identifier").to_frame()
        distinct = asked.drop_nulls().unique()
        if not distinct.height:
            return pl.DataFrame(schema=FACTS).clear(len(identifiers))
        facts = visit_identifier.open_all(self._keys, distinct.to_series(), self._institutions)
        known = distinct.hstack(facts.select(*FACTS).get_columns())
        return asked.join(known, on="identifier", how="left", maintain_order="left").select(*FACTS)

    def visits_signed(self, visits: pl.DataFrame) -> pl.Series:
        from nhicard.identity import visit_signatures

        return visit_signatures.visits_signed(self._keys, visits, _moments(visits))

    def orders_signed(self, orders: pl.DataFrame) -> pl.Series:
        from nhicard.identity import visit_signatures

        return visit_signatures.orders_signed(self._keys, orders, _moments(orders))


def _moments(facts: pl.DataFrame) -> pl.Series:
    return facts.select(rocdate.as_datetime(pl.col("time").str.strip_chars())).to_series()


def needs_keys(column: str) -> bool:
    """Whether only a verifier can make the column (of an order, where a visit asks for it, too)."""
    return column.removeprefix("order:").startswith(("opened:", "signed:"))


def verified(frame: pl.DataFrame, verifier: Verifier, names: Iterable[str]) -> list[pl.Series]:
    """The columns of these names; ``frame`` holds the fields they speak of. Every identifier is opened once."""
    opened = cache(lambda field: _opened(verifier, frame[field], field))
    columns = []
    for name in names:
        kind, field, *part = name.split(":")
        answers = opened(field)[part[0]] if kind == "opened" else _signed(verifier, frame, field)
        columns.append(answers.alias(name))
    return columns


def _opened(verifier: Verifier, values: pl.Series, field: str) -> pl.DataFrame:
    """``FACTS`` and ``genuine``: Boolean, null where there is no identifier to be opened."""
    stand_in = values.is_in(list(codes("2.0", "visit-id-special")))
    if field == "M16":
        stand_in |= values.str.contains(_ABNORMAL_ORIGINAL)
    identifiers = values.set(stand_in.fill_null(False), None)
    genuine = pl.when(identifiers.is_not_null()).then(pl.col("person").is_not_null())
    return verifier.open(identifiers).with_columns(genuine=genuine)


def _signed(verifier: Verifier, frame: pl.DataFrame, field: str) -> pl.Series:
    of, facts = SIGNATURES[field]
    asked = frame.select(pl.col(field).alias("signature"), **{fact: pl.col(source) for fact, source in facts.items()})
    return verifier.visits_signed(asked) if of == "visit" else verifier.orders_signed(asked)
