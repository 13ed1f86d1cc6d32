"""``nhicard explain CLM-103``: a rule on claims, with an example that breaks it and one that keeps it."""

from __future__ import annotations

import re
from typing import Final

from nhicard.checks.claims.cases import all_cases
from nhicard.checks.claims.rule import Rule, Vocabulary, rules
from nhicard.formats import assumptions
from nhicard.formats.claims import KINDS, table

PREFIX: Final = "CLM"
_KINDS: Final = {"outpatient": "門診 outpatient", "inpatient": "住診 inpatient", "pharmacy": "藥局 pharmacy"}

_NAMED: Final = re.compile(r"\{element\}(?:（\{name\}）| \(\{name\}\))|^\{element\}")
_AFTER_A_NOUN: Final = re.compile(r"(?: in)?\s*[（(]?\{element\}[）)]?(?=\s?)")


def found(term: str) -> Rule | None:
    """The rule of a code, however it is written (``clm-103``, ``CLM103``)."""
    number = term.upper().removeprefix(PREFIX).lstrip("-_ ")
    return rules().get(f"{PREFIX}-{number}") if term.upper().startswith(PREFIX) else None


def sentences(rule: Rule) -> tuple[str, str]:
    """What the rule says of no element in particular, in Chinese and English."""
    zh, en = (
        _AFTER_A_NOUN.sub("", _NAMED.sub(word, text)) for word, text in (("此欄位", rule.zh), ("this field", rule.en))
    )
    return zh, en[:1].upper() + en[1:]


def rows(rule: Rule) -> list[tuple[str, str]]:
    """What is told of a rule beside its sentences: names and values."""
    chosen = assumptions.load()
    kinds = [kind for kind in KINDS if rule.applies(of := Vocabulary(table(kind), chosen)) and rule.breaks(of)]
    told = [("格式 kinds", "、".join(_KINDS.get(kind, kind) for kind in kinds))]
    for each in map(assumptions.describe, rule.assumptions):
        told.append((f"假設 assumption\n{each.name}", f"{each.choice_zh}\n{each.choice_en}"))
    example = next((case for case in all_cases() if case.code == rule.code), None)
    if example:
        told += [
            ("錯誤示例 breaks it", f"{example.base}: {example.breaks or '（不變 as it stands）'}"),
            ("正確示例 keeps it", f"{example.base}: {example.keeps or '（不變 as it stands）'}"),
            ("指出欄位 blames", example.element),
        ]
    return told
