"""``docs/reference-lists.md``, made from ``lists.toml`` and the rulebook.

``python -m nhicard.checks.reference.list_docs docs/reference-lists.md`` renews the page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from nhicard.checks.plan import reference_of, roots_of
from nhicard.checks.reference.catalogue import VALIDITY, ListSpec, Separated, catalogue
from nhicard.checks.rule import rules
from nhicard.formats import assumptions
from nhicard.formats.tables import EDITIONS, Edition

_HEAD = """\
# 參考清單 · Reference lists

本頁由 `lists.toml` 與規則產生，請勿直接修改。許多檢核要比對名單：院所、人員、藥品、診斷碼……
把清單檔放進一個資料夾，以 `nhicard check FILE --reference 資料夾` 載入；沒有載入的清單，靠它的檢核就關閉，
報告會列出來。載入的清單取代內附的同名清單（藥品則併入內附的中藥品項）；同一清單可分成幾個檔。

This page is made from `lists.toml` and the rulebook; do not edit it. Many rules look things up in lists:
institutions, staff, drugs, diagnoses … Put the files into a folder and load it with
`nhicard check FILE --reference FOLDER`. A list that is not loaded switches its rules off, and the report says
so. A loaded list takes the place of the shipped one (drugs: the shipped Chinese-medicine items are added);
a list may be spread over several files.

## 檔案寫法 · How files are written

- 檔名決定是哪一份清單（見各清單，大小寫不拘）；認不得的檔案會列在報告裡，不會默默略過。
  The file name tells which list it is (see each list; case does not matter). Files that belong to no list are
  reported, never passed over in silence.
- `.csv`：有標題列，逗號分隔，UTF-8（有無 BOM 皆可）或 Big5；標題用下面任一名稱，其餘欄位略過，`-` 視為空白。
  `.csv`: header line, commas, UTF-8 (with or without BOM) or Big5. Any of the headers below will do; other
  columns are left alone, and `-` means empty.
- 日期：民國 `1121016` 或西元 `20231016`，可加 `-`、`/`、`.`；空白或 `9991231` 表示沒有期限。
  Dates: ROC `1121016` or Western `20231016`, with or without `-`, `/` or `.`; blank or `9991231` is open.
- 看不懂的檔案會指出檔名、行號與欄位，並停止檢核。
  A file that cannot be understood stops the check with its name, line and column.
"""


def render() -> str:
    """The whole page as Markdown, ending in a newline."""
    sections = [line for spec in catalogue().values() for line in _section(spec)]
    return "\n".join([_HEAD, *sections])


def codes_of(name: str) -> dict[Edition, list[str]]:
    """Error codes by edition that look something up in the list or in one that follows from it."""
    spec = catalogue()[name]
    names = {name, f"{name}_complete", *(f"{name.removesuffix('s')}_{value}" for value in spec.expected)}
    return {edition: [code for code, lists in _lists_by_code(edition).items() if names & lists] for edition in EDITIONS}


@cache
def _lists_by_code(edition: Edition) -> dict[str, set[str]]:
    """Lists that each rule asks for, under the packaged assumptions."""
    chosen = assumptions.load(_EXAMPLES)
    return {
        code: {name for _, breaks in rule.breaks(chosen) for root in roots_of(breaks) if (name := reference_of(root))}
        for code, rule in sorted(rules(edition).items())
        if all(chosen[name] for name in rule.off_without)
    }


# Some rules look at a list only once these are set; any value shows it.
_EXAMPLES = {"no_insurance_numbers": ["G000"]}


def _section(spec: ListSpec) -> Iterator[str]:
    yield f"## {spec.name}：{spec.zh}\n\n{spec.en}\n"
    for edition, codes in codes_of(spec.name).items():
        if codes:
            yield f"- 格式 {edition} 檢核 · codes of {edition}: {' '.join(f'`{code}`' for code in codes)}"
    yield f"- 檔名 · file names: {' '.join(f'`{pattern}`' for pattern in spec.files)}"
    yield f"- 取得 · where to get it：{spec.from_zh}。{spec.from_en}."
    if spec.beside:
        yield f"- 載入 `{spec.beside}` 時一併啟用。Comes with `{spec.beside}`, empty without a file of its own."
    if spec.layout:
        yield f"- 其他副檔名 · other extensions: {_layout(spec)}"
    yield "\n| 欄位 column | 標題 headers | 說明 note |\n|---|---|---|"
    for column in spec.columns:
        yield f"| {column} | {' '.join(f'`{name}`' for name in spec.headers[column])} | {_note(spec, column)} |"
    yield ""


def _layout(spec: ListSpec) -> str:
    if isinstance(spec.layout, Separated):
        return f"UTF-8, `{spec.layout.separator}`: {' '.join(spec.layout.columns)}"
    assert spec.layout
    places = "，".join(f"{column} {first}-{last}" for column, (first, last) in spec.layout.columns.items())
    line = spec.layout.first_line
    return f"固定欄寬 fixed width (bytes from 1): {places}；自第 {line} 行 from line {line}"


def _note(spec: ListSpec, column: str) -> str:
    if column in VALIDITY:
        return "可省略，含當日 may be left out, inclusive"
    if column in spec.keys:
        return "可空白 may be blank" if column in spec.optional else "必填 required"
    return "可省略 may be left out"


def main() -> None:
    """Write the page to the path given."""
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
