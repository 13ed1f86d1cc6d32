"""``docs/assumptions.md``, written from ``data/assumptions.toml``.

``python -m nhicard.formats.assumption_docs docs/assumptions.md`` renews the page.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nhicard.formats.assumptions import Assumption, describe, names

_HEAD = """\
# 未定事項與本系統的選擇 · Open questions and the choices made

本頁由 `assumptions.toml` 產生，請勿直接修改。官方文件沒寫清楚、或前後不一致的地方，本系統各選一種作法，
取個名字，寫在這裡。原則：有疑問時寧可不退件，也不讓規則互相矛盾。清單或文字留空，表示來源沒有，
靠它的檢查就關閉，報告會列出來。

This page is made from `assumptions.toml`; do not edit it. Where the official texts are silent or
contradict themselves, one reading is chosen, given a name and listed here. Two principles: when in doubt
a record is not rejected, and no two rules may contradict each other. An empty list or text means that the
sources lack it; what rests on it is off, and the report says so.

## 如何更改 · How to override

在設定檔 `nhicard.toml` 的 `[assumptions]` 下，用同一個名字寫新值；表格只需寫要改的項目。
名字或型別寫錯會直接報錯。

Write the new value under the same name in `[assumptions]` of the configuration file `nhicard.toml`; of a
table only the changed keys are needed. A wrong name or type is an error.

```toml
[assumptions]
days_limit_inclusive = false
ad40_items = ["12345A"]
fault_scopes = { Y003 = "file" }
```
"""

_CHAPTERS = {
    "both": "兩種格式 · Both editions",
    "1.0": "格式 1.0 · Edition 1.0",
    "2.0": "格式 2.0 · Edition 2.0",
    "claims": "申報檔 · Claim files",
}


def render() -> str:
    """The whole page as Markdown, ending in a newline."""
    assumptions = [describe(name) for name in names()]
    parts = [_HEAD]
    for edition, title in _CHAPTERS.items():
        parts.append(f"## {title}\n")
        parts.extend(_section(a) for a in assumptions if a.edition == edition)
    return "\n".join(parts)


def _section(assumption: Assumption) -> str:
    def prose(text: str) -> str:
        return text.replace("<", "&lt;")  # </REC> is no tag of this page

    allowed = " · ".join(f"`{value}`" for value in assumption.allowed)
    lines = [
        f"### {assumption.name}",
        "",
        f"`{assumption.name} = {toml_value(assumption.value)}`",
        "",
        f"- 影響 · touches: {'、'.join('全部 · all' if c == '*' else f'`{c}`' for c in assumption.codes)}",
        *(["- 內建的讀法，不能以設定更改 · built in: no setting changes it"] if assumption.built_in else []),
        *([f"- 可用的值 · allowed: {allowed}"] if allowed else []),
        f"- 問題：{prose(assumption.question_zh)}",
        f"- 選擇：{prose(assumption.choice_zh)}",
        f"- 何者可定案：{assumption.settled_by_zh}。",
        f"- Question: {prose(assumption.question_en)}",
        f"- Choice: {prose(assumption.choice_en)}",
        f"- Settled by: {assumption.settled_by_en}.",
        "",
    ]
    return "\n".join(lines)


def toml_value(value: Any) -> str:
    """A value as it is written in TOML; tables inline."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
