"""Each derivation by examples: what is known of a visit and its orders, and what follows."""

from __future__ import annotations

import re
from typing import Any

import polars as pl
import pytest

from nhicard.institution.visits import Visits
from nhicard.institution.visits.columns import names, table
from nhicard.institution.visits.derivations import STEPS, complete

Order = dict[str, Any]
ACUTE: Order = {"order_category": "1", "order_code": "A", "days": "3"}
LONG: Order = {"order_category": "1", "order_code": "A", "days": "28"}
RELEASED: Order = {"order_category": "M", "order_code": "A", "days": "28"}
EXERCISE: Order = {"order_category": "2", "order_code": "42006C"}
TEST: Order = {"order_category": "2", "order_code": "09001C"}
VACCINE: Order = {"vaccine": "MMR", "vaccine_lot": "M1"}
CLINIC, HOSPITAL, DENTIST, HERBALIST, PHARMACY = "3501990014", "1101990019", "3701990010", "3801990019", "5901990011"

# what is known of the visit; its orders; the column; what follows
CASES: list[tuple[dict[str, str], list[Order], str, str | None]] = [
    ({}, [TEST], "data_type", "1"),
    ({}, [VACCINE], "data_type", "2"),
    ({}, [TEST, VACCINE], "data_type", "1"),
    ({}, [{"order_category": "G", "order_code": "FSTP-COVID19"}], "data_type", "5"),
    ({}, [], "data_type", "1"),
    ({"visit_category": "01", "sequence_number": "0012"}, [], "upload_kind", "A"),
    ({"visit_category": "01", "sequence_number": "C001"}, [], "upload_kind", "B"),
    ({"visit_category": "AC", "sequence_number": "IC09"}, [], "upload_kind", "A"),
    ({}, [], "late_mark", "1"),
    ({"actual_visit_time": "1151101101500", "actual_visit_identifier": "X"}, [], "late_mark", "2"),
    ({"actual_visit_time": "1151101101500", "birth_date": "0700115"}, [], "late_mark", "2"),
    ({"actual_visit_time": "1151101101500", "birth_date": "1150901"}, [], "late_mark", "3"),
    ({"actual_visit_time": "1151101101500", "birth_date": "1150902"}, [], "late_mark", "2"),
    ({"actual_visit_identifier": "MISS0000000000000000"}, [], "late_mark", "4"),
    ({"late_mark": "4"}, [], "actual_visit_identifier", "MISS0000000000000000"),
    ({"late_mark": "2"}, [], "actual_visit_identifier", None),
    ({"institution": CLINIC, "visit_category": "01"}, [], "medical_category", "11"),
    ({"institution": HOSPITAL, "visit_category": "01"}, [], "medical_category", "12"),
    ({"institution": HOSPITAL, "visit_category": "02"}, [], "medical_category", "13"),
    ({"institution": HOSPITAL, "visit_category": "03"}, [], "medical_category", "14"),
    ({"institution": HOSPITAL, "visit_category": "09"}, [], "medical_category", "15"),
    ({"institution": DENTIST, "visit_category": "AC"}, [], "medical_category", "13"),
    ({"institution": DENTIST, "visit_category": "01"}, [], "medical_category", None),
    ({"institution": HERBALIST, "visit_category": "AA"}, [], "medical_category", "14"),
    ({"institution": PHARMACY, "visit_category": "AF"}, [], "medical_category", None),
    ({"institution": HOSPITAL, "visit_category": "05"}, [], "medical_category", None),
    ({"institution": CLINIC, "visit_category": "CA", "data_type": "5"}, [], "medical_category", None),
    ({"copayment_2": "50", "copayment_3": "20"}, [], "outpatient_copayment", "70"),
    ({"copayment_2": "50", "outpatient_copayment": "80"}, [], "outpatient_copayment", "80"),
    ({"copayment_2": "五十"}, [], "outpatient_copayment", None),
    ({}, [], "outpatient_copayment", None),
    (
        {"institution": CLINIC, "visit_category": "AE", "original_visit_identifier": "X"},
        [],
        "original_institution",
        CLINIC,
    ),
    (
        {"institution": CLINIC, "visit_category": "AA", "original_visit_identifier": "X"},
        [],
        "original_institution",
        CLINIC,
    ),
    (
        {"institution": PHARMACY, "visit_category": "AF", "original_visit_identifier": "X"},
        [],
        "original_institution",
        None,
    ),
    ({"institution": CLINIC, "visit_category": "AE"}, [], "original_institution", None),
    (
        {"institution": CLINIC, "visit_category": "AE", "original_visit_identifier": "9" * 20},
        [],
        "original_institution",
        None,
    ),
    ({"visit_time": "1151119093015"}, [TEST], "order_time", "1151119093015"),
    ({"visit_time": "1151119093015"}, [VACCINE], "order_time", None),
    ({}, [TEST], "order_number", "001"),
    ({}, [{**TEST, "order_number": "005"}, TEST], "order_number", "006"),
    ({}, [VACCINE], "order_number", None),
    ({}, [ACUTE], "prescription_kind", "A"),
    ({}, [{**ACUTE, "days": "7"}], "prescription_kind", "A"),
    ({}, [{**ACUTE, "days": "8"}], "prescription_kind", "B"),
    ({"continuous_refills": "3"}, [LONG], "prescription_kind", "C"),
    ({"continuous_total_days": "84"}, [RELEASED], "prescription_kind", "C"),
    ({"continuous_refill": "2"}, [LONG], "prescription_kind", "C"),
    ({"continuous_refills": "3"}, [ACUTE], "prescription_kind", "A"),
    ({"continuous_refills": "3"}, [{**LONG, "controlled": "Y"}], "prescription_kind", "E"),
    ({}, [{**ACUTE, "controlled": "Y"}], "prescription_kind", "D"),
    ({"controlled_refills": "2"}, [{**LONG, "controlled": "Y"}], "prescription_kind", "F"),
    ({}, [{**ACUTE, "days": None}], "prescription_kind", None),
    ({}, [TEST], "prescription_kind", None),
    ({"visit_category": "01"}, [ACUTE], "dispensing", "0"),
    ({"visit_category": "AE"}, [ACUTE], "dispensing", "A"),
    ({"visit_category": "AF"}, [ACUTE], "dispensing", "A"),
    ({"visit_category": "01"}, [RELEASED], "dispensing", "1"),
    ({}, [TEST], "dispensing", "0"),
    ({}, [{"order_category": "G", "order_code": "R001"}], "dispensing", None),
    ({}, [{"order_category": "0", "order_code": "00110C"}], "dispensing", None),
    ({}, [], "prescription_mode", "2"),
    ({}, [TEST], "prescription_mode", "2"),
    ({}, [ACUTE, TEST], "prescription_mode", "0"),
    ({}, [RELEASED], "prescription_mode", "1"),
    ({}, [ACUTE, RELEASED], "prescription_mode", "1"),
    ({}, [EXERCISE], "prescription_mode", "E"),
    ({}, [{**EXERCISE, "dispensing": "1"}], "prescription_mode", "F"),
    ({}, [ACUTE, EXERCISE], "prescription_mode", "A"),
    ({}, [ACUTE, {**EXERCISE, "dispensing": "1"}], "prescription_mode", "B"),
    ({}, [RELEASED, EXERCISE], "prescription_mode", "C"),
    ({}, [RELEASED, {**EXERCISE, "dispensing": "1"}], "prescription_mode", "D"),
    ({}, [{"order_category": "2", "order_code": "44003C"}], "prescription_mode", "2"),
    ({}, [{"order_category": "4", "order_code": "XCOVID0001", "days": "5"}], "prescription_mode", "G"),
    ({}, [TEST], "days_supplied", "0"),
    ({}, [ACUTE, {**ACUTE, "days": "5"}], "days_supplied", "5"),
    ({}, [ACUTE, RELEASED], "days_supplied", "3"),
    ({}, [RELEASED], "days_supplied", "28"),
    ({"continuous_refills": "3"}, [LONG], "continuous_total_days", "84"),
    ({"continuous_total_days": "84"}, [LONG], "continuous_refills", "3"),
    ({"continuous_total_days": "85"}, [LONG], "continuous_refills", None),
    ({"visit_category": "AE", "continuous_refill": "2"}, [LONG], "continuous_total_days", None),
    ({"controlled_refills": "2"}, [{**LONG, "controlled": "Y"}], "controlled_total_days", "56"),
    ({}, [ACUTE], "general_dispensings", "1"),
    ({}, [LONG], "chronic_dispensings", "1"),
    ({}, [LONG], "general_dispensings", None),
    ({}, [{**LONG, "controlled": "Y"}], "controlled_chronic_dispensings", "1"),
    ({"visit_category": "AF"}, [ACUTE], "general_dispensings", None),
    ({"continuous_refills": "3"}, [LONG], "continuous_refill", "1"),
    ({"continuous_refills": "3"}, [RELEASED], "continuous_refill", "0"),
    ({"visit_category": "AE"}, [{**LONG, "prescription_kind": "C"}], "continuous_refill", None),
    ({"therapy_session": "2"}, [EXERCISE], "physical_therapy", "2"),
    ({"therapy_session": "2"}, [EXERCISE], "occupational_therapy", None),
    ({"therapy_session": "2"}, [TEST], "physical_therapy", None),
    ({"visit_category": "AC", "sequence_number": "IC21"}, [], "preventive_exam", "21"),
    ({"visit_category": "AC", "sequence_number": "IC21"}, [], "preventive_item", "02"),
    ({"visit_category": "AC", "sequence_number": "IC41"}, [], "prenatal_exam", "41"),
    ({"visit_category": "AC", "sequence_number": "C001"}, [{"order_code": "85"}], "preventive_item", "07"),
    ({"visit_category": "01", "sequence_number": "IC21"}, [], "preventive_exam", None),
    ({"visit_category": "AC", "sequence_number": "IC21", "institution": CLINIC}, [], "preventive_institution", CLINIC),
    (
        {"visit_category": "AC", "sequence_number": "IC41", "visit_time": "1151119093015"},
        [],
        "prenatal_date",
        "1151119",
    ),
    ({"visit_time": "1151119093015"}, [VACCINE], "vaccination_date", "1151119"),
    ({"institution": CLINIC}, [VACCINE], "vaccination_institution", CLINIC),
    ({}, [{"allergy_text": "Aspirin"}], "allergy_name", "Aspirin"),
    ({}, [{"allergy_name": "Aspirin"}], "allergy_text", "Aspirin"),
    ({}, [{"allergy_name": "Aspirin", "allergy_ingredient": "1191"}], "allergy_text", None),
    ({"visit_category": "ZB", "visit_time": "1151119093015"}, [], "cancelled_time", "0930"),
    ({"visit_category": "ZA", "visit_time": "1151119093015"}, [], "cancelled_time", None),
]


def told(visit: dict[str, Any], orders: list[Order]) -> Visits:
    rows = pl.DataFrame([{"visit": 0, **order} for order in orders], infer_schema_length=None) if orders else None
    return Visits.of_frames(pl.DataFrame([visit or {"patient_id": None}]), rows)


@pytest.mark.parametrize(("visit", "orders", "column", "follows"), CASES)
def test_what_follows(visit: dict[str, str], orders: list[Order], column: str, follows: str | None) -> None:
    known = complete(told(visit, orders))
    frame = known.visits if column in names("visit") else known.orders
    assert frame[column][-1] == follows


def test_every_derivation_has_an_example() -> None:
    tried = {column for *_, column, follows in CASES if follows is not None} | {"original_visit_time"}
    for step in STEPS:
        derived = set(step(told({}, [TEST])))
        assert derived & tried, step.__name__


def test_what_is_given_wins() -> None:
    """A value for every column, none of which a derivation would give."""
    visit = dict.fromkeys(names("visit"), "given")
    order = dict.fromkeys(names("order"), "given")
    known = complete(told(visit, [order]))
    assert known.visits.row(0, named=True) == visit
    assert known.orders.drop("visit").row(0, named=True) == order


def test_each_derivation_says_what_it_does_and_from_which_source() -> None:
    for step in STEPS:
        chinese, english = (step.__doc__ or "").split("\n\n")
        assert re.search(r"[\u4e00-\u9fff]", chinese), step.__name__
        assert not re.search(r"[\u4e00-\u9fff]", english), step.__name__
        assert re.search(r"代碼表|欄位表|[A-Z]{1,2}\d{2,3}|AA|AF|BE|用戶端", chinese), step.__name__


def test_an_original_visit_at_hand_tells_its_facts() -> None:
    first = {
        "patient_id": "P",
        "visit_identifier": "V1",
        "institution": CLINIC,
        "visit_time": "1151101090000",
        "sequence_number": "0007",
    }
    later = {"patient_id": "P", "visit_category": "AF", "original_visit_identifier": "V1"}
    other = {"patient_id": "Q", "visit_category": "AF", "original_visit_identifier": "V1"}
    known = complete(Visits.of_frames(pl.DataFrame([first, later, other], infer_schema_length=None))).visits
    facts = known.select("original_institution", "original_visit_time", "original_sequence_number").rows()
    assert facts == [(None,) * 3, (CLINIC, "1151101090000", "0007"), (None,) * 3]


def test_orders_of_each_visit_are_counted_apart() -> None:
    visits = pl.DataFrame({"patient_id": ["P", "Q", "R"]})
    orders = pl.DataFrame(
        {"visit": [2, 0, 2, 0], "order_category": ["2", "2", "1", "2"], "days": [None, None, "5", None]}
    )
    known = complete(Visits.of_frames(visits, orders))
    assert known.orders.select("visit", "order_number").rows() == [(0, "001"), (0, "002"), (2, "001"), (2, "002")]
    assert known.visits["days_supplied"].to_list() == ["0", "0", "5"]


@pytest.mark.parametrize(
    ("visits", "orders", "message"),
    [
        ({"patientid": ["P"]}, {"visit": [0]}, "no column patientid of a visit"),
        ({"patient_id": ["P"]}, {"visit": [0], "doses": ["1"]}, "no column doses of a order"),
        ({"patient_id": ["P"]}, {"visit": [1]}, "names no row"),
    ],
)
def test_frames_that_do_not_fit_are_refused(visits: dict[str, Any], orders: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Visits.of_frames(pl.DataFrame(visits), pl.DataFrame(orders))


def test_kinds_of_institutions_have_streams_of_the_code_table() -> None:
    from nhicard.formats.tables import codes

    streams = {stream for row in table("institution_kinds")["medical_categories"] for stream in row.split()}
    assert streams == set(codes("2.0", "M56"))
