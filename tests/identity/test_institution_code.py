"""Institution codes: their form, and a check digit that is only a hint."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhicard.identity import institution_code

# code: (well formed, does the check digit agree; None = cannot be told)
CODES = {
    "1101010012": (True, True),
    "3501200000": (True, False),  # the insurer's test clinic
    "0101090517": (True, False),  # real codes that do not keep the rule
    "0937050024": (True, False),
    "5932010019": (True, False),
    "350120G000": (True, None),
    "35012000Z0": (True, None),
    "350120GHZ1": (True, None),
    "9A01234560": (True, None),
    "350120F000": (False, None),  # letters begin with G
    "350120g000": (False, None),
    "35012G0000": (False, None),  # letters only in places 7 to 9
    "350120000G": (False, None),
    "9B01234560": (False, None),
    "A901234560": (False, None),
    "350120000": (False, None),
    "35012000000": (False, None),
    "+501200000": (False, None),
    "-501200000": (False, None),
    " 350120000": (False, None),
    "3501200000\n": (False, None),
    "３501200000": (False, None),
    "": (False, None),
    None: (None, None),
}
nine_digits = st.integers(0, 999_999_999).map("{:09d}".format)


def column(expr: pl.Expr, values: list[str | None]) -> list[object]:
    return pl.DataFrame({"x": values}, schema={"x": pl.String}).select(expr).to_series().to_list()


@pytest.mark.parametrize(("code", "facts"), CODES.items())
def test_form_and_check_digit(code: str | None, facts: tuple[bool | None, bool | None]) -> None:
    formed, agrees = facts
    assert column(institution_code.is_wellformed(pl.col("x")), [code]) == [formed]
    assert column(institution_code.check_digit_agrees(pl.col("x")), [code]) == [agrees]


@given(st.lists(st.text() | st.from_regex(r"\A[0-9A+]{2}[0-9]{4}[0-9F-Z]{3}[0-9]\Z")))
def test_any_text_gets_an_answer(texts: list[str]) -> None:
    formed = column(institution_code.is_wellformed(pl.col("x")), [*texts])
    agrees = column(institution_code.check_digit_agrees(pl.col("x")), [*texts])
    assert [answer is not None for answer in agrees] == [
        len(text) == 10 and text.isascii() and text.isdigit() for text in texts
    ]
    assert all(form for form, answer in zip(formed, agrees, strict=True) if answer is not None)


@given(nine_digits)
def test_exactly_the_check_digit_of_the_rule_agrees(prefix: str) -> None:
    digit = sum(place * int(digit) for place, digit in enumerate(prefix, start=1)) % 10
    (code,) = institution_code.with_check_digit([prefix]).to_list()
    assert code == f"{prefix}{digit}"
    every: list[str | None] = [f"{prefix}{last}" for last in range(10)]
    assert column(institution_code.check_digit_agrees(pl.col("x")), every) == [last == digit for last in range(10)]


@pytest.mark.parametrize("kind", [list, pl.Series, np.array])
def test_prefixes_come_as_list_series_or_array(kind: type) -> None:
    codes = institution_code.with_check_digit(kind(["110101001", "350120000"]))
    assert codes.to_list() == ["1101010012", "3501200007"]


@pytest.mark.parametrize("prefix", ["", "35012000", "3501200000", "350120G00", "+50120000", "３50120000"])
def test_a_malformed_prefix_is_refused_with_its_row(prefix: str) -> None:
    with pytest.raises(ValueError, match="row 1 "):
        institution_code.with_check_digit(["110101001", prefix])
