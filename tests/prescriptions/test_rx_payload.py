"""The text of a prescription: what goes in comes out, and nothing else does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.prescriptions.making import prescription

from nhicard.prescriptions import InvalidPrescription, Prescription
from nhicard.prescriptions.payload import MARK
from nhicard.prescriptions.tables import fields, kinds

WORDS = st.text(
    st.one_of(
        st.sampled_from("|\\\n\rpn"),
        st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, [*range(32), 127]))),
    ),
    min_size=1,
    max_size=20,
).filter(str.strip)
COUNT = st.integers(1, 99).map(str)
QUANTITY = st.decimals(0, 9999, places=1).map(lambda number: f"{number:f}".removesuffix(".0"))


@st.composite
def anything(draw: st.DrawFn) -> Prescription:
    told = prescription(orders=1)
    kind = kinds()[draw(st.sampled_from("ABCDEF"))]
    header = {"kind": kind.kind, "patient_name": draw(WORDS), "physician_name": draw(WORDS), "sequence_number": ""}
    header["days"] = str(draw(st.integers(1, kind.most_days or 99)))
    header["dispensings"] = str(draw(st.integers(1, kind.most_dispensings)))
    order = st.fixed_dictionaries(
        {"product": WORDS, "unit": st.one_of(st.just(""), WORDS), "dose": QUANTITY, "total": QUANTITY, "days": COUNT}
    )
    changed = draw(st.lists(order, min_size=1, max_size=6))
    return Prescription(dict(told.header) | header, [dict(told.orders[0]) | each for each in changed])


@settings(max_examples=150, deadline=None)
@given(anything())
def test_the_text_gives_the_prescription_back(told: Prescription) -> None:
    text = told.text()
    assert Prescription.of_text(text) == told
    assert "\n" not in text
    assert text.count("|") == len(fields("header")) + len(fields("order")) * len(told.orders)


def test_the_layout_is_a_mark_a_head_and_fourteen_fields_an_order() -> None:
    told = prescription(orders=2).text().split("|")
    assert told[0] == MARK
    assert len(fields("header")) == 1 + 18  # the time of signing, and the head as it was seen
    assert len(fields("order")) == 14
    assert len(told) == 1 + 19 + 2 * 14


def test_a_bar_and_a_new_line_are_escaped_in_one_way() -> None:
    told = prescription(orders=1, patient_name="測試|病\\患\n甲")
    assert told.text().split("|")[4] == "測試\\p病\\\\患\\n甲"


WRONG: dict[str, dict[str, Any]] = {
    "patient_name": {"patient_name": " "},
    "sex": {"sex": "X"},
    "birth_date": {"birth_date": "20230229"},
    "signed_at": {"signed_at": "20260302250000"},
    "physician_id": {"physician_id": "B100000002"},
    "visit_identifier": {"visit_identifier": "A" * 21},
    "kind": {"kind": "G"},
    "dispensings": {"kind": "A", "days": "3", "dispensings": "2"},
    "days": {"kind": "A", "days": "8", "dispensings": "1"},
    "physician_name": {"physician_name": "測試\x00"},
    "institution": {"institution": "３５０１２０００００"},
}


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_value_names_its_field_and_not_itself(field: str) -> None:
    with pytest.raises(InvalidPrescription) as caught:
        prescription(**WRONG[field])
    assert caught.value.field == field
    assert not [value for value in WRONG[field].values() if len(value) > 3 and value in str(caught.value)]


def test_a_text_written_in_another_way_is_refused() -> None:
    text = prescription(orders=1).text()
    for wrong in (
        text.replace(MARK, "NHIRX9"),
        text + "|",
        text[: text.rindex("|")],
        text.replace("測試病患", "測試\\x病患"),
        text.replace("測試病患", "測試病患\\"),
        text + "\n",
        "",
    ):
        with pytest.raises(InvalidPrescription):
            Prescription.of_text(wrong)


def test_there_is_at_least_one_order() -> None:
    with pytest.raises(InvalidPrescription):
        Prescription(prescription().header, [])
