"""What the tests read in the documentation: pages, links, headings, blocks of code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "tests" / "release" / "README.md"])
_FENCE: Final = re.compile(
    r"^(?:<!-- runnable(?:: exit (?P<exit>\d))? -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)
_RUNNABLE: Final = re.compile(r"^<!-- runnable", re.M)
_INDENTED: Final = re.compile(r"(?:^    .+\n?)+", re.M)
_CODE: Final = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; ``exit_code`` is None where it is not marked as runnable."""

    page: Path
    language: str
    text: str
    exit_code: int | None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.text.splitlines()[0] if self.text else ''}"


def blocks(page: Path) -> Iterator[Block]:
    """The page's fenced blocks."""
    for found in _FENCE.finditer(page.read_text("utf-8")):
        marked = found[0].startswith("<!-- runnable")
        yield Block(page, found["language"], found["text"], int(found["exit"] or 0) if marked else None)


def marks(page: Path) -> int:
    """How many blocks the page marks as runnable."""
    return len(_RUNNABLE.findall(prose(page))) + sum(block.exit_code is not None for block in blocks(page))


def prose(page: Path) -> str:
    """The page without its fenced blocks and their marks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def links(page: Path) -> list[str]:
    """Where the page's links and pictures lead within the repository; the anchor stays."""
    found = re.findall(r"\]\(([^)\s]+)\)", _CODE.sub("", prose(page)))
    return [each for each in found if not re.match(r"[a-z]+:", each)]


def anchors(page: Path) -> set[str]:
    """The anchors of the page: those written out, and those of its headings as code hosts make them."""
    seen: Counter[str] = Counter()
    found = set(re.findall(r'<a (?:id|name)="([^"]+)"', prose(page)))
    for heading in re.findall(r"^#{1,6} +(.+?) *$", prose(page), re.M):
        words = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def commands(page: Path) -> Iterator[str]:
    """Every ``nhicard …`` on the page: in blocks, indented or fenced, and in the text."""
    shown = [block.text for block in blocks(page) if block.language in {"", "console", "sh", "bash"}]
    for block in [*shown, *_INDENTED.findall(prose(page))]:
        for line in block.replace("\\\n", " ").splitlines():
            if found := re.match(r"\s*(?:\$ )?((?:[\w./]*/)?nhicard [^#]*)", line):
                yield re.split(r" {3,}|[|&;(（　]|#", found[1].strip())[0]
    for code in _CODE.findall(prose(page)):
        if code.startswith("nhicard "):
            yield re.split(r"[&;]", code)[0]
