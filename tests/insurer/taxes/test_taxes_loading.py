"""Files of payments and owners: every fault told, nothing loaded by halves, nothing changed that is there."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from tests.insurer.taxes.tax_world import NOW, OWNER, PAYMENT, SECOND, clinic, load, table

from nhicard.insurer.audit.models import Entry
from nhicard.insurer.portal.texts import texts
from nhicard.insurer.taxes.models import Load, Owner, Payment
from nhicard.insurer.taxes.services import current, loading
from nhicard.insurer.taxes.services.files import Fault

pytestmark = pytest.mark.django_db
_TABLE = (Path(__file__).parent / "tax_fault_cases.csv").read_text(encoding="utf-8")
CASES = list(csv.DictReader(_TABLE.splitlines()))


@pytest.fixture(autouse=True)
def place() -> Any:
    return clinic()


def faults(file: str, content: bytes) -> list[Fault]:
    with pytest.raises(loading.Unusable) as refused:
        loading.load(file, "x.csv", content, NOW)
    assert not Load.objects.exists()
    assert not Payment.objects.exists()
    assert not Owner.objects.exists()
    return list(refused.value.faults)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['field']}: {case['says']}")
def test_a_bad_line_is_told_by_line_column_and_remedy(case: dict[str, str]) -> None:
    good = {"fee_month": "11402"} if case["file"] == "payments" else {"valid_from": "0800101", "valid_until": "0801231"}
    found = faults(case["file"], table(case["file"], good, {case["field"]: case["value"]}))
    assert (3, case["column"], case["remedy"]) in [(each.line, each.column, each.remedy) for each in found]


def test_all_faults_of_a_file_are_told_in_order() -> None:
    found = faults("payments", table("payments", {"kind": "xx", "number": "0"}, {}, {"number": "2", "total": "1"}))
    assert [each.line for each in found] == [2, 2, 4, 4]
    assert {(each.line, each.remedy) for each in found} == {
        (2, "number"),
        (2, "kind"),
        (4, "sum_total"),
        (4, "sum_claimed"),
    }


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (table("payments", {}).replace("種類".encode(), "類別".encode()), "heading_missing"),
        (table("payments", {}).replace("種類".encode(), "類別".encode()), "heading_unknown"),
        (table("payments", {}).replace("藥費".encode(), "種類".encode()), "heading_twice"),
        (table("payments", {}) + b"1,2,3\n", "cells"),
        ("醫事機構代碼".encode("big5"), "encoding"),
        (b"", "heading_missing"),
        (table("payments", {}, {}), "twice"),
    ],
)
def test_a_file_that_is_no_such_file(content: bytes, remedy: str) -> None:
    assert remedy in {each.remedy for each in faults("payments", content)}


def test_every_remedy_has_words_in_both_languages() -> None:
    remedies = {case["remedy"] for case in CASES}
    assert all(all(texts()[f"taxes.remedy.{each}"]) for each in remedies)


def test_faults_do_not_repeat_personal_data() -> None:
    found = faults("owners", table("owners", {"id_no": "A123456780", "birthday": "0571332", "address": "路" * 200}))
    told = " ".join(each.value for each in found)
    assert "A******780" in told
    assert "A123456780" not in told
    assert "0571332" not in told
    assert "路" not in told


def test_blanks_in_headings_and_a_missing_mark_do_no_harm() -> None:
    content = table("payments", {}).decode("utf-8-sig").replace("種類,", "種類 ,")
    assert loading.load("payments", "x.csv", content.encode(), NOW) == loading.Loaded(1, 0, 0)


def test_the_same_file_again_changes_nothing() -> None:
    assert load("payments", {}) == loading.Loaded(1, 0, 0)
    assert load("payments", {}) == loading.Loaded(0, 0, 1)
    assert Load.objects.count() == 1


def test_a_correction_is_a_new_version_and_the_old_one_stays() -> None:
    load("payments", {})
    assert load("payments", {"paid": "40000"}, {"fee_month": "11402"}) == loading.Loaded(1, 1, 0)
    versions = Payment.objects.filter(fee_month=date(2025, 1, 1)).order_by("version").values_list("version", "paid")
    assert list(versions) == [(1, 39000), (2, 40000)]
    assert [each.paid for each in current.payments(NOW.date()).order_by("fee_month")] == [40000, 39000]


def test_going_back_to_earlier_figures_is_a_version_too() -> None:
    for paid in ("39000", "40000", "39000"):
        load("payments", {"paid": paid})
    assert [each.version for each in current.payments(NOW.date())] == [3]


def test_what_was_loaded_later_does_not_count_as_of_a_day_before() -> None:
    load("payments", {})
    load("payments", {"paid": "40000"}, now=NOW + timedelta(days=1))
    assert [each.paid for each in current.payments(NOW.date())] == [39000]
    assert [each.paid for each in current.payments(NOW.date() + timedelta(days=1))] == [40000]
    assert not current.payments(NOW.date() - timedelta(days=1)).exists()


def test_an_adjustment_may_be_negative() -> None:
    sums = ("consultation", "total", "claimed", "paid", "withheld")
    change = dict.fromkeys(("drugs", "dispensing", "treatment", "copayment", "cases"), "0")
    change |= dict.fromkeys(sums, "-100") | {"kind": "90"}
    assert load("payments", change).new == 1


def test_owners_of_an_institution_follow_each_other_without_overlap() -> None:
    ended = {"valid_until": "1140630"}
    follows = {"id_no": SECOND, "valid_from": "1140701"}
    assert load("owners", ended, follows).new == 2
    with pytest.raises(loading.Unusable) as refused:
        load("owners", {"valid_until": "1140701"})  # the earlier one now ends a day too late
    assert [each.remedy for each in refused.value.faults] == ["overlap"]
    assert Owner.objects.count() == 2


def test_overlap_within_one_file() -> None:
    found = faults("owners", table("owners", {}, {"id_no": SECOND, "valid_from": "1140701"}))
    assert [(each.line, each.remedy) for each in found] == [(3, "overlap")]


def test_a_load_is_audited_without_personal_data() -> None:
    load("owners", {})
    entry = Entry.objects.get(action="taxes.loaded")
    assert entry.facts["new"] == 1
    assert OWNER not in str(entry.facts) + entry.subject


@pytest.mark.parametrize("model", [Load, Payment, Owner])
def test_nothing_loaded_can_be_changed_or_deleted(model: Any) -> None:
    load("payments", {})
    load("owners", {})
    row = model.objects.first()
    with pytest.raises(TypeError):
        row.save()
    with pytest.raises(TypeError):
        model.objects.all().delete()
    for statement in (f"UPDATE {model._meta.db_table} SET id = 99", f"DELETE FROM {model._meta.db_table}"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_the_good_line_is_good() -> None:
    assert int(PAYMENT["total"]) - int(PAYMENT["copayment"]) == int(PAYMENT["claimed"])
