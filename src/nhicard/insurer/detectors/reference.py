"""The reference of detectors in a page: ``python -m nhicard.insurer.detectors.reference docs/detectors.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from nhicard.insurer.detectors.detector import detectors

_BEGIN: Final = "<!-- detectors -->"
_END: Final = "<!-- end of detectors -->"
_SEVERITY: Final = {"high": "高 high", "medium": "中 medium", "low": "低 low"}


def renewed(page: str) -> str:
    """The page with the part between the two marks made anew. Raises ValueError where a mark is missing."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError("the page has no marks for the reference")
    lines = "\n".join(_lines())
    return f"{before}{_BEGIN}\n\n{lines}\n{_END}{after}"


def _lines() -> Iterator[str]:
    for each in detectors().values():
        yield f"### {each.name}"
        yield ""
        yield f"**{each.title_zh}**（{_SEVERITY[each.severity]}） {each.about_zh}"
        yield ""
        yield f"**{each.title_en}.** {each.about_en}"
        yield ""
        if each.parameters:
            yield "| parameter | default | 說明 |"
            yield "|---|---|---|"
            for one in each.parameters:
                yield f"| `{one.name}` | {_told(one.default)} | {one.zh}；{one.en} |"
            yield ""


def _told(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(renewed(file.read_text(encoding="utf-8")), encoding="utf-8")
