"""Everything that can be worked out before a batch is seen: which expressions run over which frame.

A plan belongs to an edition, a set of loaded lists and the assumptions; the moment of upload is a column, so
one plan serves a whole day of single visits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import polars as pl

from nhicard.checks.deferred import Deferred, deferred
from nhicard.checks.facts import fact_of, is_past
from nhicard.checks.findings import RuleOff
from nhicard.checks.reference import References
from nhicard.checks.requirement import KEYS, MASKS
from nhicard.checks.rule import Rule, Scope, order_question, rules
from nhicard.checks.verification import SIGNATURES, needs_keys
from nhicard.checks.wording import sentences
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import Edition, order_fields, visit_fields

COMMON = ("record", "now", "uploader", "precheck")


@dataclass(frozen=True, slots=True)
class Check:
    """One expression of one rule, blaming one field; ``breaks`` bears a name of its own among the plan's."""

    rule: Rule
    field: str
    scope: Scope
    breaks: pl.Expr
    harmless: int
    zh: str
    en: str


@dataclass(slots=True)
class Plan:
    """The checks of an edition and the columns they ask for, visit columns and order columns apart."""

    edition: Edition
    checks: dict[Scope, list[Check]] = field(default_factory=lambda: {"visit": [], "order": []})
    columns: dict[Scope, list[str]] = field(default_factory=lambda: {"visit": [], "order": []})
    borrowed: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    rules_off: list[RuleOff] = field(default_factory=list)


@lru_cache(maxsize=16)
def plan(
    edition: Edition,
    references: References,
    assumptions: Assumptions,
    *,
    uploader_known: bool,
    keys_known: bool,
    history_known: bool = True,
) -> Plan:
    """The plan for an edition with these lists and assumptions, with or without uploader, verifier and history."""
    out = Plan(edition)
    needed: dict[Scope, dict[str, None]] = {"visit": {}, "order": {}}
    off: dict[str, RuleOff] = {
        entry.code: RuleOff(entry.code, entry.reason, entry.zh, entry.en) for entry in deferred(edition)
    }
    for rule in rules(edition).values():
        left_open = [name for name in rule.off_without if not assumptions[name]]
        broken = [] if left_open else rule.breaks(assumptions)
        if left_open or not broken:
            names = " ".join(left_open or rule.assumptions)
            off[rule.code] = RuleOff(rule.code, "assumption", f"依假設 {names} 不檢核", f"off by assumption {names}")
            continue
        for blamed, breaks in broken:
            scope = rule.scope_of(blamed)
            roots = set(roots_of(breaks))
            missing = {name for name in map(reference_of, roots) if name and name not in references}
            if missing:
                names = "、".join(sorted(missing))
                off[rule.code] = RuleOff(rule.code, "list", f"未載入清單 {names}", f"list not loaded: {names}")
                continue
            if "uploader" in roots and not uploader_known:
                off[rule.code] = RuleOff(
                    rule.code, "uploader", "未指定上傳院所（--institution）", "no uploader given (--institution)"
                )
                continue
            if not keys_known and any(map(needs_keys, roots)):
                off[rule.code] = RuleOff(
                    rule.code, "keys", "需要保險人的金鑰（--keys）", "needs the insurer's keys (--keys)"
                )
                continue
            if not history_known and (unknown := next(filter(is_past, roots), None)):
                waits = Deferred(edition, rule.code, fact_of(unknown).source, "", "")
                off[rule.code] = RuleOff(rule.code, waits.reason, waits.zh, waits.en)
                continue
            zh, en = sentences(rule, blamed)
            harmless = rule.harmless(blamed) if rule.harmless else 0
            named = breaks.alias(f"check {len(out.checks[scope])}")
            out.checks[scope].append(Check(rule, blamed, scope, named, harmless, zh, en))
            needed[scope].update(dict.fromkeys(sorted(roots)))
    _resolve(out, needed)
    active = {check.rule.code for checks in out.checks.values() for check in checks}
    out.rules_off = [_in_part(off[code]) if code in active else off[code] for code in sorted(off)]
    return out


def _in_part(off: RuleOff) -> RuleOff:
    """A rule of which some field could be decided and some could not."""
    return RuleOff(off.code, off.reason, f"部分停用：{off.zh}", f"in part: {off.en}")


def roots_of(expression: pl.Expr) -> Iterator[str]:
    """Columns an expression reads, those behind questions to the orders included."""
    for name in expression.meta.root_names():
        yield name
        if name.startswith(("any:", "count:")):
            yield from (f"order:{inner}" for inner in roots_of(order_question(name.partition(":")[2])))


def reference_of(column: str) -> str | None:
    """The reference list that a column needs, if any."""
    parts = column.removeprefix("order:").split(":")
    return parts[1] if parts[0] in ("known", "covered", "listed", "attribute") else None


def _resolve(out: Plan, needed: Mapping[Scope, Iterable[str]]) -> None:
    """Sort the needed columns by the frame that can make them."""
    of_orders = set(order_fields(out.edition))
    of_visits = set(visit_fields(out.edition))
    visit_columns: dict[str, None] = {}
    order_columns: dict[str, None] = {}
    borrowed: dict[str, None] = {}
    questions: dict[str, None] = {}

    def ask_orders(name: str) -> None:
        if name.startswith("covered:"):
            ask_orders(_day_of(name))
        fields = fields_of(name)
        if name in COMMON or any(part in of_orders for part in fields):
            order_columns[name] = None
            for part in fields:
                if part in of_visits:
                    borrowed[part] = visit_columns[part] = None
        else:
            borrowed[name] = visit_columns[name] = None

    for name in needed["visit"]:
        if name.startswith("order:"):
            ask_orders(name.removeprefix("order:"))
        elif name.startswith(("any:", "count:")):
            questions[name] = None
        else:
            if name.startswith("covered:"):
                visit_columns[_day_of(name)] = None
            visit_columns[name] = None
    for name in needed["order"]:
        ask_orders(name)
    if any(name in MASKS for name in visit_columns):
        visit_columns.update(dict.fromkeys(KEYS[out.edition]))
    for scope, columns in (("visit", visit_columns), ("order", order_columns)):
        for name in list(columns):
            for part in fields_of(name):
                if scope == "order" and part in of_visits:
                    continue
                columns.setdefault(part)
        out.columns[scope] = list(columns)  # type: ignore[index]
    out.borrowed = list(borrowed)
    out.questions = list(questions)


def _day_of(column: str) -> str:
    """The date view that ``covered:list:code:day`` compares with."""
    return f"date:{column.rpartition(':')[2]}"


def fields_of(column: str) -> list[str]:
    """Field ids that a column's name speaks of: ``covered:institutions:M05:M11`` gives M05 and M11."""
    if column in COMMON or column in MASKS:
        return []
    kind, _, rest = column.partition(":")
    if not rest:
        return [kind]
    parts = rest.split(":")
    match kind:
        case "known":
            return parts[1:2]
        case "covered":
            return [parts[1], parts[2]]
        case "listed":
            return parts[1].split(",")
        case "attribute":
            return parts[2:3]
        case "opened":
            return parts[:1]
        case "signed":
            return [rest, *SIGNATURES[rest].facts.values()]
        case "past":
            return list(fact_of(column).reads)
        case _:
            return parts
