"""One visit: its fields, what is wrong with which of them and what to do, and what was sent when."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import polars as pl

from nhicard.formats.tables import Edition, fields
from nhicard.institution.console.display import Language, masked_field, meaning
from nhicard.institution.outbox import KINDS, Outbox
from nhicard.institution.results import rank
from nhicard.institution.results.masking import BIRTHS, IDS, masked, masked_text
from nhicard.institution.visits.columns import Column, Owner, by_field, columns

#: Words of people, in which an ID may stand.
_FREE_TEXT: Final = frozenset({"remark", "gene_test_result", "allergy_name"})
_FINDING: Final = {
    "record": pl.UInt32,
    "kind": pl.String,
    "by_insurer": pl.Int64,
    "found_at": pl.String,
    "order": pl.UInt32,
    "field": pl.String,
    "code": pl.String,
    "severity": pl.String,
    "value": pl.String,
}
_FINDINGS: Final = """
SELECT visit, kind, by_insurer, found_at, "order", field, code, severity, value FROM finding WHERE visit = ?
ORDER BY severity = 'warn', "order", field, kind
"""
_TRACKS: Final = """
SELECT t.kind, CASE WHEN t.state = 'sent' AND u.state = 'ready' THEN 'queued' ELSE t.state END, t.reason,
    u.made_at, u.received_at, u.answered_at, coalesce(u.receipt, ''), coalesce(u.trouble, '')
FROM track t LEFT JOIN upload u ON u.id = t.upload WHERE t.visit = ? ORDER BY t.kind DESC
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says of a field of one edition. ``source``: ``insurer`` or ``check`` (the one before sending)."""

    edition: Edition
    kind: str
    field: str
    code: str
    severity: str
    source: str
    found_at: str
    value: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Told:
    """A column of the visit or of an order: its value as shown, what that means, what was found."""

    name: str
    fields: Sequence[str]
    value: str
    meaning: str
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything found at one place: a column, of the visit (``order`` None) or of an order, or the whole record."""

    order: int | None
    name: str
    value: str
    meaning: str
    findings: Sequence[Finding]

    @property
    def is_warning(self) -> bool:
        """Whether nothing of it rejects."""
        return all(each.severity == "warn" for each in self.findings)


@dataclass(frozen=True, slots=True)
class Track:
    """The visit in one kind of upload."""

    kind: str
    state: str
    reason: str
    made_at: str | None
    received_at: str | None
    answered_at: str | None
    receipt: str
    trouble: str


@dataclass(frozen=True, slots=True)
class OneVisit:
    """The page of one visit; all ``orders`` have the same columns."""

    id: int
    at: datetime
    category: str
    department: str
    patient: str
    revision: int
    taken_at: str
    changed_at: str
    withdrawn_at: str | None
    fields: Sequence[Told]
    orders: Sequence[Sequence[Told]]
    problems: Sequence[Problem]
    tracks: Sequence[Track]


def one_visit(outbox: Outbox, number: int, language: Language, *, shown: bool) -> OneVisit:
    """The visit of this number; with everybody hidden unless ``shown``. Raises KeyError where there is none."""
    found = outbox.rows(
        "SELECT visit_at, category, department, revision, taken_at, changed_at, withdrawn_at, content "
        "FROM visit WHERE id = ?",
        [number],
    )
    if not found:
        raise KeyError(number)
    *facts, content = found[0]
    visit_at, category, department, revision, taken_at, changed_at, withdrawn_at = facts
    visit = json.loads(content)
    orders = visit.pop("orders")
    at_place = _findings(outbox, number, language, shown=shown)
    told = list(_told("visit", visit, None, at_place, language, shown=shown))
    told_orders = [
        list(_told("order", order, place, at_place, language, shown=shown)) for place, order in enumerate(orders, 1)
    ]
    everything = [(None, told), *enumerate(told_orders, 1)]
    return OneVisit(
        id=number,
        at=datetime.fromisoformat(visit_at),
        category=category,
        department=department,
        patient=visit.get("patient_id", "") if shown else masked_field("M03", visit.get("patient_id")),
        revision=revision,
        taken_at=taken_at,
        changed_at=changed_at,
        withdrawn_at=withdrawn_at,
        fields=[each for each in told if each.value or each.findings],
        orders=_columns_in_use(told_orders),
        problems=list(_problems(everything, at_place, language)),
        tracks=[Track(*row) for row in outbox.rows(_TRACKS, [number])],
    )


_Place = tuple[int | None, str]
"""The order (None: the visit itself) and the column; a field without a column stands for itself."""


def _findings(outbox: Outbox, number: int, language: Language, *, shown: bool) -> Mapping[_Place, list[Finding]]:
    found = outbox.frame(_FINDINGS, [number], _FINDING).with_columns(
        edition=pl.col("kind").replace_strict({code: kind.edition for code, kind in KINDS.items()})
    )
    if not shown:
        found = masked(found)
    words = rank(found).select("edition", "code", "field", text=f"text_{language}", remedy=f"remedy_{language}")
    found = found.join(words, on=["edition", "code", "field"], how="left", nulls_equal=True, maintain_order="left")
    places: dict[_Place, list[Finding]] = {}
    for row in found.iter_rows(named=True):
        owner: Owner = "visit" if row["order"] is None else "order"
        column = by_field(row["edition"], owner).get(row["field"], row["field"])
        finding = Finding(
            edition=row["edition"],
            kind=row["kind"],
            field=row["field"],
            code=row["code"],
            severity=row["severity"],
            source="insurer" if row["by_insurer"] else "check",
            found_at=row["found_at"],
            value=_without_ids(column, row["value"] or "", shown=shown),
            text=row["text"] or "",
            remedy=row["remedy"] or "",
        )
        places.setdefault((row["order"], column), []).append(finding)
    return places


def _told(
    owner: Owner,
    values: Mapping[str, Any],
    order: int | None,
    findings: Mapping[_Place, list[Finding]],
    language: Language,
    *,
    shown: bool,
) -> Iterator[Told]:
    for column in columns().values():
        if column.of == owner:
            value = str(values.get(column.column) or "")
            hidden = value if shown else _hidden(column, value)
            yield Told(
                name=_name(column, language),
                fields=[each for each in (column.field20, column.field10) if each],
                value=hidden,
                meaning=meaning(column.form, column.values, value, language) if hidden == value else "",
                findings=findings.get((order, column.column), ()),
            )


def _hidden(column: Column, value: str) -> str:
    if column.field20 in IDS | BIRTHS:
        return masked_field(column.field20, value)
    return _without_ids(column.column, value, shown=False)


def _without_ids(column: str, value: str, *, shown: bool) -> str:
    free = column in _FREE_TEXT or column.endswith("_text")
    return masked_text(value) if free and not shown else value


def _columns_in_use(orders: Sequence[Sequence[Told]]) -> Sequence[Sequence[Told]]:
    """The orders without the columns in which none of them has anything."""
    in_use = [any(each.value or each.findings for each in column) for column in zip(*orders, strict=True)]
    return [[each for each, used in zip(order, in_use, strict=True) if used] for order in orders]


def _problems(
    told: Sequence[tuple[int | None, Sequence[Told]]], findings: Mapping[_Place, list[Finding]], language: Language
) -> Iterator[Problem]:
    """What rejects before what only warns; each in the order of the fields, those of the whole record first."""
    of_columns = columns()
    whole = [
        Problem(order, _field_name(found[0], language), "", "", found)
        for (order, place), found in findings.items()
        if place not in of_columns or (order is not None and order >= len(told))
    ]
    at_fields = [
        Problem(order, each.name, each.value, each.meaning, each.findings)
        for order, fields_of in told
        for each in fields_of
        if each.findings
    ]
    yield from sorted([*whole, *at_fields], key=lambda problem: problem.is_warning)


def _name(column: Column, language: Language) -> str:
    return column.name_zh if language == "zh" else column.name_en


def _field_name(finding: Finding, language: Language) -> str:
    known = fields(finding.edition).get(finding.field)
    return "" if known is None else known.name_zh if language == "zh" else known.name_en
