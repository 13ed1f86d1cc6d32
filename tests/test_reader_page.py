"""docs/reader.md accounts for every status code: given in some tested case, or listed with the reason why not."""

from __future__ import annotations

import re
from pathlib import Path

from nhicard.formats.status_codes import status_codes
from tests.insurer.datacentre.refusals import SPENT, UNSPENT
from tests.insurer.datacentre.test_refusals import WARNINGS
from tests.reader.service.test_status_codes import OURS, PASSED_ON

PAGE = Path(__file__).parents[1] / "docs" / "reader.md"


def listed() -> list[int]:
    """The codes of the table "why not", ranges spelled out to the codes that exist."""
    table = PAGE.read_text(encoding="utf-8").partition("| codes | why not |")[2]
    found: list[int] = []
    for row in table.strip().splitlines()[1:]:
        for part in row.split("|")[1].split(","):
            first, _, last = part.strip().partition("–")
            found += [code for code in status_codes() if int(first) <= code <= int(last or first)]
    return found


def given() -> set[int]:
    """The codes that the two tables of tested cases hold."""
    return {each.code for each in UNSPENT + SPENT} | {each.code for each in OURS + PASSED_ON} | WARNINGS


def test_the_page_gives_a_reason_for_each_code_once() -> None:
    codes = listed()
    assert len(codes) == len(set(codes))
    rows = re.findall(r"^\| [\d–, ]+ \| (.*?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert all(len(reason) > 20 for reason in rows if reason != "success, no refusal")


def test_every_code_is_either_given_or_accounted_for() -> None:
    assert given() | set(listed()) == set(status_codes())


def test_no_code_is_both() -> None:
    assert not given() & set(listed())
