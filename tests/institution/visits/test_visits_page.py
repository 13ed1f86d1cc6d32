"""docs/visits.md: its tables are those of the data, its example runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nhicard.institution.visits.columns import columns
from nhicard.institution.visits.derivations import STEPS
from nhicard.institution.visits.page import renewed

PAGE = (Path(__file__).parents[3] / "docs" / "visits.md").read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_data() -> None:
    assert renewed(PAGE) == PAGE, "run: python -m nhicard.institution.visits.page docs/visits.md"


def test_every_column_and_derivation_is_there() -> None:
    assert all(f"| `{name}` |" in PAGE for name in columns())
    assert all(f"**{step.__name__}**" in PAGE for step in STEPS)


def test_the_example_runs() -> None:
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert code
    told: dict[str, object] = {}
    exec(code[1], told)
    assert {"new", "old"} <= set(told)


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="markers for columns"):
        renewed("# no tables")
