"""What a code or a field means, gathered from rules, tables and cases: for ``nhicard explain`` and the docs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cache

import polars as pl

from nhicard.checks.cases import Case, cases_of
from nhicard.checks.deferred import Deferred, deferred
from nhicard.checks.facts import is_past
from nhicard.checks.official import OfficialCode, official
from nhicard.checks.plan import fields_of, reference_of, roots_of
from nhicard.checks.requirement import cells
from nhicard.checks.rule import Rule, rules
from nhicard.checks.verification import needs_keys
from nhicard.checks.wording import sentences
from nhicard.formats import assumptions
from nhicard.formats.assumptions import Assumption
from nhicard.formats.tables import EDITIONS, Code, Edition, Field, code_tables, codes, fields, forms

# Faults that reading itself finds: no rule stands behind them.
FOUND_WHILE_READING = frozenset({"Y002", "Y003", "Y004", "Y005", "Y006", "Y007", "Y014", "Y015"})
_NEEDS_KEYS = (
    "只有保險人能檢核：需要保險人的金鑰與醫事機構清單（nhicard check --keys）。"
    "Only the insurer can check this: it takes the insurer's keys and the list of institutions (nhicard check --keys)."
)
_NEEDS_HISTORY = (
    "只有保險人能檢核：需比對保險人已收載的紀錄與院所狀態。"
    "Only the insurer can check this: it takes the records that it already holds and the standing of the institution."
)


@dataclass(frozen=True, slots=True)
class CodeExplanation:
    """One code of one edition. ``rule`` is None for a deferred code and for what reading finds."""

    edition: Edition
    code: str
    official: OfficialCode
    rule: Rule | None
    deferred: Deferred | None
    zh: str
    en: str
    blames: tuple[str, ...]
    reads: tuple[str, ...]
    lists: tuple[str, ...]
    assumptions: tuple[Assumption, ...]
    example: Case | None


@dataclass(frozen=True, slots=True)
class FieldExplanation:
    """One field: its place and form, where it is required or forbidden, its values, the codes that speak of it."""

    edition: Edition
    field: Field
    form: str
    required: tuple[str, ...]
    forbidden: tuple[str, ...]
    values: tuple[Code, ...]
    blamed_by: tuple[str, ...]
    read_by: tuple[str, ...]


@cache
def _expressions(edition: Edition, code: str) -> tuple[tuple[str, pl.Expr], ...]:
    rule = rules(edition)[code]
    # A rule that the packaged assumptions switch off speaks under those of its cases.
    assumed = [{}, *(dict(case.assume) for case in cases_of(edition, code) if case.assume)]
    for overrides in assumed:
        chosen = assumptions.load(overrides)
        if all(chosen[name] for name in rule.off_without) and (broken := rule.breaks(chosen)):
            return tuple(broken)
    return ()


def explain_code(edition: Edition, code: str) -> CodeExplanation:
    """Explain a code; KeyError where the edition has none of that name."""
    entry = official(edition)[code]
    rule = rules(edition).get(code)
    waiting = next((each for each in deferred(edition) if each.code == code), None)
    if rule is None:
        why = waiting or None
        zh = why.zh if why else "讀檔時即檢核：檔案結構、欄位代號與編碼。"
        en = why.en if why else "Found while reading: structure, field ids and encoding of the file."
        return CodeExplanation(edition, code, entry, None, waiting, zh, en, entry.fields, (), (), (), None)
    broken = _expressions(edition, code)
    roots = [root for _, expression in broken for root in roots_of(expression)]
    reads = dict.fromkeys(field for root in roots for field in fields_of(root.removeprefix("order:")))
    lists = dict.fromkeys(name for root in roots if (name := reference_of(root)))
    known = fields(edition)
    blamed = tuple(dict.fromkeys(name for name, _ in broken))
    shown = blamed[0] if len(blamed) == 1 else rule.field
    zh, en = sentences(rule, shown)
    found = cases_of(edition, code)
    return CodeExplanation(
        edition=edition,
        code=code,
        official=entry,
        rule=replace(rule, more=(*rule.more, *_at_the_insurer(roots))),
        deferred=None,
        zh=zh,
        en=en,
        blames=blamed,
        reads=tuple(name for name in reads if name in known),
        lists=tuple(lists),
        assumptions=tuple(assumptions.describe(name) for name in rule.assumptions),
        example=found[0].with_its_scene() if found else None,
    )


def _at_the_insurer(roots: list[str]) -> list[str]:
    """What to say of a rule that only the insurer can decide."""
    said = ((needs_keys, _NEEDS_KEYS), (is_past, _NEEDS_HISTORY))
    return [sentence for needs, sentence in said if any(map(needs, roots))]


def explain_field(edition: Edition, field_id: str) -> FieldExplanation:
    """Explain a field; KeyError where the edition has none of that id."""
    field = fields(edition)[field_id]
    form = forms(edition)[field_id]
    kinds = ("1", "3") if edition == "1.0" else ("A",)
    mine = [
        cell
        for cell in cells(edition)
        if cell.field == field_id and cell.data_type == "1" and cell.upload_kind in kinds
    ]
    blamed_by, read_by = [], []
    for code in rules(edition):
        broken = _expressions(edition, code)
        if any(field_id == blamed for blamed, _ in broken):
            blamed_by.append(code)
        elif any(field_id in fields_of(root.removeprefix("order:")) for _, one in broken for root in roots_of(one)):
            read_by.append(code)
    tables = [name for name in code_tables(edition) if name == field_id or name.startswith(f"{field_id}-")]
    return FieldExplanation(
        edition=edition,
        field=field,
        form=form.form,
        required=tuple(dict.fromkeys(cell.visit_category for cell in mine if cell.requirement == "V")),
        forbidden=tuple(dict.fromkeys(cell.visit_category for cell in mine if cell.requirement == "~")),
        values=tuple(entry for name in tables for entry in codes(edition, name).values()),
        blamed_by=tuple(blamed_by),
        read_by=tuple(read_by),
    )


def explain(term: str) -> list[CodeExplanation | FieldExplanation]:
    """Everything that bears the name, in both editions; empty where nothing does."""
    found: list[CodeExplanation | FieldExplanation] = []
    for edition in reversed(EDITIONS):
        if term in official(edition):
            found.append(explain_code(edition, term))
        if term in fields(edition):
            found.append(explain_field(edition, term))
    return found


def nearest(term: str) -> list[str]:
    """Names that the user may have meant, the likeliest first."""
    names = {name for edition in EDITIONS for name in (*official(edition), *fields(edition))}
    likeness = {name: SequenceMatcher(None, term.upper(), name).ratio() for name in names}
    close = sorted((-ratio, name) for name, ratio in likeness.items() if ratio >= 0.6)
    return [name for _, name in close[:5]]
