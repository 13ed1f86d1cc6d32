"""``nhicard explain``: a code or a field, in both languages, with an example that breaks it and one that keeps it."""

from __future__ import annotations

from typing import Final

from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nhicard.checks.cases import Case
from nhicard.checks.claims.rule import Rule
from nhicard.checks.explanation import CodeExplanation, FieldExplanation, explain, nearest
from nhicard.cli import explain_claims

_MANY: Final = 24
_SEVERITIES: Final = {
    "reject": "退件 rejected",
    "warn": "提示，仍收載 accepted with a warning",
    "file": "整份退件 the whole file is rejected",
}


def run(terms: list[str]) -> int:
    """Explain every term; 2 when one is unknown."""
    console = Console(highlight=False)
    errors = Console(stderr=True, highlight=False)
    missing = False
    for term in terms:
        if of_claims := explain_claims.found(term):
            console.print(_claim_rule(of_claims))
            continue
        found = explain(term) or explain(term.upper())
        if not found:
            missing = True
            near = nearest(term)
            hint = f" 您要找的是：{'、'.join(near)}？ Did you mean {', '.join(near)}?" if near else ""
            errors.print(
                f"沒有 {term} 這個代碼或欄位。 There is no code or field {term}.{hint}", markup=False, soft_wrap=True
            )
        for entry in found:
            console.print(_code(entry) if isinstance(entry, CodeExplanation) else _field(entry))
    return 2 if missing else 0


def _panel(title: str, parts: list[Text | Table | Padding]) -> Panel:
    return Panel(Group(*parts), title=Text(title, style="bold"), title_align="left", padding=(1, 2))


def _code(entry: CodeExplanation) -> Panel:
    parts: list[Text | Table | Padding] = [Text(entry.zh), Text(entry.en, style="dim")]
    if entry.rule:
        for paragraph in entry.rule.more:
            parts.append(Padding(Text(paragraph), (1, 0, 0, 0)))
    table = _table()
    if entry.rule:
        words = _SEVERITIES[entry.rule.severity]
        if entry.rule.warns_before:
            words += f"；{entry.rule.warns_before} 前僅提示 only a warning before that day"
        table.add_row("嚴重度 severity", words)
        if entry.rule.since:
            table.add_row("實施日 since", str(entry.rule.since))
    elif entry.deferred:
        table.add_row("未檢核 not checked", f"{entry.deferred.zh}\n{entry.deferred.en}")
    if entry.blames:
        table.add_row("指出欄位 blames", _names(entry.blames))
    if entry.reads:
        table.add_row("讀取欄位 reads", _names(entry.reads))
    if entry.lists:
        table.add_row("所需清單 needs lists", " ".join(entry.lists))
    for assumption in entry.assumptions:
        table.add_row(f"假設 assumption\n{assumption.name}", f"{assumption.choice_zh}\n{assumption.choice_en}")
    if entry.example:
        table.add_row("錯誤示例 breaks it", _example(entry.example, entry.example.breaks))
        table.add_row("正確示例 keeps it", _example(entry.example, entry.example.keeps))
    parts.append(Padding(table, (1, 0, 0, 0)))
    return _panel(f"{entry.code}  格式 {entry.edition}  {entry.official.meaning_zh}", parts)


def _claim_rule(rule: Rule) -> Panel:
    zh, en = explain_claims.sentences(rule)
    parts: list[Text | Table | Padding] = [Text(zh), Text(en, style="dim")]
    parts += [Padding(Text(paragraph), (1, 0, 0, 0)) for paragraph in rule.more]
    table = _table()
    table.add_row("嚴重度 severity", _SEVERITIES[rule.severity])
    for name, value in explain_claims.rows(rule):
        table.add_row(name, value)
    parts.append(Padding(table, (1, 0, 0, 0)))
    return _panel(f"{rule.code}  申報 claims", parts)


def _example(case: Case, changes: tuple[str, ...]) -> str:
    shown = "\n".join(changes) or "（不變 as it stands）"
    return f"{case.base}: {shown}" if len(changes) < 2 else f"{case.base}:\n{shown}"


def _field(entry: FieldExplanation) -> Panel:
    field = entry.field
    table = _table()
    length = "?" if field.length is None else str(field.length) + (f",{field.decimals}" if field.decimals else "")
    table.add_row("位置 place", field.segment)
    table.add_row("型態長度 type, length", f"{field.type or '?'}({length})  {entry.form}")
    table.add_row("必填類別 required for", _names(entry.required) or "—")
    table.add_row("不應填 must be absent for", _names(entry.forbidden) or "—")
    if entry.values:
        shown = [f"{value.code}  {value.name_zh}  {value.name_en}".rstrip() for value in entry.values[:_MANY]]
        if len(entry.values) > _MANY:
            shown.append(f"… 共 {len(entry.values)} 個 in all")
        table.add_row("代碼 values", "\n".join(shown))
    table.add_row("指出本欄的代碼 codes that blame it", _names(entry.blamed_by) or "—")
    table.add_row("另讀取本欄 also read by", _names(entry.read_by) or "—")
    table.add_row("依據 basis", field.basis + (f"；{field.note}" if field.note else ""))
    return _panel(f"{field.id}  格式 {entry.edition}  {field.name_zh}  {field.name_en}", [table])


def _table() -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=False, max_width=24)
    table.add_column(overflow="fold")
    return table


def _names(names: tuple[str, ...]) -> str:
    return " ".join(names) if len(names) <= 60 else f"{' '.join(names[:60])} …"
