"""The sentences of a finding: the rule's own, with what the tables know of the blamed field filled in."""

from __future__ import annotations

from string import Formatter

from nhicard.checks.rule import Rule
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import fields


def sentences(rule: Rule, blamed: str, assumptions: Assumptions) -> tuple[str, str]:
    """The Chinese and the English sentence of a finding of this rule on this field."""
    known = fields(rule.edition).get(blamed)
    facts = {"field": blamed, "name": blamed, "length": "?", "type": "", "values": ""}
    zh, en = dict(facts), dict(facts)
    if known is not None:
        zh["name"], en["name"] = known.name_zh, known.name_en
        if known.length is not None:
            zh["length"] = en["length"] = str(known.length)
        zh["type"], en["type"] = ("數字", "digits") if known.type == "9" else ("文數字", "letters and digits")
    return _fill(rule.zh, zh), _fill(rule.en, en)


def _fill(template: str, facts: dict[str, str]) -> str:
    """``str.format`` for the known names only: other braces stay as they are."""
    out = []
    for literal, name, _, _ in Formatter().parse(template):
        out.append(literal)
        if name is not None:
            out.append(facts.get(name, "{" + name + "}"))
    return "".join(out)
