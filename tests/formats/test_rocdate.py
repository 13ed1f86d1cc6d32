"""ROC dates: every day there and back, leap days, and nothing but digits taken for a date."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhicard.formats import rocdate

DATES = {
    "0010101": dt.date(1912, 1, 1),
    "1121016": dt.date(2023, 10, 16),
    "0890229": dt.date(2000, 2, 29),  # divisible by 400
    "1130229": dt.date(2024, 2, 29),
    "9991231": dt.date(2910, 12, 31),
}
NOT_DATES = [
    "",
    " ",
    "0000101",  # year 000
    "1120229",  # not a leap year
    "1890229",  # 2100 is none either
    "1121301",
    "1120001",
    "1120100",
    "1120132",
    "1120431",
    "112101",
    "11210160",
    "20231016",
    "+121016",
    "-121016",
    "1 21016",
    " 121016",
    "121016 ",
    "112/1/1",
    "112.101",
    "1_12101",
    "112101O",
    "1e50101",
    "１１２１０１６",
    "1121016\n",
    "1121016\0",
    "112\x001016",
    "民國112",
    "9" * 40,
]
TIMES = {
    "1121016093005": dt.datetime(2023, 10, 16, 9, 30, 5),
    "1121016000000": dt.datetime(2023, 10, 16),  # clock time unknown
    "1130229235959": dt.datetime(2024, 2, 29, 23, 59, 59),
}
NOT_TIMES = [
    "1121016240000",
    "1121016236000",
    "1121016235960",  # a leap second is none of ours
    "1120229120000",
    "0000101000000",
    "1121016",
    "11210160930",
    "112101609300",
    "11210160930050",
    "+121016093005",
    "-121016093005",
    "1121016 93005",
    "1121016+93005",
    "1121016０9300",
    "112101609300\0",
]
DIGITS_AND_TROUBLE = "0123456789０１ +-_./eE\0\n年\u00a0"
any_text = st.text() | st.text(DIGITS_AND_TROUBLE, min_size=4, max_size=14)
roc_times = st.datetimes(dt.datetime(1912, 1, 1), dt.datetime(2910, 12, 31, 23, 59, 59))
digit_text = st.text("0123456789", min_size=13, max_size=13)


def column(expr: pl.Expr, values: list[str | None]) -> list[object]:
    return pl.DataFrame({"x": values}, schema={"x": pl.String}).select(expr).to_series().to_list()


def scalar_or_none(parse: object, text: str) -> object:
    assert callable(parse)
    try:
        return parse(text)
    except ValueError:
        return None


@pytest.mark.parametrize(("text", "date"), DATES.items())
def test_a_date_is_read_and_written(text: str, date: dt.date) -> None:
    assert rocdate.parse_date(text) == date
    assert column(rocdate.as_date(pl.col("x")), [text]) == [date]
    assert rocdate.format_date(date) == text


@pytest.mark.parametrize("text", NOT_DATES)
def test_what_is_no_date_is_null_and_refused(text: str) -> None:
    assert column(rocdate.as_date(pl.col("x")), [text, None, "1121016"]) == [
        None,
        None,
        dt.date(2023, 10, 16),
    ]
    with pytest.raises(ValueError, match=r"is not|does not exist"):
        rocdate.parse_date(text)


@pytest.mark.parametrize(("text", "time"), TIMES.items())
def test_a_time_is_read_and_written(text: str, time: dt.datetime) -> None:
    assert rocdate.parse_datetime(text) == time
    assert column(rocdate.as_datetime(pl.col("x")), [text]) == [time]
    assert rocdate.format_datetime(time) == text


@pytest.mark.parametrize("text", NOT_TIMES + NOT_DATES)
def test_what_is_no_time_is_null_and_refused(text: str) -> None:
    assert column(rocdate.as_datetime(pl.col("x")), [text, None]) == [None, None]
    with pytest.raises(ValueError, match=r"is not|does not exist"):
        rocdate.parse_datetime(text)


def test_a_month_is_its_first_day() -> None:
    months = ["11210", "00101", "11213", "11200", "00001", "1121", "+1210", "112 1", "", None]
    first, earliest = dt.date(2023, 10, 1), dt.date(1912, 1, 1)
    assert column(rocdate.as_month(pl.col("x")), months) == [first, earliest] + [None] * 8


def test_the_views_have_the_promised_types() -> None:
    empty = pl.DataFrame({"x": []}, schema={"x": pl.String})
    views = empty.select(
        date=rocdate.as_date(pl.col("x")),
        time=rocdate.as_datetime(pl.col("x")),
        month=rocdate.as_month(pl.col("x")),
    )
    assert views.schema == {"date": pl.Date, "time": pl.Datetime("us"), "month": pl.Date}


def test_every_day_of_the_calendar_there_and_back() -> None:
    days = pl.date_range(dt.date(1912, 1, 1), dt.date(2910, 12, 31), eager=True).to_list()
    texts: list[str | None] = [rocdate.format_date(day) for day in days]
    assert column(rocdate.as_date(pl.col("x")), texts) == days
    assert [rocdate.parse_date(text) for text in texts if text] == days


def test_all_other_numbers_of_seven_digits_are_no_dates() -> None:
    years = ["000", "001", "088", "089", "112", "113", "189", "489", "999"]
    texts: list[str | None] = [f"{year}{rest:04d}" for year in years for rest in range(10_000)]
    read = column(rocdate.as_date(pl.col("x")), texts)
    assert read == [scalar_or_none(rocdate.parse_date, text) for text in texts if text]
    assert sum(date is not None for date in read) == 8 * 365 + 4  # leap: 001, 089, 113, 489


@given(st.lists(any_text | digit_text.map(lambda digits: digits[:7])))
def test_vectorised_dates_equal_scalar_ones_on_any_text(texts: list[str]) -> None:
    expected = [scalar_or_none(rocdate.parse_date, text) for text in texts]
    assert column(rocdate.as_date(pl.col("x")), [*texts]) == expected


@given(st.lists(any_text | digit_text | roc_times.map(rocdate.format_datetime)))
def test_vectorised_times_equal_scalar_ones_on_any_text(texts: list[str]) -> None:
    expected = [scalar_or_none(rocdate.parse_datetime, text) for text in texts]
    assert column(rocdate.as_datetime(pl.col("x")), [*texts]) == expected


@given(roc_times)
def test_times_there_and_back(time: dt.datetime) -> None:
    assert rocdate.parse_datetime(rocdate.format_datetime(time)) == time.replace(microsecond=0)


@pytest.mark.parametrize("date", [dt.date(1911, 12, 31), dt.date(1, 1, 1), dt.date(2911, 1, 1)])
def test_dates_without_a_roc_year_of_three_digits_are_not_written(date: dt.date) -> None:
    with pytest.raises(ValueError, match="ROC year"):
        rocdate.format_date(date)


def test_a_time_with_a_zone_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="time zone"):
        rocdate.format_datetime(dt.datetime(2023, 10, 16, tzinfo=dt.UTC))


def test_now_is_naive_and_taipei() -> None:
    before = dt.datetime.now(dt.UTC)
    now = rocdate.now()
    after = dt.datetime.now(dt.UTC)
    assert now.tzinfo is None
    assert before <= now.replace(tzinfo=dt.timezone(dt.timedelta(hours=8))) <= after
