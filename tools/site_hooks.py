"""Hooks of MkDocs: the navigation from what is there, and links that lead out of the site."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from fnmatch import fnmatch
from typing import Any, Final

#: Parts of the site: title, its own page, and the pages in it by pattern; a page belongs to the first part that fits.
PARTS: Final = (
    ("使用手冊 Guide", "guide/index.md", ("guide/*.md",)),
    (
        "系統管理 Administrators",
        "administrator.md",
        (
            *("operations.md", "signing-in.md", "registry.md", "reference-lists.md"),
            *("se*.md", "scale*.md", "performance.md"),
        ),
    ),
    ("檢核規則 Rules", "rules.md", ("assumptions.md", "mending.md", "claims.md")),
    ("API", "api.md", ("visits.md", "sources.md", "output.md", "results.md")),
    ("開發 Developers", "developer.md", ("architecture.md", "dependencies.md", "adr/*.md")),
    ("功能 Capabilities", "portal.md", ("*.md",)),
)  # fmt: skip
_FRONT: Final = "index.md"
_LINK: Final = re.compile(r"(?<!!)\[([^\]\n]+)\]\(([^)\s]+)\)")


def navigation(pages: Iterable[str]) -> list[Any]:
    """MkDocs' ``nav`` for these pages: every page is somewhere, each once."""
    left = set(pages) - {_FRONT} - {own for _, own, _ in PARTS}
    nav: list[Any] = [_FRONT]
    for title, own, patterns in PARTS:
        inside = [page for pattern in patterns for page in sorted(left) if fnmatch(page, pattern)]
        left -= set(inside)
        nav.append({title: [own, *dict.fromkeys(inside)]})
    return nav


def links_of_the_site(markdown: str, page: str) -> str:
    """The text with links to folders leading to their pages, and links out of docs/ turned into their words."""

    def turned(link: re.Match[str]) -> str:
        words, target = link.groups()
        leads_to = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        if leads_to.startswith("../"):
            return words
        return f"[{words}]({target}index.md)" if target.endswith("/") else link[0]

    return _LINK.sub(turned, markdown)


def on_files(files: Any, config: Any) -> Any:
    """MkDocs asks before it makes the navigation."""
    config.nav = navigation(file.src_uri for file in files.documentation_pages())
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """MkDocs asks for each page."""
    return links_of_the_site(markdown, page.file.src_uri)
