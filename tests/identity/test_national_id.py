"""National IDs: the check digit, the three forms, and nothing else taken for an ID."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhicard.identity import national_id

# Widely printed specimens and made-up numbers, no person's.
VALID = {
    "A123456789": "citizen",
    "A223456781": "citizen",
    "Z100000002": "citizen",
    "I100000003": "citizen",  # I and O stand for 34 and 35, out of alphabetical order
    "O100000004": "citizen",
    "A800000014": "resident, present form",
    "A900000007": "resident, present form",
    "AC01234567": "resident, older form",
    "FA12345689": "resident, older form",
}
INVALID = [
    "A123456788",
    "A123456780",
    "A213456789",  # two neighbours exchanged
    "A323456789",  # 3 to 7 and 0 are nobody's
    "A023456789",
    "AE01234567",
    "AX01234567",
    "a123456789",
    "Ａ123456789",
    "A12345678９",
    "A12345678",
    "A1234567890",
    " A123456789",
    "A123456789 ",
    "A123456789\n",
    "A1+3456789",
    "A1-3456789",
    "A1 3456789",
    "A12345678\0",
    "1123456789",
    "王123456789",
    "",
    " ",
]
FIRST_TWO = [letter + second for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for second in "1289ABCD"]
prefixes = st.builds("{}{:07d}".format, st.sampled_from(FIRST_TWO), st.integers(0, 9_999_999))
near_ids = st.from_regex(r"\A[A-Za-zＡ][0-9A-E０][0-9+\- ０]{7,9}\Z")


def column(expr: pl.Expr, values: list[str | None]) -> list[object]:
    return pl.DataFrame({"x": values}, schema={"x": pl.String}).select(expr).to_series().to_list()


def longhand(text: str) -> bool:
    """The rule as it is written down: every character becomes digits, every digit has its weight."""
    numbers = dict(zip("ABCDEFGHJKLMNPQRSTUVXYWZIO", range(10, 36), strict=True))
    second = text[1] if text[1].isdigit() else str(numbers[text[1]])[1]
    digits = f"{numbers[text[0]]}{second}{text[2:]}"
    return sum(int(d) * w for d, w in zip(digits, [1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1], strict=True)) % 10 == 0


@pytest.mark.parametrize("text", VALID)
def test_an_id_is_known(text: str) -> None:
    assert column(national_id.is_valid(pl.col("x")), [text]) == [True]
    assert national_id.is_valid_id(text)


@pytest.mark.parametrize("text", INVALID)
def test_what_is_no_id_is_false(text: str) -> None:
    assert column(national_id.is_valid(pl.col("x")), [text]) == [False]
    assert not national_id.is_valid_id(text)


def test_null_is_neither_valid_nor_invalid() -> None:
    assert column(national_id.is_valid(pl.col("x")), [None, "A123456789", None]) == [None, True, None]


@given(st.lists(st.text() | near_ids | prefixes.map(lambda prefix: prefix + "0")))
def test_vectorised_equals_scalar_on_any_text(texts: list[str]) -> None:
    expected = [national_id.is_valid_id(text) for text in texts]
    assert column(national_id.is_valid(pl.col("x")), [*texts]) == expected


@given(prefixes)
def test_exactly_one_check_digit_is_right(prefix: str) -> None:
    right = [f"{prefix}{digit}" for digit in range(10) if longhand(f"{prefix}{digit}")]
    assert national_id.with_check_digit([prefix]).to_list() == right
    assert [f"{prefix}{digit}" for digit in range(10) if national_id.is_valid_id(f"{prefix}{digit}")] == right


def test_check_digits_for_every_first_two_characters() -> None:
    ids = national_id.with_check_digit(pl.Series([f"{two}0314159" for two in FIRST_TWO]))
    assert len(ids) == 26 * 8
    assert all(longhand(text) for text in ids)


@pytest.mark.parametrize("kind", [list, pl.Series, np.array])
def test_prefixes_come_as_list_series_or_array(kind: type) -> None:
    ids = national_id.with_check_digit(kind(["A12345678", "A80000001"]))
    assert ids.to_list() == ["A123456789", "A800000014"]


def test_no_prefixes_give_no_ids() -> None:
    assert national_id.with_check_digit([]).to_list() == []


@pytest.mark.parametrize("prefix", ["", "A1234567", "A123456789", "A32345678", "a12345678", "A1+345678"])
def test_a_malformed_prefix_is_refused_with_its_row(prefix: str) -> None:
    with pytest.raises(ValueError, match="row 1 "):
        national_id.with_check_digit(["A12345678", prefix])


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("A123456789", "A******789"),
        ("AC01234567", "A******567"),
        ("A1234567890123", "A******123"),
        ("A1234567", "A******567"),
        ("A123456", "******"),  # too short to show anything
        ("王小明", "******"),
        ("", ""),
        (None, None),
    ],
)
def test_an_id_is_masked_for_display(text: str | None, masked: str | None) -> None:
    assert column(national_id.mask(pl.col("x")), [text]) == [masked]


@given(st.text(min_size=1))
def test_at_most_four_characters_are_ever_shown(text: str) -> None:
    (masked,) = column(national_id.mask(pl.col("x")), [text])
    assert masked in ("******", f"{text[0]}******{text[-3:]}" if len(text) >= 8 else "******")
