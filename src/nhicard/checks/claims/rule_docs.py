"""The table of rules in ``docs/claims.md``: ``python -m nhicard.checks.claims.rule_docs docs/claims.md`` renews it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from nhicard.checks.claims.rule import Rule, Vocabulary, rules
from nhicard.formats import assumptions
from nhicard.formats.claims import KINDS, table

_MARKS: Final = ("<!-- rules -->", "<!-- end of rules -->")
_SEVERITIES: Final = {"reject": "退件 reject", "warn": "提示 warn", "file": "整檔退件 file"}


def render() -> str:
    """The table as Markdown: code, kinds, severity, what it says."""
    lines = ["| 代碼 code | 格式 kinds | 結果 | 說明 what it says |", "|---|---|---|---|"]
    lines += [_row(rule) for rule in rules().values()]
    return "\n".join(lines)


def _row(rule: Rule) -> str:
    chosen = assumptions.load()
    kinds = [kind for kind in KINDS if rule.applies(of := Vocabulary(table(kind), chosen)) and rule.breaks(of)]
    words = "<br>".join(re.sub(r"\{(\w+)\}", r"`\1`", text.replace("<", "&lt;")) for text in (rule.zh, rule.en))
    return f"| {rule.code} | {', '.join(kinds)} | {_SEVERITIES[rule.severity]} | {words} |"


def renewed(page: str) -> str:
    """The page with the table between its marks."""
    before, rest = page.split(_MARKS[0])
    after = rest.split(_MARKS[1])[1]
    return f"{before}{_MARKS[0]}\n\n{render()}\n\n{_MARKS[1]}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
