"""Records of 1.0 made into 2.0: what is converted is right, and what 2.0 lacks is listed with who knows it."""

from __future__ import annotations

from datetime import datetime

import pytest
from polars import col

from nhicard.checks import Context, check
from nhicard.formats import Batch, build, concat
from nhicard.formats.tables import codes, fields
from nhicard.institution.upgrading import upgrade
from nhicard.institution.upgrading.missing import MISSING
from nhicard.institution.visits.columns import columns, table
from nhicard.synthetic import generate, slices

AS_OF = datetime(2026, 11, 20, 12)
CONTEXT = Context(as_of=AS_OF)
VISIT = {
    "A00": "1",
    "A01": "1",
    "A02": "1.0",
    "A11": "900000000001",
    "A12": "A123456789",
    "A13": "0700115",
    "A14": "3501990014",
    "A15": "B123456780",
    "A16": "001234567890",
    "A17": "1151119093015",
    "A18": "0012",
    "A19": "1",
    "A22": "C" * 128,
    "A23": "01",
    "A25": "J069",
    "A31": "480",
    "A32": "50",
}
DRUG = {
    "A71": "1151119093015",
    "A72": "1",
    "A73": "A000015421",
    "A75": "TID",
    "A76": "3",
    "A77": "9.0",
    "A78": "01",
    "A79": "A" * 40,
}
REFILL = {**DRUG, "A72": "2", "A76": "28", "A78": "05"}
ABNORMAL = {"A01": "2", "A18": "C001", "A11": None, "A16": None, "A22": None}
CARD, NO_CARD, HIS = "/api/v1/TreatmentNumber/Card", "/api/v1/TreatmentNumber/NoCard", "HIS"


def record(changes: dict[str, str | None], *orders: dict[str, str]) -> Batch:
    told = {name: value for name, value in (VISIT | changes).items() if value is not None}
    return build("1.0", [(told, list(orders))])


# a record of 1.0 and what it lacks: order, field, where it would be got
CASES: list[tuple[str, Batch, set[tuple[int | None, str, str]]]] = [
    ("an ordinary visit", record({}, DRUG), {(None, "M15", CARD)}),
    ("without card", record(ABNORMAL, {k: v for k, v in DRUG.items() if k != "A79"}), {(None, "M15", NO_CARD)}),
    (
        "a continuous prescription",
        record({}, REFILL),
        {(None, "M15", CARD), (None, "M21", HIS), (None, "M26", HIS)},
    ),
    (
        "a refill",
        record({"A23": "AE", "A18": None}, REFILL),
        {
            (None, "M15", CARD),
            (None, "M16", CARD),
            (None, "M17", "/api/v1/Treatment/NoNeedHPC"),
            (None, "M19", "/api/v1/Treatment/NoNeedHPC"),
            (None, "M33", HIS),
        },
    ),
    (
        "a late card",
        record({"A19": "2", "A54": "1151117"}, DRUG),
        {(None, "M15", CARD), (None, "M49", HIS), (None, "M52", HIS)},
    ),
    (
        "a drug without A78",
        record({}, DRUG, {k: v for k, v in DRUG.items() if k != "A78"}),
        {(None, "M15", CARD), (2, "D02", HIS)},
    ),
    (
        "a same-day return with orders",
        record({"A23": "AI", "A18": None}, DRUG),
        {
            (None, "M15", CARD),
            (None, "M16", CARD),
            (None, "M17", "/api/v1/Treatment/NoNeedHPC"),
            (None, "M19", "/api/v1/Treatment/NoNeedHPC"),
            (None, "MB2", HIS),
        },
    ),
    ("what 1.0 itself lacks", record({"A15": None}, DRUG), {(None, "M15", CARD), (None, "M06", HIS)}),
    (
        "a vaccination",
        build(
            "1.0",
            [
                (
                    {name: VISIT[name] for name in ("A01", "A11", "A12", "A13", "A16")} | {"A00": "2"},
                    [{"A61": "MMR", "A62": "1151119", "A63": "3501990014", "A64": "M70001"}],
                )
            ],
        ),
        {(None, "M11", HIS)},
    ),
    ("an admission", record({"A23": "05", "A31": None, "A32": None}), {(None, "M15", CARD)}),
]


@pytest.mark.parametrize(("batch", "lacking"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_20_asks_for_and_10_does_not_have(batch: Batch, lacking: set[tuple[int | None, str, str]]) -> None:
    found = upgrade(batch, context=CONTEXT)
    assert set(found.missing.select("order", "field", "query").rows()) == lacking
    assert found.missing.height == len(lacking)
    assert found.missing.schema == MISSING
    assert found.missing.select(col("text_zh", "text_en", "how_zh", "how_en").is_not_null().all()).row(0) == (True,) * 4
    assert found.batch.edition == "2.0"
    assert found.batch.visits.height == 1


def test_with_what_is_missing_filled_in_the_record_is_accepted() -> None:
    told = upgrade(record({"A23": "AE", "A18": None}, REFILL), context=CONTEXT)
    answers = {"M15": "V" * 20, "M16": "W" * 20, "M17": "3501990014", "M19": "1151022101500", "M33": "2"}
    assert set(told.missing["field"]) == set(answers)
    row = {name: value for name, value in told.batch.visits.row(0, named=True).items() if name != "record"}
    orders = [
        {name: value for name, value in order.items() if name not in ("record", "order", "visit")}
        for order in told.batch.orders.iter_rows(named=True)
    ]
    findings = check(build("2.0", [(row | answers, orders)]), CONTEXT)
    assert findings.frame.filter(col.code != "12").is_empty()  # the drug is of no shipped list


def test_nothing_else_is_wrong_with_upgraded_records() -> None:
    """Generated 1.0 is right; all that the rules find in its upgrade is what it lacks, and what follows from that."""
    told = upgrade(generate("1.0", 1_500, 4, AS_OF, 6), context=CONTEXT)
    found = check(told.batch, CONTEXT).frame
    unlisted = found.join(told.missing, on=["record", "order", "field"], how="anti", nulls_equal=True)
    # the number of dispensings that is missing (M26) makes the kind and the first refill unexplained
    assert set(unlisted.select("code", "field").rows()) == {("D064", "D04"), ("D021", "M33")}
    issuing = told.missing.filter(col.field == "M26")["record"]
    assert set(unlisted["record"]) <= set(issuing)


def test_records_keep_their_numbers_in_the_file() -> None:
    whole = upgrade(generate("1.0", 300, 2, AS_OF, 3), context=CONTEXT)
    assert whole.batch.visits["record"].to_list() == list(range(1, 301))
    later = generate("1.0", 60, 2, AS_OF, 3)
    shifted = Batch(
        "1.0",
        later.visits.with_columns(col.record + 100),
        later.orders.with_columns(col.record + 100),
    )
    told = upgrade(shifted, context=CONTEXT)
    assert told.batch.visits["record"].to_list() == list(range(101, 161))
    assert told.batch.orders["record"].equals(shifted.orders["record"])
    assert set(told.missing["record"]) <= set(range(101, 161))


def test_slices_upgrade_as_the_file_does() -> None:
    parts = [upgrade(part, context=CONTEXT) for part in slices("1.0", 10_050, 3, AS_OF, 2)]
    whole = upgrade(generate("1.0", 10_050, 3, AS_OF, 2), context=CONTEXT)
    joined = concat([part.batch for part in parts])
    assert joined.visits.equals(whole.batch.visits, null_equal=True)
    assert joined.orders.equals(whole.batch.orders, null_equal=True)
    assert sum(part.missing.height for part in parts) == whole.missing.height


def test_other_editions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"edition 1\.0 is needed"):
        upgrade(generate("2.0", 5, 1, AS_OF), context=CONTEXT)


def test_queries_are_of_fields_and_in_both_languages() -> None:
    rows = table("queries").to_dicts()
    assert {row["field"] for row in rows} <= {*fields("2.0"), "MB2", "*"}
    assert len({(row["field"], row["upload_kind"]) for row in rows}) == len(rows)
    assert all(row["how_zh"] and row["how_en"] and row["query"] for row in rows)
    assert {row["upload_kind"] for row in rows} <= {"", *codes("2.0", "H01")}
    told_by_20 = {column.field20 for column in columns().values() if not column.field10}
    assert {row["field"] for row in rows} & told_by_20 >= {"M15", "M16", "M17", "M19", "M52"}
