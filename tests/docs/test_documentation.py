"""The documentation: links lead somewhere, samples run, commands exist, the picture is that of the code."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from tests.docs import samples
from tests.docs.samples import PAGES, ROOT, Block

import nhicard
from nhicard.cli.app import app

sys.path.insert(0, str(ROOT / "tools"))
import architecture  # type: ignore[import-not-found]
import site_hooks  # type: ignore[import-not-found]

_BLOCKS: Final = [block for page in PAGES for block in samples.blocks(page)]
_RUNNABLE: Final = [block for block in _BLOCKS if block.exit_code is not None]
_EXAMPLE: Final = Path(nhicard.__file__).parent / "synthetic/data/examples10/annex4_all.xml"
_COMMANDS: Final[Any] = typer.main.get_command(app)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in samples.links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in samples.anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_exist(page: Path) -> None:
    assert [why for line in samples.commands(page) for why in _unknown(line)] == []


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ("nhicard check FILE --as-of 2002-07-02", True),
        ("nhicard portal user add NAME --role clerk", True),
        ("nhicard cheque FILE", False),
        ("nhicard check FILE --as-off 2002-07-02", False),
        ("nhicard portal user ad NAME", False),
    ],
)
def test_what_there_is_not_is_noticed(line: str, known: bool) -> None:
    assert (list(_unknown(line)) == []) is known


def _unknown(line: str) -> Iterator[str]:
    """What the command of this line does not have: a command of the name, an option."""
    try:
        words = shlex.split(line)[1:]
    except ValueError:
        words = line.split()[1:]
    command = _COMMANDS
    for number, word in enumerate(words):
        if not hasattr(command, "commands"):
            words = words[number:]
            break
        if re.match(r"[A-Z…\-\[]", word):  # a placeholder, or an option
            words = words[number:]
            break
        for name in re.split(r"[|,、]", word):
            if name not in command.commands:
                yield f"{line}: there is no {name}"
                return
        command = command.commands[re.split(r"[|,、]", word)[0]]
    options = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
    for word in words:
        if (found := re.match(r"\[?(--[\w-]+)", word)) and found[1] not in options:
            yield f"{line}: there is no {found[1]}"


@pytest.mark.parametrize("block", [block for block in _BLOCKS if block.language == "python"], ids=str)
def test_python_is_python(block: Block) -> None:
    ast.parse(block.text)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_a_mark_stands_above_a_block(page: Path) -> None:
    assert samples.marks(page) == sum(block.exit_code is not None for block in samples.blocks(page))


@pytest.mark.parametrize("block", _RUNNABLE, ids=str)
def test_runnable_blocks_run(block: Block, tmp_path: Path) -> None:
    shutil.copy(_EXAMPLE, tmp_path / "upload.xml")
    if block.language == "python":
        done = _run(tmp_path, "-W", "error::DeprecationWarning:nhicard", "-c", block.text)
        assert done.returncode == block.exit_code, done.stderr
        return
    assert block.language == "console"
    for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        command, _, shown = part.partition("\n")
        program, *arguments = shlex.split(command)
        assert program == "nhicard"
        done = _run(tmp_path, "-m", "nhicard", *arguments)
        assert done.returncode == block.exit_code, done.stderr
        assert [line for line in re.split(r"\n|…", shown) if line.strip() not in done.stdout] == []


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_some_blocks_are_runnable() -> None:
    assert {"python", "console"} <= {block.language for block in _RUNNABLE}


def test_the_architecture_is_drawn_from_this_code() -> None:
    told = (ROOT / "docs" / "images" / "architecture.svg").read_text("utf-8")
    assert told == architecture.svg(architecture.rooms("nhicard")), (
        "python tools/architecture.py docs/images/architecture.svg"
    )


def test_a_picture_of_three_rooms() -> None:
    imports = {"a": frozenset("bc"), "b": frozenset("c"), "c": frozenset[str]()}
    assert architecture.floors(imports) == [["c"], ["b"], ["a"]]
    assert architecture.essential(imports) == [("a", "b"), ("b", "c")], "a knows c by way of b"


def test_navigation_has_every_page_once() -> None:
    pages = [str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")]
    first, *parts = site_hooks.navigation(pages)
    shown = [first, *(page for part in parts for inside in part.values() for page in inside)]
    assert sorted(shown) == sorted(pages)


def test_links_of_the_site() -> None:
    text = "[a](../../src/x.py), [b](../y.md), [d](../adr/), ![c](../images/z.png)"
    expected = "a, [b](../y.md), [d](../adr/index.md), ![c](../images/z.png)"
    assert site_hooks.links_of_the_site(text, "guide/p.md") == expected


def test_the_site_builds_strictly(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    api = (tmp_path / "site" / "api.html").read_text("utf-8")
    for name in nhicard.__all__:
        assert f'id="nhicard.{name}"' in api, name
