"""The scheme of 112 as decision tables, and what must hold whatever happens."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.insurer.incentives.incentive_events import CODE, announced, assuming, events, of, table

from nhicard.insurer.incentives import scheme as schemes
from nhicard.insurer.incentives.engine import Event, Facts, State, entitlements, listed
from nhicard.insurer.incentives.kinds import kinds, sentences, todo
from nhicard.insurer.incentives.scheme import BadScheme, changed, in_force, parse

SCHEME = schemes.load()[112]
KINDS = ("hospital", "clinic", "pharmacy")
FULL = {
    "hospital": "claim_completed:A; 2023-11-01 claim_completed:B; 2023-11-01 claim_completed:C",
    "clinic": "claim_completed:A; 2023-11-01 claim_completed:B; 2023-11-01 claim_completed:C",
    "pharmacy": "claim_completed:F; 2023-11-01 e_prescription_uploaded",
}
SWITCHED = "2023-10-01 qualified; 2023-10-02 applied; 2023-10-03 approved; 2023-10-04 switched"


def stands(found: Any, item: str) -> tuple[str, int]:
    return (found[item].state, found[item].points) if item in found else ("none", 0)


@pytest.mark.parametrize("row", table("incentive_cases"), ids=lambda row: f"{row['item']} {row['case']}")
def test_a_case(row: dict[str, str]) -> None:
    found = of(row["events"], row["as_of"], row["kind"])
    assert stands(found, row["item"]) == (row["state"], int(row["points"]))


@pytest.mark.parametrize("row", table("incentive_settings"), ids=lambda row: row["case"])
def test_what_is_set_decides(row: dict[str, str]) -> None:
    name, _, value = row["set"].partition("=")
    by = assuming(**{name: value == "yes"}) if value in ("yes", "no") else announced(**{name: value})
    assert stands(of(row["events"], row["as_of"], row["kind"], by), row["item"]) == (row["state"], int(row["points"]))


def test_every_item_kind_and_boundary_has_its_case() -> None:
    rows = table("incentive_cases")
    seen = {(row["item"], row["kind"]) for row in rows}
    assert {item for item, _ in seen} == set(SCHEME.codes)
    for item in SCHEME.items:
        if item.points:
            days = {each.happened_on for row in rows if row["item"] == item.code for each in events(row["events"])}
            assert {date(2023, 12, 31), date(2024, 1, 1)} <= days, item.code
    returns = {
        each.happened_on
        for row in rows
        if row["item"] == "H"
        for each in events(row["events"])
        if each.kind == "returned"
    }
    assert {date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 2)} <= returns


@pytest.mark.parametrize("kind", KINDS)
def test_who_has_everything_has_the_ceiling_of_the_seed(kind: str) -> None:
    prints = "" if kind == "pharmacy" else "; 2023-11-02 qr_image_verified"
    found = of(f"{SWITCHED}; 2023-11-01 {FULL[kind]}{prints}", "2024-03-01", kind)
    assert sum(each.points for each in found.values()) == SCHEME.ceilings[kind]
    assert all(each.state in (State.EARNED, State.REACHED) for each in found.values())


def test_a_lower_ceiling_in_the_table_cuts_the_later_items() -> None:
    lower = parse({**SCHEME.document, "ceilings": {"hospital": 0, "clinic": 3000, "pharmacy": 14000}})
    found = of(f"{SWITCHED}; 2023-11-01 {FULL['clinic']}", "2023-12-31", "clinic", lower)
    assert {item: each.points for item, each in found.items() if each.points} == {"A": 2000, "B": 1000}
    assert [each.name for each in found["H"].reasons][-1] == "ceiling"
    assert "3,000" in sentences(found["B"].reasons, english=True)


def test_reasons_and_evidence_are_told_in_both_languages() -> None:
    earned = of(SWITCHED, "2023-10-04")["H"]
    assert earned.evidence == ("applied 2", "approved 3", "switched 4")
    assert sentences(earned.reasons, english=False) == (
        "112/10/04 完成：首筆 2.0 正式上傳收載。113/03/01 前改回 1.0 就不予獎勵。"
    )
    assert sentences(earned.reasons, english=True) == (
        "Completed on 2023-10-04: first 2.0 record accepted for real. Lost again by a return to 1.0 before 2024-03-01."
    )
    assert [each.name for each in of(SWITCHED, "2024-03-01")["H"].reasons] == ["earned"]


@pytest.mark.parametrize(
    ("told", "as_of", "item", "names"),
    [
        ("", "2023-12-31", "G", ["open", "until", "begin_unknown"]),
        ("", "2023-12-31", "B", ["open", "until"]),
        ("2024-01-01 claim_completed:B", "2024-01-02", "B", ["closed", "late"]),
        (f"{SWITCHED}; 2023-11-01 returned", "2023-11-02", "H", ["lost", "open", "until"]),
        (f"{SWITCHED}; 2023-11-01 returned", "2024-01-02", "H", ["lost"]),
    ],
)
def test_the_reason_says_what_is_missing(told: str, as_of: str, item: str, names: list[str]) -> None:
    assert [each.name for each in of(told, as_of)[item].reasons] == names


def test_a_window_that_has_not_begun_says_when_it_does() -> None:
    found = of("2023-06-01 qr_image_verified", "2023-06-15", by=announced(qr="2023-07-15"))["G"]
    assert [each.name for each in found.reasons] == ["early", "open", "not_begun", "until"]
    assert "112/07/15" in sentences(found.reasons, english=False)


NEXT = [("", "qualified"), ("qualified", "applied"), ("qualified applied", "approved")]


@pytest.mark.parametrize(("standing", "step"), [*NEXT, ("qualified applied approved", "switched")])
def test_the_next_step_is_the_first_that_does_not_stand(standing: str, step: str) -> None:
    told = "; ".join(f"2023-10-0{day} {kind}" for day, kind in enumerate(standing.split(), 1))
    missing = of(told, "2023-10-09")["H"].missing
    for english, column in ((False, "todo_zh"), (True, "todo_en")):
        assert todo(missing, frozenset(standing.split()), english=english) == kinds()[step][column]


def test_the_progress_of_one_institution_in_its_four_states() -> None:
    days = {"2023-10-01": "H1", "2023-10-02": "H1 H2", "2023-10-03": "H1 H2 H3", "2023-10-04": "H H1 H2 H3"}
    furthest = assuming(progress_codes_add_up=False)
    for (day, codes), last in zip(days.items(), ("H1", "H2", "H3", "H"), strict=True):
        found = tuple(of(SWITCHED, day).values())
        assert [each.item for each in listed(found, SCHEME)] == codes.split()
        assert [each.item for each in listed(found, furthest)] == [last]


def test_next_years_scheme_is_a_file(tmp_path: Any) -> None:
    (tmp_path / "113.toml").write_text(
        """
year = 113
begins = 2024-01-01
[ceilings]
clinic = 500
[[items]]
code = "X"
name_zh = "下一年的項目"
name_en = "next year's"
points = 700
from = 2024-02-01
until = 2024-06-30
source_zh = "測試"
source_en = "test"
earned_by.clinic = ["qualified", "claim_completed:B"]
""",
        encoding="utf-8",
    )
    found = schemes.load(tmp_path)
    assert list(found) == [112, 113]
    assert in_force(found, date(2023, 12, 31)).year == 112
    assert in_force(found, date(2024, 1, 1)).year == 113
    told = "2024-01-31 qualified; 2024-02-01 qualified; 2024-06-30 claim_completed:B"
    assert stands(of(told, "2024-06-30", by=found[113]), "X") == ("earned", 500)
    assert stands(of(told, "2024-06-29", by=found[113]), "X") == ("open", 0)
    assert of(told, "2024-06-30", "hospital", found[113]) == {}


def test_a_file_of_the_same_year_sets_days_and_assumptions(tmp_path: Any) -> None:
    file = tmp_path / "112.toml"
    file.write_text('year = 112\n[announcements.qr]\nday = "2023-07-15"\n', encoding="utf-8")
    assert schemes.load(tmp_path)[112].item("G").window.first == date(2023, 7, 15)
    assert schemes.load(tmp_path)[112].digest != SCHEME.digest


@pytest.mark.parametrize(
    "told",
    [
        {"announcements": {"nothing": {"day": "2023-01-01"}}},
        {"announcements": {"qr": {"name_zh": "x"}}},
        {"assumptions": {"last_day_counts": True}},
        {"ceilings": {"clinic": 1}},
    ],
)
def test_nothing_else_of_a_packaged_scheme_can_be_set(told: dict[str, Any]) -> None:
    with pytest.raises(BadScheme):
        changed(SCHEME.document, told)


@pytest.mark.parametrize(
    "change",
    [
        {"items": [*SCHEME.document["items"], SCHEME.document["items"][0]]},
        {"ceilings": {"hospital": 1, "clinic": 1}},
        {"ceilings": {"hospital": -1, "clinic": 1, "pharmacy": 1}},
        {"begins": "tomorrow"},
        {"assumptions": {}},
        {"announcements": {}},
    ],
)
def test_a_scheme_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadScheme):
        parse({**SCHEME.document, **change})


def test_a_scheme_comes_back_from_what_is_kept_of_it() -> None:
    import json

    again = parse(json.loads(SCHEME.to_json()))
    assert again.items == SCHEME.items
    assert again.digest == SCHEME.digest


# ---- whatever happens ----

STEPS = [(kind.partition(":")[0], kind.partition(":")[2]) for kind in kinds()]
DAYS = st.dates(date(2023, 9, 1), date(2024, 3, 15)) | st.sampled_from(
    [date(2023, 12, 30), date(2023, 12, 31), date(2024, 1, 1), date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 2)]
)
EVENTS = st.lists(
    st.builds(
        lambda step, day, late, place: Event(
            CODE, step[0], day, datetime(day.year, day.month, day.day, 9) + timedelta(days=late), step[1], "", place
        ),
        st.sampled_from(STEPS),
        DAYS,
        st.integers(0, 3),
        st.integers(0, 5),
    ),
    max_size=25,
)
CEILINGS = st.integers(0, 20_000)


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.sampled_from(KINDS), DAYS, CEILINGS, st.randoms(use_true_random=False))
def test_points_stay_below_the_ceiling_whatever_the_order_of_arrival(
    happened: list[Event], kind: str, as_of: date, ceiling: int, shuffling: random.Random
) -> None:
    by = parse({**SCHEME.document, "ceilings": {**SCHEME.ceilings, kind: ceiling}})
    found = entitlements(happened, Facts(CODE, kind), by, as_of)
    assert sum(each.points for each in found) <= ceiling
    assert all(0 <= each.points <= by.item(each.item).points for each in found)
    shuffled = happened + happened[:3]
    shuffling.shuffle(shuffled)
    assert entitlements(shuffled, Facts(CODE, kind), by, as_of) == found


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.sampled_from(KINDS), DAYS)
def test_what_was_unknown_then_changes_nothing_as_of_then(happened: list[Event], kind: str, as_of: date) -> None:
    then = [each for each in happened if each.recorded_at.date() <= as_of]
    facts = Facts(CODE, kind)
    assert entitlements(happened, facts, SCHEME, as_of) == entitlements(then, facts, SCHEME, as_of)


@settings(max_examples=100, deadline=None)
@given(EVENTS, st.sampled_from(KINDS), DAYS)
def test_every_reason_can_be_said(happened: list[Event], kind: str, as_of: date) -> None:
    for each in entitlements(happened, Facts(CODE, kind), SCHEME, as_of):
        assert sentences(each.reasons, english=False).endswith("。")
        assert sentences(each.reasons, english=True).endswith(".")
