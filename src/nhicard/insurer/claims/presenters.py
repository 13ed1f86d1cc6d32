"""Claim files and months as the pages show them; what could name a person is masked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import polars as pl
from django.template.defaultfilters import filesizeformat

from nhicard.formats import rocdate
from nhicard.formats.claims.tables import Table
from nhicard.identity import national_id
from nhicard.insurer.claims.models import WAITING, ClaimFile, ClaimMonth, Format, Meaning, State, Step
from nhicard.insurer.claims.services.overview import formats_of
from nhicard.insurer.monitoring.presenting import is_english, moment_text
from nhicard.insurer.portal.texts import text
from nhicard.insurer.registry.models import Institution

_MARKS: Final = {
    State.RECEIVED: "…",
    State.CHECKING: "…",
    State.REJECTED: "✕",
    State.ACCEPTED: "○",
    State.COMPLETED: "✓",
    State.SET_ASIDE: "!",
}
_MAIN: Final = "13"
_HIDDEN: Final = "******"
_MASKED: Final = ("id", "staff")


@dataclass(frozen=True, slots=True)
class Standing:
    """A state as a word with its mark; ``key`` names its colour."""

    key: str
    name: str
    mark: str


@dataclass(frozen=True, slots=True)
class MonthEntry:
    """A month and part in the grid and at the head of its own page."""

    number: int
    month: str
    format: str
    part: str
    standing: Standing
    items: Sequence[str]
    updated_at: str


@dataclass(frozen=True, slots=True)
class GridRow:
    """A month and, for each format, what was sent for it."""

    month: str
    cells: Sequence[Sequence[MonthEntry]]


@dataclass(frozen=True, slots=True)
class Row:
    """A file in the list and at the head of its own page; counts are blank until it is checked."""

    number: int
    month_number: int
    month: str
    format: str
    part: str
    received_at: str
    standing: Standing
    is_waiting: bool
    is_checked: bool
    size: str
    cases: str
    orders: str
    accepted: str
    warned: str
    rejected: str
    has_rejected: bool
    compared: str
    items: Sequence[Item]


@dataclass(frozen=True, slots=True)
class Item:
    """An incentive item of a file: so many of its cases are in the revised format."""

    code: str
    name: str
    cases: str
    revised: str
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A sentence of the check and how often it is said."""

    number: int
    code: str
    element: str
    severity: str
    severity_name: str
    meaning: str
    cases: str
    findings: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A finding; its value is masked where it names a person."""

    case: str
    order: str
    line: str
    key: str
    value: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """What happened to a month."""

    number: int
    at: str
    standing: Standing
    file: int
    about: str


def standing(state: str) -> Standing:
    """The state for people."""
    return Standing(state, text(f"claims.state.{state}"), _MARKS[State(state)])


def month_text(month: date) -> str:
    """``112/10``, in English ``2023-10``."""
    if is_english():
        return f"{month:%Y-%m}"
    return f"{month.year - rocdate.YEAR_BEFORE_FIRST}/{month:%m}"


def part_text(part: str) -> str:
    """What sets a part apart from a whole month's first claim; empty for that."""
    if part == _MAIN:
        return ""
    words = [text(f"claims.type.{part[0]}"), "" if part[1] == "3" else text(f"claims.period.{part[1]}")]
    return " ".join(filter(None, words))


def entry(month: ClaimMonth) -> MonthEntry:
    """The month for people."""
    return MonthEntry(
        number=month.pk,
        month=month_text(month.month),
        format=text(f"claims.format.{month.format}"),
        part=part_text(month.part),
        standing=standing(month.state),
        items=[text(f"claims.item.{item}") for item in month.items],
        updated_at=moment_text(month.updated_at),
    )


def columns(institution: Institution, months: Iterable[ClaimMonth]) -> list[str]:
    """The formats that the grid shows: those of the institution's kind, and those that it sent."""
    sent = {month.format for month in months}
    own = formats_of(institution)
    return [form for form in Format.values if form in sent or form in own]


def grid(months: Sequence[ClaimMonth], formats: Sequence[str]) -> list[GridRow]:
    """A row a month, newest first."""
    by_month: dict[date, dict[str, list[MonthEntry]]] = {}
    for month in sorted(months, key=lambda each: each.part):
        by_month.setdefault(month.month, {}).setdefault(month.format, []).append(entry(month))
    return [
        GridRow(month_text(day), [by_month[day].get(form, []) for form in formats])
        for day in sorted(by_month, reverse=True)
    ]


def row(file: ClaimFile) -> Row:
    """The file for people."""
    known = file.checked_at is not None and file.state not in WAITING

    def count(value: int | None) -> str:
        return f"{value or 0:,}" if known else ""

    return Row(
        number=file.pk,
        month_number=file.month_id,
        month=month_text(file.month.month),
        format=text(f"claims.format.{file.month.format}"),
        part=part_text(file.month.part),
        received_at=moment_text(file.received_at),
        standing=standing(file.state),
        is_waiting=file.state in WAITING,
        is_checked=known,
        size=filesizeformat(file.size),
        cases=count(file.cases),
        orders=count(file.orders),
        accepted=count(file.accepted),
        warned=count(file.warned),
        rejected=count(file.rejected),
        has_rejected=known and bool(file.rejected or file.state == State.REJECTED),
        compared=count(file.compared),
        items=list(items(file.revised)) if known else [],
    )


def items(revised: Mapping[str, Sequence[int]]) -> Iterator[Item]:
    """The incentive items of a file, in order."""
    for code, (cases, done) in sorted(revised.items()):
        yield Item(code, text(f"claims.item.{code}"), f"{cases:,}", f"{done:,}", 0 < cases == done)


def rule(meaning: Meaning) -> Rule:
    """A sentence in the language of the request."""
    return Rule(
        meaning.number,
        meaning.code,
        meaning.element,
        meaning.severity,
        text(f"claims.severity.{meaning.severity}"),
        meaning.text_en if is_english() else meaning.text_zh,
        f"{meaning.cases:,}",
        f"{meaning.findings:,}",
    )


def faults(found: Iterable[Mapping[str, Any]], meanings: Mapping[int, Meaning], known: Table) -> Iterator[Fault]:
    """Findings as dictionaries with what each means."""
    for each in found:
        said = meanings[each["meaning"]]
        yield Fault(
            case=f"{each['case']:,}" if each["case"] else "",
            order=str(each["order"] or ""),
            line=f"{each['line']:,}" if each["line"] else "",
            key=each["key"],
            value=shown(each["value"], said.element, known),
            rule=rule(said),
        )


def shown(value: str | None, element: str, known: Table) -> str:
    """A value as a page may show it: IDs are masked, births and names hidden."""
    if not value:
        return ""
    about = known.elements.get(element)
    if about is None or about.form in _MASKED:
        return str(pl.Series([value]).to_frame("id").select(national_id.mask(pl.col("id"))).item())
    return _HIDDEN if about.form == "birth" or about.role == "name" else value


def history(steps: Iterable[Step]) -> list[HistoryStep]:
    """The steps of a month, oldest first."""
    return [
        HistoryStep(each.number, _second(each.at), standing(each.state), each.file_id, _about(each)) for each in steps
    ]


def _second(at: datetime) -> str:
    return f"{moment_text(at)}:{at:%S}"


def _about(step: Step) -> str:
    evidence = step.evidence
    match step.state:
        case State.RECEIVED:
            return text("claims.step.again") if evidence.get("again") else text("claims.step.received")
        case State.CHECKING:
            return text("claims.step.checking", count=evidence["try"])
        case State.SET_ASIDE:
            return text("claims.state.set-aside")
        case _:
            told = text("claims.step.checked", cases=f"{evidence['cases']:,}", rejected=f"{evidence['rejected']:,}")
            done = [text(f"claims.item.{item}") for item in step.items]
            return " ".join([told, text("claims.step.completes", items="、".join(done))]) if done else told
