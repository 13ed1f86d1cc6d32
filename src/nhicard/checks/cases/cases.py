"""Reading the case files and applying their changes to base records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

import polars as pl
import yaml

from nhicard.checks.cases import keyed_values, stored
from nhicard.checks.context import Context
from nhicard.checks.reference import Reference, References
from nhicard.formats import assumptions
from nhicard.formats.batch import Batch, build
from nhicard.formats.tables import EDITIONS, Edition, order_fields

DEFAULT_AS_OF: Final = datetime(2023, 10, 20, 12, 0)
_FOLDERS: Final[Mapping[Edition, str]] = {"1.0": "edition10", "2.0": "edition20"}
_CHANGE = re.compile(r"(?P<name>[A-Z][A-Z0-9]{2})(?:\[(?P<order>\d+|\+|\*)\])?=(?P<value>.*)", re.DOTALL)

# Every scalar stays a string: 0001 and 1121016 are codes, not numbers.
_STRINGS: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
NO_LISTS: Final = References()

Record = tuple[dict[str, str], list[dict[str, str]]]


@dataclass(frozen=True, slots=True)
class Case:
    """One record that breaks a rule and one close to it that keeps it."""

    edition: Edition
    code: str
    family: str
    base: str
    breaks: tuple[str, ...]
    keeps: tuple[str, ...]
    blames: str | None = None
    severity: str = "reject"
    keeps_also: frozenset[str] = frozenset()
    as_of: datetime = DEFAULT_AS_OF
    institution: str | None = None
    keys: bool = False
    assume: Mapping[str, Any] = field(default_factory=dict)
    lists: Mapping[str, Any] = field(default_factory=dict)
    scene: Mapping[str, Any] = field(default_factory=dict)

    @property
    def context(self) -> Context:
        """The context that the case is to be checked in."""
        lists = {name: _reference(name, rows) for name, rows in self.lists.items()}
        return Context(
            as_of=self.as_of,
            institution=self.institution,
            references=References(lists) if lists else NO_LISTS,
            assumptions=assumptions.load(dict(self.assume)),
            verifier=keyed_values.verifier(_text(self.edition, self.family)) if self._needs_keys() else None,
            history=stored.history(self.edition, self.scene, self._stored_record),
            is_precheck=self.scene.get("precheck") == "true",
            sender=self.scene.get("sender"),
        )

    def with_its_scene(self) -> Case:
        """The same for a page: what is stored stands beside the name of the base record."""
        told = stored.told(self.scene)
        return replace(self, base=f"{self.base}；{told}") if told else self

    def _stored_record(self, edition: Edition, entry: Mapping[str, str]) -> Record:
        family = self.family if edition == self.edition else "bases"
        return records(edition, family, entry["base"], _changes(entry.get("changes")))[0]

    def _needs_keys(self) -> bool:
        told = [
            value
            for changes in (self.breaks, self.keeps)
            for visit, orders in _records(self.edition, self.family, self.base, changes)
            for segment in (visit, *orders)
            for value in segment.values()
        ]
        return self.keys or keyed_values.need_keys(told)

    def batch(self, changes: tuple[str, ...]) -> Batch:
        """The base record with the changes made; with ``REC[+]`` among them, a second record behind it."""
        return build(self.edition, records(self.edition, self.family, self.base, changes))


def records(edition: Edition, family: str, base: str, changes: tuple[str, ...]) -> list[Record]:
    """The records of a case: one, or two where ``REC[+]=changes`` adds a changed copy of the first."""
    return [keyed_values.made(*record) for record in _records(edition, family, base, changes)]


def _records(edition: Edition, family: str, base: str, changes: tuple[str, ...]) -> list[Record]:
    own = tuple(change for change in changes if not change.startswith("REC[+]="))
    first = _changed(edition, _base(edition, family, base), own)
    copies = [change.removeprefix("REC[+]=") for change in changes if change.startswith("REC[+]=")]
    return [first, *(_changed(edition, first, tuple(filter(None, copy.split(" & ")))) for copy in copies)]


def changed(edition: Edition, record: Record, changes: tuple[str, ...]) -> Record:
    """A copy of the record with changes such as ``M12=3``, ``D05[2]=``, ``MB2[1]=-`` made in their order.

    Raises ValueError for a change that cannot be understood.
    """
    return keyed_values.made(*_changed(edition, record, changes))


def _changed(edition: Edition, record: Record, changes: tuple[str, ...]) -> Record:
    """The same, with the values that keys make still as they are written."""
    visit, orders = deepcopy(record)
    of_orders = set(order_fields(edition))
    for change in changes:
        match = _CHANGE.fullmatch(change)
        if not match:
            raise ValueError(f"cannot read the change {change!r}")
        name, place, value = match["name"], match["order"], match["value"]
        if name == "MB2" and place == "+":
            orders.append(dict(part.split(":", 1) for part in value.split(",") if part))
        elif name == "MB2" and place == "*":
            orders.clear()
        elif name == "MB2":
            del orders[int(place) - 1]
        elif name in of_orders:
            chosen = orders if place == "*" else [orders[int(place or 1) - 1]]
            for order in chosen:
                _set(order, name, value)
        else:
            _set(visit, name, value)
    return visit, orders


def _set(segment: dict[str, str], name: str, value: str) -> None:
    if value == "-":
        segment.pop(name, None)
    else:
        segment[name] = value


def base_record(edition: Edition, family: str, name: str) -> Record:
    """A named base record: the family's own, or one of ``bases.yaml``. Raises KeyError for an unknown name."""
    return keyed_values.made(*_base(edition, family, name))


def _base(edition: Edition, family: str, name: str) -> Record:
    entry = _bases(edition, family).get(name) or _bases(edition, "bases")[name]
    if "extends" in entry:
        parent = _base(edition, family if entry["extends"] != name else "bases", entry["extends"])
        return _changed(edition, parent, _changes(entry.get("changes")))
    visit = {key: str(value) for key, value in entry["visit"].items()}
    return visit, [{key: str(value) for key, value in order.items()} for order in entry.get("orders", [])]


@cache
def _load(edition: Edition, family: str) -> dict[str, Any]:
    return dict(yaml.load(_text(edition, family), Loader=_STRINGS) or {})  # noqa: S506  # a base loader makes strings only


def _text(edition: Edition, family: str) -> str:
    return (files(__package__) / _FOLDERS[edition] / f"{family}.yaml").read_text(encoding="utf-8")


def _bases(edition: Edition, family: str) -> dict[str, Any]:
    try:
        return dict(_load(edition, family).get("bases") or {})
    except FileNotFoundError:
        return {}


def base_names(edition: Edition) -> list[tuple[str, str]]:
    """Every base record as (family, name)."""
    return [(family, name) for family in families(edition) for name in _bases(edition, family)]


def families(edition: Edition) -> list[str]:
    """Names of an edition's case files, ``bases`` among them."""
    folder = files(__package__) / _FOLDERS[edition]
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


@cache
def all_cases(edition: Edition) -> tuple[Case, ...]:
    """Every case of an edition."""
    return tuple(
        _case(edition, family, code, entry)
        for family in families(edition)
        for code, entries in (_load(edition, family).get("cases") or {}).items()
        for entry in entries
    )


def cases_of(edition: Edition, code: str) -> list[Case]:
    """The cases of one code."""
    return [case for case in all_cases(edition) if case.code == code]


def _case(edition: Edition, family: str, code: str, entry: dict[str, Any]) -> Case:
    known = {
        "base",
        "breaks",
        "keeps",
        "field",
        "severity",
        "keeps_also",
        "as_of",
        "institution",
        "keys",
        "assume",
        "lists",
        *stored.KEYS,
    }
    if unknown := set(entry) - known:
        raise ValueError(f"{family}.yaml, {code}: unknown key {', '.join(sorted(unknown))}")
    return Case(
        edition=edition,
        code=code,
        family=family,
        base=entry["base"],
        breaks=_changes(entry.get("breaks")),
        keeps=_changes(entry.get("keeps")),
        blames=entry.get("field"),
        severity=entry.get("severity", "reject"),
        keeps_also=frozenset(entry.get("keeps_also") or ()),
        as_of=datetime.fromisoformat(entry["as_of"]) if "as_of" in entry else DEFAULT_AS_OF,
        institution=entry.get("institution"),
        keys=entry.get("keys") == "true",
        assume={name: _literal(name, value) for name, value in (entry.get("assume") or {}).items()},
        lists=entry.get("lists") or {},
        scene={key: entry[key] for key in stored.KEYS if key in entry},
    )


def _literal(name: str, value: Any) -> Any:
    """A value of ``assume`` in the type of the assumption, for case files know only strings."""
    packaged = assumptions.load()[name]
    if isinstance(packaged, bool):
        return value == "true"
    return int(value) if isinstance(packaged, int) else value


def _changes(text: str | list[str] | None) -> tuple[str, ...]:
    if not text:
        return ()
    parts = text if isinstance(text, list) else text.split(" ; ")
    return tuple(part.strip("\n") for part in parts)


def _reference(name: str, rows: list[dict[str, str]]) -> Reference:
    """An inline list: rows of key columns, ``start``, ``end`` (ISO dates, may be left out) and attributes."""
    columns = [key for key in rows[0] if key not in ("start", "end")]
    frame = pl.DataFrame(
        {key: [row.get(key) for row in rows] for key in columns}, schema=dict.fromkeys(columns, pl.String)
    )
    dates = [
        pl.Series(key, [row.get(key) or None for row in rows], dtype=pl.String).str.to_date("%Y-%m-%d")
        for key in ("start", "end")
    ]
    return Reference(name, frame.with_columns(dates), "inline")


__all__ = [
    "DEFAULT_AS_OF",
    "EDITIONS",
    "Case",
    "all_cases",
    "base_names",
    "base_record",
    "cases_of",
    "changed",
    "families",
]
