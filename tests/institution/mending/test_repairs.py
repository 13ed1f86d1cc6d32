"""Each repair: what it mends, what it leaves, and that nothing else ever changes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from nhicard.checks import check
from nhicard.checks.cases.cases import DEFAULT_AS_OF, NO_LISTS, all_cases, base_record, changed
from nhicard.checks.context import Context
from nhicard.checks.official import official
from nhicard.formats import EDITIONS, Batch, Edition, build
from nhicard.institution.mending import fix, repair_docs, repairs
from nhicard.institution.mending.content import content, reasons

HERE = Path(__file__).parent
DOCS = HERE.parents[2] / "docs"
CONTEXT = Context(as_of=DEFAULT_AS_OF, references=NO_LISTS)
REPAIRS: dict[str, list[dict[str, str]]] = yaml.safe_load((HERE / "repairs.yaml").read_text(encoding="utf-8"))
LEFT: list[dict[str, str]] = yaml.safe_load((HERE / "left.yaml").read_text(encoding="utf-8"))
MENDED = [(name, case) for name, cases in REPAIRS.items() for case in cases]


def record(case: dict[str, str], changes: str | None) -> Batch:
    edition: Any = case["edition"]
    base = base_record(edition, "bases", case["base"])
    return build(edition, [changed(edition, base, tuple(changes.split(" ; ")) if changes else ())])


def places(frame: pl.DataFrame) -> set[str]:
    return {f"{field}:{code}" for field, code in frame.select("field", "code").iter_rows()}


def same(left: Batch, right: Batch) -> bool:
    return left.visits.equals(right.visits) and left.orders.equals(right.orders)


@pytest.mark.parametrize(("name", "case"), MENDED, ids=lambda part: part if isinstance(part, str) else part["before"])
def test_repair(name: str, case: dict[str, str]) -> None:
    broken = record(case, case["before"])
    found = places(check(broken, CONTEXT).frame)
    fixed = fix(broken, CONTEXT)
    if "left" in case:
        assert case["left"] in found & places(fixed.left)
        assert same(fixed.batch, broken)
        return
    assert case.get("cures") is None or case["cures"] in found
    assert same(fixed.batch, record(case, case.get("after"))), fixed.changes
    assert places(fixed.left) == places(check(fixed.batch, CONTEXT).frame) == set(), fixed.left
    used = set(" ".join(fixed.changes["repair"]).split())
    assert used == {name, *case.get("also", "").split()}


@pytest.mark.parametrize("case", LEFT, ids=lambda case: case["changes"])
def test_left_to_a_person(case: dict[str, str]) -> None:
    broken = record(case, case["changes"])
    fixed = fix(broken, CONTEXT)
    assert same(fixed.batch, broken), fixed.changes
    assert not fixed.changes.height
    told = fixed.left.filter(pl.col("field") == case["field"])
    assert set(told["reason"]) == {case["reason"]}, told
    assert set(told["reason_zh"]) == {reasons()[case["reason"]].zh}


def test_every_repair_and_every_reason_has_a_case() -> None:
    assert {repair.name for repair in repairs()} == set(REPAIRS)
    # "structure" needs a file; test_mending_files.py has one
    assert {case["reason"] for case in LEFT} == set(reasons()) - {"structure"}


@pytest.mark.parametrize("repair", repairs(), ids=lambda repair: repair.name)
def test_repairs_cure_official_codes(repair: Any) -> None:
    assert set(repair.codes) <= {code for edition in EDITIONS for code in official(edition)}


@cache
def examples(edition: Edition, side: str) -> Batch:
    """The records of all cases of the rulebook that break a rule, or that keep it, as one batch."""
    batches = [case.batch(getattr(case, side)) for case in all_cases(edition)]
    return one_file(edition, batches)


def one_file(edition: Edition, batches: list[Batch]) -> Batch:
    """The batches as one, with records numbered anew."""
    start, visits, orders = 0, [], []
    for batch in batches:
        shift = pl.lit(start, dtype=pl.UInt32)
        visits.append(batch.visits.with_columns(pl.col("record") + shift))
        orders.append(batch.orders.with_columns(pl.col("record") + shift, pl.col("visit") + shift))
        start += batch.visits.height
    return Batch(edition, pl.concat(visits), pl.concat(orders))


@pytest.mark.parametrize("edition", EDITIONS)
def test_records_that_break_any_rule_only_get_better(edition: Edition) -> None:
    broken = examples(edition, "breaks")
    before = check(broken, CONTEXT).frame
    fixed = fix(broken, CONTEXT)
    assert fixed.changes.height
    hidden = before.filter(pl.col("code") == "Y008")  # such a record shows its other findings only once it is mended
    new = fixed.left.join(before, on=["record", "order", "field", "code"], how="anti", nulls_equal=True)
    new = new.join(hidden, on="record", how="anti")
    assert not new.height, new.rows()
    assert not fix(fixed.batch, CONTEXT).changes.height


@pytest.mark.parametrize("edition", EDITIONS)
def test_protected_content_changes_only_in_blanks_and_form(edition: Edition) -> None:
    protected = [name for name, kind in content(edition).items() if kind in ("clinical", "signature")]
    changes = fix(examples(edition, "breaks"), CONTEXT).changes.filter(pl.col("field").is_in(protected))
    for field, before, after in changes.select("field", "before", "after").iter_rows():
        if field in ("A77", "D10"):
            assert float(before) == float(after)
        else:
            assert before.strip() == (after or "").strip()


@pytest.mark.parametrize("edition", EDITIONS)
def test_accepted_records_stay_as_they_are(edition: Edition) -> None:
    kept = examples(edition, "keeps")
    found = check(kept, CONTEXT).frame
    changes = fix(kept, CONTEXT).changes.join(found, on="record", how="anti")
    # The table of forms asks for the decimal point of a 1.0 total, even where the check is lenient.
    assert not changes.filter(pl.col("repair") != "one_decimal").height, changes.rows()


def test_page_is_fresh() -> None:
    assert (DOCS / "mending.md").read_text(encoding="utf-8") == repair_docs.render(), "run make docs"
