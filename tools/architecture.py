"""The rooms and who imports whom, drawn from the code: ``python tools/architecture.py docs/images/architecture.svg``.

A room stands above all that it imports. An arrow that others already imply is left out.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Final

import grimp

Arrows = Mapping[str, frozenset[str]]
_WIDTH, _HEIGHT, _ACROSS, _DOWN, _MARGIN = 290, 58, 40, 52, 24
_LETTERS: Final = 46
_STYLE: Final = """
    text { font-family: system-ui, "Noto Sans", sans-serif; fill: #1b2733 }
    .name { font-size: 16px; font-weight: 600 } .about { font-size: 11px; fill: #4a5a69 }
    rect { fill: #f4f7fa; stroke: #7c93a8; stroke-width: 1.5 }
    path.arrow { fill: none; stroke: #7c93a8; stroke-width: 1.5 }
"""


def rooms(package: str) -> dict[str, frozenset[str]]:
    """The packages right under ours, and which of the others each imports anywhere."""
    graph = grimp.build_graph(package, cache_dir=None)
    found = sorted(child for child in graph.find_children(package) if graph.find_children(child))
    for room in found:
        graph.squash_module(room)
    return {
        room.rpartition(".")[2]: frozenset(
            other.rpartition(".")[2]
            for other in found
            if other != room and graph.direct_import_exists(importer=room, imported=other)
        )
        for room in found
    }


def floors(imports: Arrows) -> list[list[str]]:
    """The rooms by floor, the ground floor first: each stands right above the highest that it imports."""

    @cache
    def floor(room: str) -> int:
        return max((floor(other) + 1 for other in imports[room]), default=0)

    top = max(map(floor, imports))
    return [sorted(room for room in imports if floor(room) == number) for number in range(top + 1)]


def essential(imports: Arrows) -> list[tuple[str, str]]:
    """The arrows that no longer way implies."""

    @cache
    def reached(room: str) -> frozenset[str]:
        return imports[room].union(*map(reached, imports[room]))

    return [
        (room, other)
        for room in sorted(imports)
        for other in sorted(imports[room])
        if not any(other in reached(between) for between in imports[room])
    ]


def about(room: str) -> str:
    """The first line of the room's own docstring, as much as a box holds."""
    told = ast.get_docstring(ast.parse((files("nhicard") / room / "__init__.py").read_text("utf-8"))) or ""
    line = " ".join(told.partition("\n\n")[0].split()).replace("``", "").partition(". ")[0].rstrip(".")
    return line if len(line) <= _LETTERS else f"{line[: _LETTERS - 1].rpartition(' ')[0]} …"


def svg(imports: Arrows) -> str:
    """The picture."""
    levels = floors(imports)
    widest = max(map(len, levels))
    width = 2 * _MARGIN + widest * (_WIDTH + _ACROSS) - _ACROSS
    height = 2 * _MARGIN + len(levels) * (_HEIGHT + _DOWN) - _DOWN
    places = dict(_places(levels, width, height))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="t">',
        f'<title id="t">The rooms of nhicard: {escape(_in_words(imports))}</title>',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#7c93a8"/></marker></defs>',
        f'<rect width="{width}" height="{height}" style="fill:#fff;stroke:none"/>',
        *(_arrow(places[room], places[other]) for room, other in essential(imports)),
        *(_box(room, *places[room]) for room in sorted(places)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _places(levels: list[list[str]], width: int, height: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """The upper left corner of each box."""
    for number, level in enumerate(levels):
        left = (width - len(level) * (_WIDTH + _ACROSS) + _ACROSS) // 2
        for column, room in enumerate(level):
            yield room, (left + column * (_WIDTH + _ACROSS), height - _MARGIN - _HEIGHT - number * (_HEIGHT + _DOWN))


def _arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    x1, y1 = start[0] + _WIDTH // 2, start[1] + _HEIGHT
    x2, y2 = end[0] + _WIDTH // 2, end[1] - 2
    bend = (y2 - y1) // 2
    return f'<path class="arrow" marker-end="url(#a)" d="M{x1} {y1}C{x1} {y1 + bend} {x2} {y2 - bend} {x2} {y2}"/>'


def _box(room: str, x: int, y: int) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="8"/>'
        f'<text class="name" x="{x + 14}" y="{y + 25}">{escape(room)}</text>'
        f'<text class="about" x="{x + 14}" y="{y + 44}">{escape(about(room))}</text>'
    )


def _in_words(imports: Arrows) -> str:
    return "; ".join(
        f"{room} imports {', '.join(sorted(imports[room])) or 'nothing of ours'}" for room in sorted(imports)
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(svg(rooms("nhicard")), encoding="utf-8")
