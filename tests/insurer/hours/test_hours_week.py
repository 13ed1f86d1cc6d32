"""The 21 letters and the 21 phrases."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhicard.insurer.hours.week import CELLS, SESSIONS, Cell, Session, Week

WEEKS = st.sets(st.integers(1, CELLS)).map(Week.of_numbers)


@given(WEEKS)
def test_letters_and_phrases_tell_the_same_week(week: Week) -> None:
    assert Week.of_letters(week.letters) == week
    assert Week.of_phrases(week.phrases) == week
    assert len(week.letters) == CELLS
    assert week.letters.count("N") == len(week.open) == week.phrases.count("看診")


@given(st.text("NY", min_size=CELLS, max_size=CELLS))
def test_every_21_letters_are_a_week(letters: str) -> None:
    assert Week.of_letters(letters).letters == letters


@given(WEEKS, st.dates(date(2022, 1, 1), date(2030, 12, 31)))
def test_a_day_has_the_sessions_of_its_weekday(week: Week, day: date) -> None:
    of_day = week.letters[day.weekday() :: 7]
    assert week.on(day) == tuple(session for session, letter in zip(SESSIONS, of_day, strict=True) if letter == "N")


@given(WEEKS, WEEKS)
def test_together_they_are_open_where_either_is(one: Week, other: Week) -> None:
    both = zip(one.letters, other.letters, strict=True)
    assert (one | other).letters == "".join("N" if "N" in pair else "Y" for pair in both)


@pytest.mark.parametrize(
    ("number", "cell"),
    [
        (1, Cell(0, Session.MORNING)),
        (7, Cell(6, Session.MORNING)),
        (8, Cell(0, Session.AFTERNOON)),
        (14, Cell(6, Session.AFTERNOON)),
        (15, Cell(0, Session.EVENING)),
        (21, Cell(6, Session.EVENING)),
    ],
)
def test_the_places_of_the_letters(number: int, cell: Cell) -> None:
    assert (Cell.numbered(number), cell.number) == (cell, number)


@pytest.mark.parametrize("letters", ["", "N" * 20, "N" * 22, "n" * 21, "N" * 20 + "X", "N" * 20 + " "])
def test_what_is_no_week(letters: str) -> None:
    with pytest.raises(ValueError, match="letters"):
        Week.of_letters(letters)


@pytest.mark.parametrize("number", [0, 22, -1])
def test_what_is_no_cell(number: int) -> None:
    with pytest.raises(ValueError, match="cell"):
        Week.of_numbers([number])


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text.replace("星期一上午看診、", ""),
        lambda text: text.replace("星期一上午", "星期二上午"),
        lambda text: text.replace("星期日", "星期天"),
        lambda text: text + "、星期一上午看診",
        lambda text: text.replace("、", "，"),
    ],
)
def test_what_is_no_21_phrases(change: object) -> None:
    text = Week.of_letters("NYYYYYY" * 3).phrases
    with pytest.raises(ValueError, match="session"):
        Week.of_phrases(change(text))  # type: ignore[operator]
