"""docs/security.md: every threat has a control and a test that exists."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
COLUMNS: Final = ("asset", "actor", "kind", "threat", "control", "test")
KINDS: Final = set("STRIDE")


def threats() -> list[dict[str, str]]:
    lines = (ROOT / "docs" / "security.md").read_text("utf-8").splitlines()
    start = lines.index(f"| {' | '.join(COLUMNS)} |")
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        rows.append(dict(zip(COLUMNS, cells, strict=True)))
    return rows


THREATS: Final = threats()


def test_every_kind_of_threat_and_every_actor_is_thought_of() -> None:
    assert len(THREATS) >= 30
    assert {each["kind"] for each in THREATS} == KINDS
    assert {each["actor"] for each in THREATS} == {"outsider", "institution", "staff", "operator", "supplier"}


@pytest.mark.parametrize("threat", THREATS, ids=lambda each: f"{each['asset']}-{each['threat']}"[:60])
def test_every_threat_has_a_control_and_a_test_that_is_there(threat: dict[str, str]) -> None:
    assert all(threat.values())
    file, name = threat["test"].strip("`").split("::")
    tests = {
        node.name
        for node in ast.parse((ROOT / file).read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and _asserts(node)
    }
    assert name in tests


def _asserts(test: ast.FunctionDef) -> bool:
    """Whether it can fail: it asserts, expects an exception, or calls something that does."""
    return any(
        isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and "assert" in ast.unparse(node.func))
        for node in ast.walk(test)
    ) or "pytest.raises" in ast.unparse(test)
