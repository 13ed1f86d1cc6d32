"""The page of repairs, made from the repairs: ``python -m nhicard.institution.mending.repair_docs docs/mending.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from nhicard.formats.tables import EDITIONS
from nhicard.institution.mending.content import content, reasons
from nhicard.institution.mending.repair import Repair, repairs

_HEAD: Final = """# 修正上傳檔 · Mending files

本頁由程式產生，請勿直接修改；以 `make docs` 更新。This page is made from the program; `make docs` renews it.

`nhicard fix FILE -o OUT` 只改「寫法」，不改「內容」。每一處修改都列出修改前後與理由；其餘的問題連同原因留給人員處理。
輸入檔不會被更動；加 `--dry-run` 只列出、不寫檔。診療內容（診斷、藥品、用法、日數、數量等）、身分、金額與簽章的
內容一律不改。
修改後的值必須合於欄位表與代碼表，而且只有一種可能，否則不改。對已修正的檔再執行一次，不會再有任何修改。

`nhicard fix FILE -o OUT` changes how values are written, never what they say. Every change is told with what stood
there before, and why; what remains is left to a person, with the reason. The input file stays as it is; `--dry-run`
writes nothing. Clinical content (diagnoses, drugs, usage, days, totals …), identities, amounts of money and signatures
keep their content. A mended value must be valid by the tables of fields and codes and the only one possible, or nothing
is changed. Mending a mended file changes nothing.

讀檔時發現結構錯誤（例如缺 `</REC>`、未知的欄位）就不寫出修正檔，因為讀不出來的內容會遺失。UTF-8 的檔會改寫成 Big5。
No mended file is written where reading found faults of structure (a missing `</REC>`, an unknown field): what could
not be read would be lost. A file in UTF-8 is written in Big5.

結束代碼 Exit codes：0 沒有剩下的問題 nothing is left，1 有問題留待人員處理 something is left for a person，
2 檔案無法使用 the file could not be used。
"""


_BIG5: Final = (
    "| `big5` | Y014 | UTF-8 的檔以 Big5 寫出；Big5 沒有的字會指出，不以他字代替。"
    "<br>A file in UTF-8 is written in Big5; a character that Big5 lacks is named, never replaced. |"
)


def render() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_repairs(), *_reasons(), *_content()]) + "\n"


def _repairs() -> Iterator[str]:
    yield "## 修正項目 · Repairs\n"
    yield "| 名稱 name | 可消除的代碼 cures | 做什麼、為何安全 what, and why it is safe |"
    yield "|---|---|---|"
    yield from map(_row, repairs())
    yield _BIG5
    yield ""


def _row(repair: Repair) -> str:
    return f"| `{repair.name}` | {' '.join(repair.codes)} | {repair.zh}<br>{repair.en} |"


def _reasons() -> Iterator[str]:
    yield "## 為何留給人員 · Why something is left\n"
    yield "| 名稱 name | 原因 reason |"
    yield "|---|---|"
    for each in reasons().values():
        yield f"| `{each.name}` | {each.zh}。<br>{each.en}. |"
    yield ""


def _content() -> Iterator[str]:
    yield "## 內容不改的欄位 · Fields whose content is never changed\n"
    yield "| 內容 content | 1.0 | 2.0 |"
    yield "|---|---|---|"
    for kind in ("clinical", "person", "money", "identifier", "signature"):
        named = [" ".join(field for field, holds in content(edition).items() if holds == kind) for edition in EDITIONS]
        yield f"| `{kind}` | {' | '.join(named)} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
