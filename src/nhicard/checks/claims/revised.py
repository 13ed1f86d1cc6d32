"""Whether a claim file is completed in the revised format: what the incentive's items A, B, C and F ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from nhicard.checks.claims.rulebook.identifiers import is_identifier
from nhicard.formats import rocdate
from nhicard.formats.claims import Claims, Kind

Item = Literal["A", "B", "C", "F"]
_OF_IDENTIFIER: Final[Mapping[Kind, Item]] = {"outpatient": "B", "inpatient": "C", "pharmacy": "F"}
_COPAYMENT: Final = ("copayment_basic", "copayment_drugs", "copayment_examinations")


@dataclass(frozen=True, slots=True)
class Revision:
    """Of so many cases that an item asks something of, so many have it; it is completed when all have, and some are."""

    item: Item
    cases: int
    revised: int

    @property
    def completed(self) -> bool:
        """Whether the file completes the item."""
        return self.cases > 0 and self.revised == self.cases


def is_revised(claims: Claims) -> dict[Item, Revision]:
    """For each item that a file of this kind can complete: how many of its cases are in the revised format.

    B, C, F: the case carries its visit identifier (a stand-in for one is none). A, outpatient: the case's visit is of
    a day on which the copayment elements may be sent, and they are sent, or there is no copayment.
    """
    roles = claims.table.roles
    out: dict[Item, Revision] = {}
    if "identifier" in roles:
        carrying = claims.cases.select(is_identifier(pl.col(roles["identifier"])).fill_null(False).sum()).item()
        item = _OF_IDENTIFIER[claims.kind]
        out[item] = Revision(item, claims.cases.height, int(carrying))
    if all(role in roles for role in _COPAYMENT):
        out["A"] = _copayments(claims)
    return out


def _copayments(claims: Claims) -> Revision:
    roles = claims.table.roles
    parts = [roles[role] for role in _COPAYMENT]
    since = claims.table.elements[parts[0]].since
    asked = rocdate.as_date(pl.col(roles["visit_day"])) >= since if since else pl.lit(True)
    sent = pl.any_horizontal(pl.col(part).cast(pl.Int64, strict=False).is_not_null() for part in parts)
    free = pl.col(roles["copayment"]).cast(pl.Int64, strict=False) == 0
    cases, revised = claims.cases.select(
        asked.fill_null(False).sum().alias("cases"),
        ((sent | free.fill_null(False)) & asked.fill_null(False)).sum().alias("revised"),
    ).row(0)
    return Revision("A", int(cases), int(revised))
