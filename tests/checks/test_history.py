"""A history in the check: what is asked of it and how often, rules off without one, answers row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from importlib.resources import files

import polars as pl
import pytest

from nhicard.checks import Context, check
from nhicard.checks.cases import all_cases
from nhicard.checks.cases.cases import DEFAULT_AS_OF, NO_LISTS, base_names, base_record, changed
from nhicard.checks.deferred import deferred
from nhicard.checks.engine import Checker
from nhicard.checks.explanation import explain_code
from nhicard.checks.facts import fact_of, is_past
from nhicard.checks.facts.entries import only_deletes_entries
from nhicard.checks.facts.past import Past
from nhicard.checks.facts.registry import FACTS
from nhicard.checks.findings import Findings
from nhicard.checks.history import (
    FIELDS,
    ORDERS,
    REFILLS,
    STANDING,
    STORED,
    WANTED,
    History,
    MemoryHistory,
    nothing,
)
from nhicard.checks.official import official
from nhicard.checks.plan import fields_of, roots_of
from nhicard.checks.rule import rules
from nhicard.formats import EDITIONS, Batch, Edition, assumptions, build, fields
from nhicard.formats.batch import empty
from nhicard.formats.tables import order_fields

OTHER = "4D2B3C4D5E6F7G8H9J0K"
QUALIFIED = pl.DataFrame([{"institution": "3501200000", "qualified_at": datetime(2020, 1, 1)}], schema=dict(STANDING))


def records(edition: Edition, *changes: str, base: str = "outpatient") -> Batch:
    """A record for each set of changes, which are separated by `` ; ``."""
    made = [changed(edition, base_record(edition, "bases", base), tuple(filter(None, c.split(" ; ")))) for c in changes]
    return build(edition, made)


def context(history: History | None = None, *, is_precheck: bool = False) -> Context:
    return Context(as_of=DEFAULT_AS_OF, references=NO_LISTS, history=history, is_precheck=is_precheck)


def stored(**texts: str) -> pl.DataFrame:
    """A stored visit with these texts, a real and accepted one of edition 2.0."""
    row = {"visit": 1, "edition": "2.0", "is_precheck": False, "state": "accepted", **dict.fromkeys(FIELDS["2.0"], "")}
    return pl.DataFrame([row | texts], schema=dict(STORED))


def told(findings: Findings) -> set[tuple[int, str, str]]:
    return {(row["record"], row["field"], row["code"]) for row in findings}


class Counting(MemoryHistory):
    """A history that notes what it was asked."""

    def __init__(self, *frames: pl.DataFrame) -> None:
        super().__init__(*frames)
        self.asked: list[str] = []
        self.wanted = nothing(WANTED)
        self.identifiers: list[str] = []
        self.institutions: list[str] = []

    def visits(self, wanted: pl.DataFrame) -> pl.DataFrame:
        self.asked.append("visits")
        self.wanted = wanted
        return super().visits(wanted)

    def orders(self, visits: pl.Series) -> pl.DataFrame:
        self.asked.append("orders")
        return super().orders(visits)

    def refills(self, identifiers: pl.Series) -> pl.DataFrame:
        self.asked.append("refills")
        self.identifiers = identifiers.to_list()
        return super().refills(identifiers)

    def standing(self, institutions: pl.Series) -> pl.DataFrame:
        self.asked.append("standing")
        self.institutions = institutions.to_list()
        return super().standing(institutions)


class Generous(MemoryHistory):
    """A history that always returns all it has, which must make no difference."""

    def visits(self, wanted: pl.DataFrame) -> pl.DataFrame:
        return self._stored

    def orders(self, visits: pl.Series) -> pl.DataFrame:
        return self._orders

    def refills(self, identifiers: pl.Series) -> pl.DataFrame:
        return self._refills

    def standing(self, institutions: pl.Series) -> pl.DataFrame:
        return self._standing


# ---- the tables ----


def test_columns_of_stored_visits_are_fields_of_both_editions() -> None:
    """A field of 2.0 goes with the one of 1.0 that the field table names as its predecessor."""
    table = pl.read_csv((files("nhicard.formats") / "data" / "fields20.csv").read_bytes(), infer_schema=False)
    predecessor = dict(table.select("id", "maps_from_10").iter_rows())
    assert set(FIELDS["2.0"].values()) <= set(fields("2.0"))
    assert FIELDS["1.0"] == {name: predecessor[FIELDS["2.0"][name]] for name in FIELDS["1.0"]}
    assert {name for name, field in FIELDS["2.0"].items() if predecessor[field].startswith("A")} == set(FIELDS["1.0"])


@pytest.mark.parametrize("edition", EDITIONS)
def test_record_keys_are_made_of_stored_columns(edition: Edition) -> None:
    assert set(assumptions.load()[f"record_key_{edition.replace('.', '')}"]) <= set(FIELDS[edition].values())


def test_facts_read_fields_that_exist_and_belong_to_visits_or_to_orders() -> None:
    for column in (f"past:{name}" for name in ("key_in_force", "delivery_before", "qualified")):
        assert fact_of(column).reads == tuple(fields_of(column))
    known = set(fields("1.0")) | set(fields("2.0"))
    for name, fact in FACTS.items():
        assert fact.reads, name
        assert set(fact.reads) <= known, name


def test_a_fact_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(KeyError, match="key_in_farce"):
        fact_of("past:key_in_farce")


# ---- rules off without a history ----


@pytest.mark.parametrize("edition", EDITIONS)
def test_codes_that_need_history_by_the_official_table_ask_for_it(edition: Edition) -> None:
    asking: dict[str, set[str]] = {"history": set(), "insurer": set()}
    every = assumptions.load({"legacy_h01_values_accepted": True, "delivery_orders": ["81017C"]})
    for code, rule in rules(edition).items():
        broken = rule.breaks(every) if all(every[name] for name in rule.off_without) else []
        for _, expression in broken:
            for root in filter(is_past, roots_of(expression)):
                asking[fact_of(root).source].add(code)
    by_table = {
        "1.0": {"C001", "C002", "Y009", "Y010"},  # its table does not say
        "2.0": {code for code in rules("2.0") if official("2.0")[code].needs == "history"}
        - {"AD39"},  # within a record
    }
    assert asking["history"] == by_table[edition]
    assert asking["insurer"] == ({"Y000"} if edition == "1.0" else {"Y011", "Y016"})
    assert {entry.code for entry in deferred(edition) if entry.reason == "history"} == set()


@pytest.mark.parametrize(
    ("edition", "reason", "zh", "en"),
    [
        ("1.0", "history", "需比對保險人已收載的紀錄", "needs the records that the insurer already holds"),
        ("2.0", "history", "需比對保險人已收載的紀錄", "needs the records that the insurer already holds"),
        ("1.0", "insurer", "需保險人端的狀態", "needs the insurer's own state"),
        ("2.0", "insurer", "需保險人端的狀態", "needs the insurer's own state"),
    ],
)
def test_without_a_history_its_rules_are_off_and_say_why(edition: Edition, reason: str, zh: str, en: str) -> None:
    without = check(records(edition, ""), context())
    found = check(records(edition, ""), context(MemoryHistory(standing=QUALIFIED)))
    fixed = {entry.code for entry in deferred(edition)}
    off = {entry.code: entry for entry in without.rules_off if entry.reason == reason and entry.code not in fixed}
    assert "C001" in off or "Y000" in off or "Y016" in off
    assert {(entry.zh, entry.en) for entry in off.values()} == {(zh, en)}
    assert not off.keys() & {entry.code for entry in found.rules_off}
    assert not off.keys() & without.codes
    assert not found.codes


@pytest.mark.parametrize(("edition", "code"), [("1.0", "C001"), ("2.0", "D025"), ("2.0", "Y016")])
def test_explain_says_that_the_insurer_checks_it_and_what_is_stored(edition: Edition, code: str) -> None:
    entry = explain_code(edition, code)
    assert entry.rule is not None
    assert "只有保險人能檢核" in entry.rule.more[-1]
    assert entry.example is not None
    assert "；" in entry.example.base


# ---- what is asked of a history ----


def test_each_frame_is_asked_for_once_a_batch() -> None:
    counting = Counting(stored(patient_id="A123456789", visit_time="1121016093015", institution="3501200000"))
    batch = records("2.0", *[f"M33={number}" for number in range(1, 4)], base="refill")
    check(batch, context(counting))
    assert sorted(counting.asked) == ["refills", "standing", "visits"]
    assert counting.identifiers == ["2B2B3C4D5E6F7G8H9J0K"]
    assert counting.institutions == ["3501200000"]


@pytest.mark.parametrize("edition", EDITIONS)
def test_what_no_rule_needs_is_not_asked_for(edition: Edition) -> None:
    counting = Counting()
    check(records(edition, "", "", ""), context(counting))
    assert sorted(counting.asked) == ["standing", "visits"]


def test_orders_are_asked_for_where_an_entry_is_deleted() -> None:
    texts = {"data_type": "1", "institution": "3501200000", "identifier": "1A2B3C4D5E6F7G8H9J0K"}
    counting = Counting(stored(**texts, patient_id="A123456789", visit_time="1121016093015"))
    check(records("2.0", "E01=D ; E11=1", base="allergy"), context(counting))
    assert sorted(counting.asked) == ["orders", "refills", "standing", "visits"]


PERSON, TIME, IDENTIFIER = "A123456789", "1121016093015", "1A2B3C4D5E6F7G8H9J0K"
WANTS: list[tuple[Edition, str, str, set[tuple[str | None, str | None, str | None]]]] = [
    ("1.0", "outpatient", "", {(PERSON, TIME, None)}),
    ("1.0", "vaccination", "", {(PERSON, "1121016", None)}),
    ("1.0", "outpatient", "A12=", set()),
    ("2.0", "outpatient", "", {(PERSON, TIME, None), (None, None, IDENTIFIER)}),
    ("2.0", "outpatient", f"M15= {IDENTIFIER} ; M03={PERSON} ", {(PERSON, TIME, None), (None, None, IDENTIFIER)}),
    ("2.0", "outpatient", "M15=SM000000000000000000", {(PERSON, TIME, None)}),
    ("2.0", "outpatient", "M15=- ; M11=-", set()),
    ("2.0", "refill", "", {(PERSON, TIME, None), (None, None, IDENTIFIER), (None, None, "2B2B3C4D5E6F7G8H9J0K")}),
    ("2.0", "refill", "M16=A0000000000000000000", {(PERSON, TIME, None), (None, None, IDENTIFIER)}),
    (
        "2.0",
        "refill",
        "M16=MISS0000000000000000",
        {(PERSON, TIME, None), (None, None, IDENTIFIER), (PERSON, None, None)},
    ),
    (
        "2.0",
        "same-day",
        "M16=99999999999999999999",
        {(PERSON, TIME, None), (None, None, IDENTIFIER), (PERSON, "1121016081500", None)},
    ),
    ("2.0", "test-result", "M15=-", {(PERSON, "1121019093015", None), (PERSON, None, None)}),
]


@pytest.mark.parametrize(("edition", "base", "changes", "wanted"), WANTS)
def test_what_is_looked_for(
    edition: Edition, base: str, changes: str, wanted: set[tuple[str | None, str | None, str | None]]
) -> None:
    counting = Counting()
    check(records(edition, changes, changes, base=base), context(counting))
    assert counting.wanted.schema == pl.Schema(WANTED)
    assert sorted(counting.wanted.rows(), key=str) == sorted(wanted, key=str)  # each once
    assert ("visits" in counting.asked) == bool(wanted)


def test_persons_with_a_delivery_are_looked_for_where_deliveries_are_known() -> None:
    chosen = assumptions.load({"delivery_orders": ["06012C"]})
    counting = Counting()
    check(records("2.0", ""), replace(context(counting), assumptions=chosen))
    assert (PERSON, None, None) in counting.wanted.rows()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ((PERSON, TIME, None), {1}),
        ((PERSON, None, None), {1, 2}),
        ((None, None, IDENTIFIER), {1, 3}),
        ((None, None, OTHER), set()),
        (("F131104093", TIME, None), set()),
    ],
)
def test_a_history_in_memory_finds_what_is_wanted(wanted: tuple[str | None, ...], found: set[int]) -> None:
    rows = [
        stored(patient_id=PERSON, visit_time=TIME, identifier=IDENTIFIER),
        stored(patient_id=PERSON, visit_time="1121016093016"),
        stored(patient_id="F131104093", visit_time="1121016093017", actual_identifier=IDENTIFIER),
    ]
    held = pl.concat([row.with_columns(visit=pl.lit(n, pl.Int64)) for n, row in enumerate(rows, 1)])
    asked = pl.DataFrame([wanted], schema=dict(WANTED), orient="row")
    assert set(MemoryHistory(held).visits(asked)["visit"]) == found


# ---- answers ----


@pytest.mark.parametrize(("edition", "several"), [("1.0", 2), ("2.0", 15)])
def test_many_records_are_told_what_each_is_told_alone(edition: Edition, several: int) -> None:
    """The records that break a rule in the cases, as one batch beside all that these cases store."""
    cases = [
        case
        for case in all_cases(edition)
        if case.family in ("history", "refills") and not case.assume and "precheck" not in case.scene
    ]
    singles = [batch for case in cases if (batch := case.batch(case.breaks)).visits.height == 1]
    frames = _joined([case.context.history for case in cases])
    held = context(MemoryHistory(*frames))
    alone = {(n, *found) for n, batch in enumerate(singles, 1) for _, *found in told(check(batch, held))}
    together = told(check(_one_batch(edition, singles), held))
    assert len({code for _, _, code in alone}) >= several
    assert together >= alone
    assert {code for _, _, code in together - alone} <= {"C001", "D086"}  # what stands twice in the batch
    assert told(check(_one_batch(edition, singles), context(Generous(*frames)))) == together


def _joined(histories: list[History | None]) -> list[pl.DataFrame]:
    """All that the histories hold, ids made distinct."""
    parts: dict[str, list[pl.DataFrame]] = {"_stored": [], "_orders": [], "_refills": [], "_standing": []}
    for n, history in enumerate(histories):
        assert history is not None
        for name, frames in parts.items():
            frame: pl.DataFrame = getattr(history, name)
            frames.append(frame.with_columns(pl.col("visit") + 1000 * n) if "visit" in frame.columns else frame)
    kept = {name: pl.concat(frames) for name, frames in parts.items()}
    one = ["identifier", "is_precheck", "list_kind", "number"]
    return [
        kept["_stored"],
        kept["_orders"],
        kept["_refills"].unique(one, keep="first", maintain_order=True),
        kept["_standing"].unique("institution", keep="first", maintain_order=True),
    ]


def _one_batch(edition: Edition, batches: list[Batch]) -> Batch:
    visits = pl.concat([batch.visits.with_columns(record=pl.lit(n, pl.UInt32)) for n, batch in enumerate(batches, 1)])
    orders = pl.concat(
        [
            batch.orders.with_columns(record=pl.lit(n, pl.UInt32), visit=pl.lit(n - 1, pl.UInt32))
            for n, batch in enumerate(batches, 1)
        ]
    )
    return Batch(edition, visits, orders)


def test_files_of_one_batch_have_their_own_sender_uploader_and_time() -> None:
    rows = [
        {"institution": "3501200000", "qualified_at": datetime(2023, 10, 20, 12), "addresses": ["203.0.113.8"]},
        {"institution": "1101010012", "qualified_at": datetime(2023, 10, 20, 12), "addresses": ["203.0.113.7"]},
    ]
    history = MemoryHistory(standing=pl.DataFrame(rows, schema=dict(STANDING)))
    batch = records("2.0", *(f"M11=112101609301{n} ; M15=4D2B3C4D5E6F7G8H9J{n}K" for n in range(5)))
    of_files = pl.DataFrame(
        {
            "file": pl.Series(range(5), dtype=pl.UInt32),
            "uploader": ["3501200000", "3501200000", "1101010012", None, "5901010010"],
            "sender": ["203.0.113.8", "203.0.113.7", "203.0.113.7", "203.0.113.9", None],
            "now": [datetime(2023, 10, 20, hour) for hour in (12, 12, 11, 13, 13)],
        },
        schema_overrides={"now": pl.Datetime("us")},
    )
    found = {
        (row["record"], row["code"])
        for row in Checker(context(history)).check(batch, of_files)
        if row["code"] in ("Y011", "Y016") and row["severity"] == "file"
    }
    assert found == {(2, "Y011"), (3, "Y016"), (4, "Y011"), (5, "Y016")}
    without_senders = Checker(context(history)).check(batch, of_files.drop("sender"))
    assert "Y011" not in without_senders.codes


@pytest.mark.parametrize(("is_precheck", "told_again"), [(False, {2, 3}), (True, {2})])
def test_what_stands_twice_in_a_batch_is_found_from_its_second_occurrence(
    is_precheck: bool, told_again: set[int]
) -> None:
    """A pre-check sent again in a file of its own takes the place of the earlier one."""
    history = MemoryHistory(standing=QUALIFIED)
    of_files = pl.DataFrame(
        {"file": [0, 0, 1], "uploader": ["3501200000"] * 3, "now": [DEFAULT_AS_OF] * 3},
        schema_overrides={"file": pl.UInt32, "now": pl.Datetime("us")},
    )
    for edition in EDITIONS:
        found = Checker(context(history, is_precheck=is_precheck)).check(records(edition, "", "", ""), of_files)
        assert {row["record"] for row in found if row["code"] == "C001"} == told_again
    again = "M11=1121016093016 ; D01[*]=1121016093016"
    found = Checker(context(history, is_precheck=is_precheck)).check(records("2.0", "", again, again), of_files)
    assert {row["record"] for row in found if row["code"] == "D086"} == told_again


@pytest.mark.parametrize(
    ("changes", "only"),
    [
        ("", False),
        ("E01=D ; E11=1", True),
        ("E01= D ; E11=1", True),
        ("E01=D ; E11=1 ; MB2[+]=E01:D,E02:1192,E11:1", True),
        ("E01=D ; E11=1 ; MB2[+]=E01:N,E02:1192", False),
        ("E01=D ; E11=1 ; MB2[+]=D06:06012C", False),
        ("MB2[*]=-", False),
    ],
)
def test_a_record_that_only_deletes_entries_is_told_and_is_no_duplicate(changes: str, only: bool) -> None:
    batch = records("2.0", changes, base="allergy")
    assert only_deletes_entries(batch).to_list() == [only]
    texts = {"data_type": "1", "institution": "3501200000", "identifier": IDENTIFIER, "upload_kind": "A"}
    held = stored(**texts, patient_id=PERSON, visit_time=TIME)
    if " D" not in changes:
        assert ("C001" in check(batch, context(MemoryHistory(held, standing=QUALIFIED))).codes) == (not only)


def test_records_without_person_time_or_identifier_repeat_nothing() -> None:
    history = MemoryHistory(standing=QUALIFIED)
    found = check(records("2.0", *["M03=- ; M15=-"] * 2, *["M11=- ; M15= "] * 2), context(history))
    assert not {"C001", "D086", "22"} & found.codes
    found = check(records("1.0", *["A12=-"] * 2, *["A17= "] * 2), context(history))
    assert "C001" not in found.codes


@pytest.mark.parametrize("edition", EDITIONS)
def test_an_empty_batch_asks_nothing(edition: Edition) -> None:
    counting = Counting()
    assert not len(check(empty(edition), context(counting)))
    assert not counting.asked


@pytest.mark.parametrize("edition", EDITIONS)
def test_any_content_is_checked_without_raising(edition: Edition) -> None:
    hostile = ["\x00" * 20, "é" * 20, "x" * 5_000, "'; --", "０" * 128, "0" * 128, "\ud7ff" * 20, "\x1f" * 9, " "]
    segments = (list(FIELDS[edition].values()), ["M19", "M33", "M34", "M49", "M26", "E01[*]", "E02[*]", "D06[*]"])
    names = segments[0] + (segments[1] if edition == "2.0" else ["A62[*]", "A63[*]"])
    keep = ("A00", "A01", "H00", "H01", "M07")
    changes = [" ; ".join(f"{name}={text}" for name in names if name not in keep) for text in hostile]
    held = Generous(stored(patient_id="x" * 5_000, visit_time="'; --", upload_kind="A"), None, None, QUALIFIED)
    for base in ("outpatient", "refill"):
        batch = records(edition, *changes, *changes, base=base)
        assert len(check(batch, context(held))) > len(hostile)


def test_facts_have_a_row_a_visit_or_a_row_an_order() -> None:
    for edition in EDITIONS:
        batch = build(edition, [base_record(edition, *base) for base in base_names(edition)])
        of_files = batch.visits.select(
            file=pl.lit(0, pl.UInt32),
            now=pl.lit(DEFAULT_AS_OF, pl.Datetime("us")),
            uploader=pl.lit(None, pl.String),
            sender=pl.lit(None, pl.String),
        )
        of_files = pl.concat([of_files] * batch.visits.height)
        past = Past(batch, of_files, context(MemoryHistory()))
        for name, fact in FACTS.items():
            if edition == "1.0" and not set(fact.reads) & set(fields("1.0")):
                continue
            of_order = bool(set(fact.reads) & set(order_fields(edition)))
            height = batch.orders.height if of_order else batch.visits.height
            assert len(fact.make(past)) == height, name


def test_frames_are_empty_with_their_columns() -> None:
    for schema in (STORED, ORDERS, REFILLS, STANDING, WANTED):
        assert nothing(schema).schema == pl.Schema(schema)
