"""Claims that break a rule and neighbours that keep it (``cases.yaml``): its tests, and its examples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

import polars as pl
import yaml

from nhicard.checks.cases.keyed_values import made, verifier
from nhicard.checks.claims.engine import ClaimContext
from nhicard.checks.claims.reported import VISITS
from nhicard.formats.claims import Claims, build

_CHANGE: Final = re.compile(
    r"(?:(?P<case>[0-9]):)?(?P<name>[tdp][0-9]+)(?:\[(?P<order>[0-9])\])?=(?P<value>.*)"
    r"|v(?P<visit>[0-9])\.(?P<column>\w+)=(?P<told>.*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its rule, what breaks it and what keeps it, the element that must be blamed, and whether the claim is
    compared with uploaded visits."""

    code: str
    base: str
    breaks: str
    keeps: str
    element: str
    visits: bool = False


@cache
def _text() -> str:
    return (files(__package__) / "cases.yaml").read_text(encoding="utf-8")


@cache
def _data() -> dict[str, Any]:
    return dict(yaml.safe_load(_text()))


@cache
def all_cases() -> tuple[Case, ...]:
    """Every case of the file."""
    return tuple(Case(**entry) for entry in _data()["cases"])


def bases() -> tuple[str, ...]:
    """Names of the claims that every rule accepts."""
    return tuple(_data()["bases"])


def context() -> ClaimContext:
    """The moment, the institution and the keys of the cases."""
    moment = _data()["as_of"]
    as_of = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
    return ClaimContext(as_of, _data()["institution"], verifier=verifier(_text()))


def changed(base: str, changes: str = "") -> tuple[Claims, pl.DataFrame]:
    """The base with the changes: its claims, and the visits that were uploaded. Raises ValueError for a bad change."""
    known = deepcopy(_data()["bases"][base])
    for change in filter(None, (part.strip(" \n") for part in changes.split(" ; "))):
        if (found := _CHANGE.fullmatch(change)) is None:
            raise ValueError(f"cases.yaml: {change!r} is no change")
        if found["visit"]:
            known["visits"][int(found["visit"]) - 1][found["column"]] = found["told"]
            continue
        at = int(found["case"] or 1) - 1
        levels = {"t": known["totals"], "d": known["cases"][at]}
        level = levels.get(found["name"][0])
        target = known["orders"][at][int(found["order"] or 1) - 1] if level is None else level
        target[found["name"]] = found["value"]
        if found["value"] == "-":
            del target[found["name"]]
    cases = [made(case, orders) for case, orders in zip(known["cases"], known["orders"], strict=True)]
    return build(known["kind"], known["totals"], cases), pl.DataFrame(
        [_visit(row) for row in known["visits"]], schema=dict(VISITS)
    )


def _visit(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of visits with its values in their own types."""
    texts = {name: value for name, value in row.items() if isinstance(value, str) and value != "-"}
    told: dict[str, Any] = {**row, **made(texts, [])[0]}
    for name, value in told.items():
        if value == "-":
            told[name] = None
        elif name == "day" and isinstance(value, str):
            told[name] = date.fromisoformat(value)
        elif name == "late" and isinstance(value, str):
            told[name] = value == "true"
        elif name == "orders" and isinstance(value, str):
            told[name] = value.split(",")
    return told
