"""The pages of institution, division and headquarters, and the public query, without a browser."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tests.insurer.hours import offices
from tests.insurer.hours.offices import AFTERNOON, EVENING, MORNING, NOW
from tests.insurer.portal import people

from nhicard.insurer import clock
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.hours.models import Holiday, HolidayRegistration, Premises, RegularHours
from nhicard.insurer.hours.services import files, holidays
from nhicard.insurer.registry.models import Institution

pytestmark = pytest.mark.django_db
HOME = "/portal/hours/"


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def clerk_of(place: Institution) -> Client:
    return people.signed_in(Client(), people.user("clerk", institution=place))


# regular hours

REGULAR: dict[str, Any] = {
    "specialty": "01",
    "valid_from": "111/03/15",
    "cells": ["1", "8", "21"],
    "fee": "150",
    "remark": "備註",
}


def test_regular_hours_are_registered_and_shown() -> None:
    place = offices.place()
    client = clerk_of(place)
    page = client.post(f"{HOME}regular", REGULAR, follow=True).content.decode()
    row = RegularHours.objects.get()
    assert (row.cells, row.fee, row.remark) == ("NYYYYYYNYYYYYYYYYYYYN", 150, "備註")
    for told in ("已登錄每週看診時段", "家醫科", "150 元", "自 111/03/15（二） 起"):
        assert told in page
    form = client.get(f"{HOME}regular?specialty=01")
    assert [box.value for line in form.context["lines"] for box in line.boxes if box.is_open] == ["1", "8", "21"]


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"specialty": "ZZ"}, "格式不對"),
        ({"valid_from": ""}, "請填寫"),
        ({"valid_from": "111/02/30"}, "請填民國年月日"),
        ({"valid_from": "111/03/14"}, "生效日要在今天到一年之內"),
        ({"cells": ["0"]}, "格式不對"),
        ({"cells": ["1", "22"]}, "格式不對"),
        ({"fee": "10000"}, "掛號費要在 0 到 9999 元之間"),
        ({"fee": "x"}, "格式不對"),
        ({"remark": "長" * 201}, "200"),
    ],
)
def test_a_form_with_mistakes_says_which_and_loses_nothing(changed: dict[str, Any], fault: str) -> None:
    answer = clerk_of(offices.place()).post(f"{HOME}regular", REGULAR | changed)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert fault in page
    assert 'role="alert"' in page
    assert not RegularHours.objects.exists()
    if "cells" not in changed:
        assert page.count(" checked") == 3


# a holiday


def _cells(*cells: tuple[int, str, str]) -> list[str]:
    return [f"2022-04-{day:02d}.{session}.{specialty}" for day, session, specialty in cells]


def test_a_holiday_is_registered_changed_and_shown_to_the_division() -> None:
    place, holiday = offices.place(), offices.holiday()
    client, address = clerk_of(place), f"{HOME}holiday?holiday={offices.holiday().pk}"
    assert "請登錄 清明連假 看診時段" in client.get(HOME).content.decode()
    ticked = _cells((2, "morning", "01"), (3, "evening", "00"))
    page = client.post(address, {"do": "save", "cells": ticked, "remark": "提早結束"}, follow=True).content.decode()
    for told in ("已登錄長假期看診時段", "提早結束", *(f'value="{each}" checked' for each in ticked)):
        assert told in page
    assert "請登錄 清明連假" not in client.get(HOME).content.decode()
    officer = people.signed_in(Client(), people.user("officer", division=1))
    told = officer.get(f"{HOME}standing?holiday={holiday.pk}&state=open").content.decode()
    assert place.code in told
    client.post(address, {"do": "save", "is_closed": "on"})
    assert [each.is_closed for each in HolidayRegistration.objects.order_by("pk")] == [False, True]


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        ({}, "請勾選有看診的時段"),
        ({"is_closed": "on", "cells": _cells((2, "morning", "00"))}, "不能同時勾選每天都休診"),
        ({"cells": _cells((6, "morning", "00"))}, "不在這個假期內"),
        ({"cells": ["2022-04-02.night.00"]}, "不在這個假期內"),
        ({"cells": ["x"]}, "不在這個假期內"),
        ({"cells": ["2022-04-02.morning.<b>"]}, "不在這個假期內"),
        ({"is_closed": "on", "remark": "長" * 201}, "200"),
    ],
)
def test_what_is_not_registered_for_a_holiday(form: dict[str, Any], fault: str) -> None:
    address = f"{HOME}holiday?holiday={offices.holiday().pk}"
    answer = clerk_of(offices.place()).post(address, form | {"do": "save"})
    assert answer.status_code == 422
    assert fault in answer.content.decode()
    assert not HolidayRegistration.objects.exists()


def test_specialties_are_added_and_regular_hours_filled_in_before_anything_is_registered() -> None:
    place = offices.place()
    offices.hours(place, "02", offices.WEEKDAYS, date(2022, 3, 1))
    address, client = f"{HOME}holiday?holiday={offices.holiday().pk}", clerk_of(place)
    ticked = _cells((2, "morning", "02"))
    added = client.post(address, {"do": "add", "add": "04", "cells": ticked})
    assert added.status_code == 200
    assert added.context["extra"] == ["04"]
    assert [line.heading for line in added.context["days"][0].others] == ["兒科"]
    assert 'value="2022-04-02.morning.02" checked' in added.content.decode()
    filled = client.post(address, {"do": "regular", "extra": "04"}).context["days"]
    boxes = {box.value for day in filled for line in (day.main, *day.others) for box in line.boxes if box.is_open}
    assert boxes == set(_cells(*((day, each, "02") for day in (4, 5) for each in ("morning", "afternoon"))))
    assert not HolidayRegistration.objects.exists()


def test_outside_the_window_the_form_is_only_read(monkeypatch: pytest.MonkeyPatch) -> None:
    place, holiday = offices.place(), offices.holiday()
    offices.opened(holiday, place, (2, MORNING, "00"), remark="提早結束")
    monkeypatch.setattr(clock, "now", lambda: NOW.replace(month=4, day=1))
    client, address = clerk_of(place), f"{HOME}holiday?holiday={holiday.pk}"
    page = client.get(address).content.decode()
    assert page.count("disabled") == page.count('name="cells"') == 12
    assert "提早結束" in page
    assert client.post(address, {"do": "save", "is_closed": "on"}).status_code == 422
    assert HolidayRegistration.objects.count() == 1


@pytest.mark.parametrize("number", ["0", "x", "99999999999", "-1"])
def test_a_holiday_that_there_is_not(number: str) -> None:
    offices.holiday()
    assert clerk_of(offices.place()).get(f"{HOME}holiday", {"holiday": number}).status_code == 404


# the insurer


def test_headquarters_announces_and_withdraws() -> None:
    client = people.signed_in(Client(), people.user("headquarters"))
    form = {
        "name_zh": "清明連假",
        "name_en": "Tomb-Sweeping holiday",
        "first_day": "111/04/02",
        "last_day": "111/04/05",
        "opens_on": "111/03/01",
        "closes_on": "111/03/31",
    }
    assert "請填寫" in client.post(f"{HOME}announce", form | {"name_en": ""}).content.decode()
    assert "登錄截止日" in client.post(f"{HOME}announce", form | {"closes_on": "111/04/06"}).content.decode()
    assert not Holiday.objects.exists()
    page = client.post(f"{HOME}announce", form, follow=True).content.decode()
    assert "111/04/02（六） 到 111/04/05（二），共 4 天" in page
    number = Holiday.objects.get().pk
    assert "已經有公告的長假期" in client.post(f"{HOME}announce", form).content.decode()
    client.post(f"{HOME}withdraw/{number}")
    client.post(f"{HOME}withdraw/{number}")
    assert not holidays.current().exists()
    actions = Entry.objects.filter(subject=f"holiday {number}").order_by("number").values_list("action", flat=True)
    assert list(actions) == ["hours.holiday.announced", "hours.holiday.withdrawn"]


def test_a_division_sees_who_of_its_own_has_not_registered() -> None:
    holiday = offices.holiday()
    missing, open_, closed, elsewhere = (
        offices.place(f"350120000{number}", division=division) for number, division in enumerate((1, 1, 1, 2))
    )
    offices.opened(holiday, open_, (2, MORNING, "01"))
    offices.opened(holiday, closed)
    officer = people.signed_in(Client(), people.user("officer", division=1))
    (_, count), *none = officer.get(f"{HOME}overview").context["rows"]
    assert (count.required, count.missing, count.open, count.closed, none) == (3, 1, 1, 1, [])
    page = officer.get(f"{HOME}standing").content.decode()
    assert missing.code in page
    assert not {open_.code, closed.code, elsewhere.code} & set(page.split())
    whole = people.signed_in(Client(), people.user("headquarters")).get(f"{HOME}standing")
    assert [(each.place, each.required, each.missing) for each in whole.context["counts"]] == [
        ("臺北業務組", 3, 1),
        ("北區業務組", 1, 1),
    ]
    answer = officer.get(f"{HOME}standing.csv?holiday={holiday.pk}")
    told = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(each["醫事機構代碼"], each["登錄情形"]) for each in told] == [
        (missing.code, "未登錄"),
        (open_.code, "已登錄看診時段"),
        (closed.code, "已登錄每天休診"),
    ]
    assert Entry.objects.get(action="hours.standing.downloaded").facts == {"rows": 3}


# everybody


def test_everybody_finds_who_is_open() -> None:
    holiday = offices.holiday()
    near = offices.place("3501990011", name="測試診所近", county="01")
    Premises.objects.create(institution=near, address="臺北市測試區測試路1號", telephone="02-0000-0000")
    same_township = offices.place("3701990016", name="測試牙醫診所")
    far = offices.place("3502990018", name="測試診所遠")
    silent = offices.place("3501990020", name="測試診所靜", county="臺北市")
    offices.hours(near, "01", offices.WEEKDAYS, date(2022, 3, 1), fee=150, remark="平日")
    offices.hours(same_township, "40", offices.EVERY_DAY, date(2022, 3, 1))
    offices.hours(far, "01", offices.WEEKDAYS, date(2022, 3, 1))
    offices.opened(holiday, near, (2, EVENING, "01"), (2, AFTERNOON, "02"))

    def found(**asked: str) -> set[str]:
        return {row.code for row in Client().get("/hours/", asked).context["rows"]}

    workday, saturday = {"day": "2022-03-16"}, {"day": "2022-04-02"}
    assert found(**workday, county="臺北市") == {near.code, same_township.code}
    assert found(**workday, county="臺北市", session="evening") == set()
    assert found(**workday, county="臺北市", specialty="40") == {same_township.code}
    assert found(**workday, county="高雄市") == {far.code}
    assert found(**workday, place="台北市測試區") == {near.code}
    assert found(**workday, place=near.code) == {near.code, same_township.code}
    assert found(**workday, place="測試診所") == {near.code, far.code}
    assert found(**saturday, county="臺北市") == {near.code}
    assert found(**saturday, county="臺北市", session="evening", specialty="02") == set()
    assert found(**saturday, county="臺北市", session="afternoon", specialty="02") == {near.code}
    page = Client().get("/hours/", saturday | {"county": "臺北市", "lang": "en"}).content.decode()
    for told in (
        '<html lang="en">',
        "2 more have not registered",
        "Evening",
        "Family medicine",
        "NT$150",
        "Afternoon</b> Internal medicine",
    ):
        assert told in page
    silent.contracts.update(valid_until=date(2022, 4, 1))
    page = Client().get("/hours/", saturday | {"county": "臺北市"}).content.decode()
    assert "另有 1 家還沒有登錄" in page


@pytest.mark.parametrize(
    "asked",
    [{}, {"day": "x"}, {"county": "' OR 1"}, {"place": "(.*"}, {"session": "night", "county": "臺北市"}, {"page": "0"}],
)
def test_whatever_is_asked_gets_an_answer(asked: dict[str, str]) -> None:
    answer = Client().get("/hours/", asked)
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer


def test_the_file_of_fixed_hours_is_public_once_it_is_there(tmp_path: Path, settings: Any) -> None:
    settings.HOME = tmp_path
    client = Client()
    assert client.get("/hours/fixed-hours.csv").status_code == 404
    files.publish(b"told", files.published())
    answer = client.get("/hours/fixed-hours.csv")
    assert b"".join(answer.streaming_content) == b"told"  # type: ignore[attr-defined]
    known = client.get("/hours/fixed-hours.csv", headers={"If-None-Match": answer["ETag"]})
    assert known.status_code == 304
    assert "固定看診時段開放資料" in client.get("/hours/").content.decode()
