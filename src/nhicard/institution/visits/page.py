"""The tables of docs/visits.md, made from the data: ``python -m nhicard.institution.visits.page docs/visits.md``."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from nhicard.institution.visits.code_pairs import left_out
from nhicard.institution.visits.columns import Owner, columns, table
from nhicard.institution.visits.derivations import STEPS

_OWNERS: Final[dict[Owner, str]] = {"visit": "就醫的欄 · Of the visit", "order": "醫令的欄 · Of an order"}


def _columns() -> Iterator[str]:
    for of, title in _OWNERS.items():
        yield f"### {title}\n"
        yield "| 欄 column | 2.0 | 1.0 | 名稱 | name | 形式 form | 例 example | 說明 note |"
        yield "|---|---|---|---|---|---|---|---|"
        for each in columns().values():
            if each.of == of:
                facts = (each.field20, each.field10, each.name_zh, each.name_en, each.form, each.example, each.note)
                yield f"| `{each.column}` | {' | '.join(facts)} |"
        yield ""


def _derivations() -> Iterator[str]:
    for step in STEPS:
        chinese, english = (" ".join(part.split()) for part in (step.__doc__ or "").split("\n\n"))
        yield f"- **{step.__name__}** {_joined(chinese)}  \n  {english}"


def _left_out() -> Iterator[str]:
    yield "| 2.0 | 值 value | 不寫入 left out | 原因 | why |"
    yield "|---|---|---|---|---|"
    words = {"visit": "整筆就醫 the visit", "order": "這筆醫令 the order", "value": "這個值 the value"}
    for each in left_out():
        yield f"| {each.field} | {each.code} | {words[each.scope]} | {each.zh} | {each.en} |"


def _queries() -> Iterator[str]:
    yield "| 2.0 | 查詢 query | 怎麼取得 | how |"
    yield "|---|---|---|---|"
    for row in table("queries").iter_rows(named=True):
        kind = f"（H01={row['upload_kind']}）" if row["upload_kind"] else ""
        field = "其他 others" if row["field"] == "*" else row["field"]
        yield f"| {field}{kind} | {row['query']} | {row['how_zh']} | {row['how_en']} |"


def _joined(chinese: str) -> str:
    """Chinese wrapped over lines has no blanks where the lines met."""
    return re.sub(r"(?<=[\u3000-\u9fff\uff00-\uffef]) (?=[\u3000-\u9fff\uff00-\uffef])", "", chinese)


_PARTS: Final[dict[str, Callable[[], Iterator[str]]]] = {
    "columns": _columns,
    "derivations": _derivations,
    "left out": _left_out,
    "queries": _queries,
}


def renewed(page: str) -> str:
    """The page with each part between its markers made anew; ValueError where a marker is missing."""
    for name, lines in _PARTS.items():
        begin, end = f"<!-- {name}: made from the data -->\n", f"<!-- end of {name} -->"
        head, found, rest = page.partition(begin)
        _, closed, tail = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"the page has no markers for {name}")
        page = head + begin + "\n" + "\n".join(lines()).rstrip("\n") + "\n\n" + end + tail
    return page


def main() -> None:
    """Renew the page given."""
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
