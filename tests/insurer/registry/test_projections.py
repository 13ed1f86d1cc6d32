"""The tables that the services work with follow the lists, and keep what lists do not say."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from tests.insurer.registry.lists import CLINIC, NOW, PATIENT, PHARMACY, PHYSICIAN, load, table

from nhicard.insurer.registry.models import (
    SINCE_EVER,
    Contract,
    Coverage,
    Employment,
    Institution,
    InsuredPerson,
    Profession,
    StaffMember,
    Suspension,
    Validity,
)

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)
YESTERDAY = NOW.date()
PLACES = "code,start,end,name,kind,division,county"


def periods(model: type[Validity], owner: str, *more: str) -> list[tuple[object, ...]]:
    return sorted(model._default_manager.values_list(owner, "valid_from", "valid_until", *more), key=str)


# ---- institutions ----

KINDS = [  # code, 特約類別 as listed: kind, category
    (CLINIC, "4", "clinic", "4"),
    (CLINIC, "西醫診所", "clinic", "4"),
    ("0101990005", "醫學中心", "hospital", "1"),
    ("1101990005", "3", "hospital", "3"),
    (PHARMACY, "藥局", "pharmacy", "5"),
    ("9501990005", "9", "other", "9"),
    ("9501990005", "A", "other", "A"),
    ("3801990005", "", "clinic", ""),
    ("5901990005", "", "pharmacy", ""),
    ("1101990005", "醫院", "hospital", ""),
    ("9501990005", "", "other", ""),
    ("9A01010010", "4", "not-medical", "4"),
]


@pytest.mark.parametrize(("code", "listed", "kind", "category"), KINDS)
def test_the_kind_follows_from_the_category_or_else_from_the_code(
    tmp_path: Path, code: str, listed: str, kind: str, category: str
) -> None:
    load(tmp_path, "institutions", table("code,kind", f"{code},{listed}"))
    assert Institution.objects.values_list("code", "kind", "category").get() == (code, kind, category)


@pytest.mark.parametrize(
    ("listed", "division"),
    [
        ("1", 1),
        ("6", 6),
        ("臺北業務組", 1),
        ("台北業務組", 1),
        ("高屏業務組", 5),
        ("東區", 6),
        ("7", None),
        ("", None),
        ("總署", None),
    ],
)
def test_the_division_is_a_number_or_a_name(tmp_path: Path, listed: str, division: int | None) -> None:
    load(tmp_path, "institutions", table("code,division", f"{CLINIC},{listed}"))
    assert Institution.objects.get().division == division


def test_of_several_files_each_fact_counts_that_was_said_last(tmp_path: Path) -> None:
    load(
        tmp_path,
        "institutions",
        table(PLACES, f"{CLINIC},1040101,1091231,舊名診所,4,1,63", f"{CLINIC},1100101,,新名診所,,,"),
    )
    found = Institution.objects.get()
    assert (found.name, found.short_name, found.category, found.division, found.county) == (
        "新名診所",
        "新名診所",
        "4",
        1,
        "63",
    )
    assert periods(Contract, "institution__code") == [
        (CLINIC, date(2015, 1, 1), date(2020, 12, 31)),
        (CLINIC, date(2021, 1, 1), None),
    ]
    assert found.is_contracted(date(2020, 12, 31))
    assert found.is_contracted(date(2021, 1, 1))
    assert not found.is_contracted(date(2014, 12, 31))


def test_a_contract_without_a_beginning_holds_since_ever(tmp_path: Path) -> None:
    load(tmp_path, "institutions", table("code,end", f"{CLINIC},1150301"))
    assert periods(Contract, "institution__code") == [(CLINIC, SINCE_EVER, date(2026, 3, 1))]
    assert Institution.objects.get().is_contracted(date(1996, 1, 1))
    assert not Institution.objects.get().is_contracted(date(2026, 3, 2))


def test_what_is_no_longer_listed_ended_yesterday_at_the_latest(tmp_path: Path) -> None:
    rows = [f"{CLINIC},1040101,", f"{PHARMACY},0840301,1141015", "3801990005,1140101,1200101", "3701990006,1160101,"]
    load(tmp_path, "institutions", table("code,start,end", "0101990005,1040101,", *rows))
    load(tmp_path, "institutions", table("code,start,end", "0101990005,1040101,"), LATER)
    assert periods(Contract, "institution__code") == [
        ("0101990005", date(2015, 1, 1), None),
        (CLINIC, date(2015, 1, 1), YESTERDAY),
        ("3801990005", date(2025, 1, 1), YESTERDAY),
        (PHARMACY, date(1995, 3, 1), date(2025, 10, 15)),
    ]
    assert Institution.objects.count() == 5, "an identifier may name any that ever was"


def test_an_institution_that_no_list_knows_is_left_alone(tmp_path: Path) -> None:
    other = Institution.objects.create(code="3501200019", name="測試診所", short_name="測試", kind="clinic")
    Contract.objects.create(institution=other, valid_from=date(2020, 1, 1))
    load(tmp_path, "institutions", table("code", CLINIC))
    load(tmp_path, "institutions", table("code", PHARMACY), LATER)
    other.refresh_from_db()
    assert other.is_contracted(LATER.date())
    assert other.short_name == "測試"


@pytest.mark.parametrize(("given", "kept"), [("", "新名診所"), ("簡稱", "簡稱")])
def test_a_short_name_follows_the_name_unless_somebody_gave_one(tmp_path: Path, given: str, kept: str) -> None:
    load(tmp_path, "institutions", table("code,name", f"{CLINIC},舊名診所"))
    Institution.objects.update(takes_virtual_cards=False, **({"short_name": given} if given else {}))
    load(tmp_path, "institutions", table("code,name", f"{CLINIC},新名診所"), LATER)
    found = Institution.objects.get()
    assert (found.name, found.short_name, found.takes_virtual_cards) == ("新名診所", kept, False)


def test_long_names_are_cut(tmp_path: Path) -> None:
    load(tmp_path, "institutions", table("code,name", f"{CLINIC},{'長' * 120}"))
    found = Institution.objects.get()
    assert (len(found.name), len(found.short_name)) == (100, 40)


# ---- suspensions ----


def test_suspensions_come_and_go(tmp_path: Path) -> None:
    load(tmp_path, "institutions", table("code", CLINIC, PHARMACY))
    header = "institution,start,end"
    load(tmp_path, "suspensions", table(header, f"{CLINIC},1150201,1150331", f"{PHARMACY},1150201,"))
    assert Institution.objects.get(code=CLINIC).is_suspended(date(2026, 3, 31))
    assert not Institution.objects.get(code=CLINIC).is_suspended(date(2026, 4, 1))
    load(tmp_path, "suspensions", table(header, f"{CLINIC},1150201,1150228"), LATER)
    assert periods(Suspension, "institution__code") == [(CLINIC, date(2026, 2, 1), date(2026, 2, 28))]


def test_suspensions_wait_for_their_institutions(tmp_path: Path) -> None:
    rows = (f"{CLINIC},1150201,", f"{PHARMACY},1150201,")
    load(tmp_path, "suspensions", table("institution,start,end", *rows))
    load(tmp_path, "institutions", table("code", CLINIC), NOW)
    assert periods(Suspension, "institution__code") == [(CLINIC, date(2026, 2, 1), None)]
    load(tmp_path, "institutions", table("code", CLINIC, PHARMACY), LATER)
    assert Suspension.objects.count() == 2


# ---- staff ----


def test_staff_members_keep_what_the_list_does_not_say(tmp_path: Path) -> None:
    StaffMember.objects.create(id_no=PHYSICIAN, name="測試醫師", profession=Profession.PHYSICIAN)
    rows = (f"{PHYSICIAN},1040101,1121015,{CLINIC}", f"{PHYSICIAN},1121101,,{PHARMACY}", f"{PATIENT},,,")
    load(tmp_path, "staff", table("id,start,end,institution", *rows))
    assert set(StaffMember.objects.values_list("id_no", "name", "profession")) == {
        (PHYSICIAN, "測試醫師", "physician"),
        (PATIENT, "", "unknown"),
    }
    assert periods(Employment, "staff__id_no", "institution_code") == [
        (PATIENT, SINCE_EVER, None, ""),
        (PHYSICIAN, date(2015, 1, 1), date(2023, 10, 15), CLINIC),
        (PHYSICIAN, date(2023, 11, 1), None, PHARMACY),
    ]
    load(tmp_path, "staff", table("id,start,end,institution", rows[0]), LATER)
    assert periods(Employment, "staff__id_no") == [(PHYSICIAN, date(2015, 1, 1), date(2023, 10, 15))]
    assert StaffMember.objects.count() == 2


# ---- insured persons ----


def test_insured_persons_keep_what_the_list_does_not_say(tmp_path: Path) -> None:
    InsuredPerson.objects.create(
        id_no=PATIENT, name="測試病患甲", sex="M", birthday=date(1981, 1, 1), telephone="02", insurance_status=3233
    )
    rows = (
        f"{PATIENT},0700212,000012345678,1090101,,",
        f"{PATIENT},0700212,,1000101,1021231,",
        "B123456780,0010101,,,,女",
    )
    load(tmp_path, "insured", table("id,birth,card,start,end,sex", *rows))
    assert set(
        InsuredPerson.objects.values_list("id_no", "name", "sex", "birthday", "telephone", "insurance_status")
    ) == {
        (PATIENT, "測試病患甲", "M", date(1981, 2, 12), "02", 3233),
        ("B123456780", "", "F", date(1912, 1, 1), "", 0),
    }
    assert periods(Coverage, "person__id_no", "card") == [
        (PATIENT, date(2011, 1, 1), date(2013, 12, 31), ""),
        (PATIENT, date(2020, 1, 1), None, "000012345678"),
        ("B123456780", SINCE_EVER, None, ""),
    ]


def test_only_persons_of_whom_something_new_is_said_are_written(tmp_path: Path) -> None:
    header = "id,birth,card"
    load(tmp_path, "insured", table(header, f"{PATIENT},0700212,1", "B123456780,0010101,2"))
    kept = Coverage.objects.get(card="1")
    load(tmp_path, "insured", table(header, f"{PATIENT},0700212,1", "B123456780,0010101,3"), LATER)
    assert Coverage.objects.get(card="1").pk == kept.pk
    assert set(Coverage.objects.values_list("person__id_no", "card")) == {(PATIENT, "1"), ("B123456780", "3")}


def test_a_birthday_before_the_first_year_of_the_republic(tmp_path: Path) -> None:
    load(tmp_path, "insured", table("id,birth,card", f"{PATIENT},19111231,"))
    assert InsuredPerson.objects.get().birthday == date(1911, 12, 31)


def test_loading_is_counted_by_the_day_of_loading(tmp_path: Path) -> None:
    load(tmp_path, "institutions", table("code", CLINIC))
    load(tmp_path, "institutions", table("code", PHARMACY), datetime(2026, 5, 1, 0, 0, 1))
    assert Contract.objects.get(institution__code=CLINIC).valid_until == date(2026, 4, 30)
