"""The rule reference, made from the rulebook: ``python -m nhicard.checks.rule_docs docs/rules.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from nhicard.checks.explanation import CodeExplanation, explain_code
from nhicard.checks.official import official
from nhicard.formats.tables import EDITIONS, Edition

_HEAD = """# 檢核規則 / Rules

本頁由規則程式產生，請勿手動修改；以 `make docs` 更新。This page is made from the rulebook; `make docs` renews it.

`nhicard explain CODE` 在命令列顯示同樣的內容。`nhicard explain CODE` prints the same on the command line.
"""


def render() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(line for edition in reversed(EDITIONS) for line in _edition(edition))]) + "\n"


def _edition(edition: Edition) -> Iterator[str]:
    entries = [explain_code(edition, code) for code in official(edition)]
    done = sum(1 for entry in entries if entry.deferred is None)
    yield f"## 格式 {edition} / Edition {edition}\n"
    yield f"{len(entries)} 個代碼，{done} 個已檢核，{len(entries) - done} 個待保險人端資料。"
    yield f"{len(entries)} codes, {done} checked, {len(entries) - done} waiting for what only the insurer has.\n"
    yield "| code | 欄位 fields | 嚴重度 severity | 狀態 status |"
    yield "|---|---|---|---|"
    for entry in entries:
        yield f"| [{entry.code}](#{_anchor(entry)}) | {_blames(entry)} | {_severity(entry)} | {_status(entry)} |"
    yield ""
    for entry in entries:
        yield from _section(entry)


def _anchor(entry: CodeExplanation) -> str:
    return f"{entry.edition.replace('.', '')}-{entry.code.lower()}"


def _blames(entry: CodeExplanation) -> str:
    names = entry.blames
    return "*" if len(names) > 6 or names == ("*",) else " ".join(names)


def _severity(entry: CodeExplanation) -> str:
    if entry.rule is None:
        return entry.official.severity
    words = {"reject": "退件 reject", "warn": "提示 warn", "file": "整份退件 file"}
    shown = words[entry.rule.severity]
    return f"{shown}; {entry.rule.warns_before} 前提示 warns before" if entry.rule.warns_before else shown


def _status(entry: CodeExplanation) -> str:
    if entry.deferred:
        return entry.deferred.reason
    return "讀檔 reading" if entry.rule is None else "規則 rule"


def _section(entry: CodeExplanation) -> Iterator[str]:
    yield f'<a id="{_anchor(entry)}"></a>'
    yield f"### {entry.code}（{entry.edition}）{entry.official.meaning_zh}\n"
    yield f"{entry.zh}\n"
    yield f"{entry.en}\n"
    if entry.rule is not None:
        for paragraph in entry.rule.more:
            yield f"{paragraph}\n"
    facts = []
    if entry.reads:
        facts.append(f"讀取欄位 reads: {' '.join(entry.reads) if len(entry.reads) <= 20 else 'all'}")
    if entry.lists:
        facts.append(f"所需清單 lists: {' '.join(entry.lists)}")
    if entry.assumptions:
        links = ", ".join(f"[{a.name}](assumptions.md#{a.name})" for a in entry.assumptions)
        facts.append(f"依據假設 rests on: {links}")
    if entry.example is not None:
        facts.append(f"錯誤示例 breaks: `{_shown(entry.example.breaks)}`（{entry.example.base}）")
        facts.append(f"正確示例 keeps: `{_shown(entry.example.keeps)}`")
    yield from (f"- {fact}" for fact in facts)
    if facts:
        yield ""


def _shown(changes: tuple[str, ...]) -> str:
    return " ; ".join(changes) or "（不變 as it stands）"


def main() -> None:
    """Write the page to the path given, or to standard output."""
    text = render()
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
