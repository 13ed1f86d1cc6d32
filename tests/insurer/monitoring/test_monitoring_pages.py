"""Who sees what, that each number leads to as many records, and that personal data leave a trace."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import pyzipper
from django.test import Client
from django.urls import reverse
from tests.insurer.faults.uploads import patient
from tests.insurer.monitoring import weeks, worlds
from tests.insurer.monitoring.weeks import Week
from tests.insurer.portal import people

from nhicard.insurer.audit.models import Entry
from nhicard.insurer.intake.models import DayCount, EditionState
from nhicard.insurer.monitoring import presenting, views
from nhicard.insurer.monitoring.models import Qualification
from nhicard.insurer.monitoring.services import downloads, personal, qualification
from nhicard.insurer.monitoring.services.records import Asked, Group, behind
from nhicard.insurer.monitoring.services.report import report

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]
CODE = worlds.CLINIC


@pytest.fixture
def signed_in(week: Week) -> As:
    return lambda who: people.signed_in(Client(), getattr(week, who))


def url(name: str, *arguments: Any) -> str:
    return reverse(f"monitoring:{name}", args=arguments)


def page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return response.content.decode()


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("clerk", 200),
        ("officer", 200),
        ("headquarters", 200),
        ("auditor", 200),
        ("other_officer", 404),
        ("neighbour", 404),
    ],
)
@pytest.mark.parametrize("place", ["of_institution", "records", "record", "csv", "evidence"])
def test_only_those_whom_it_concerns(week: Week, signed_in: As, who: str, status: int, place: str) -> None:
    DayCount.objects.filter(institution=CODE).update(accepted10=1, matched_by_vpn=0, matched_by_web=1)
    made = qualification.qualify_one(CODE, worlds.TODAY, "test")
    assert made
    more = {"record": [week.number(weeks.FAULTY)], "evidence": [made.pk]}.get(place, [])
    assert signed_in(who).get(url(place, CODE, *more)).status_code == status


@pytest.mark.parametrize(
    ("who", "status"), [("clerk", 302), ("officer", 302), ("headquarters", 302), ("auditor", 403), ("neighbour", 404)]
)
def test_who_may_see_persons(week: Week, signed_in: As, who: str, status: int) -> None:
    assert signed_in(who).post(url("show", CODE, week.number(weeks.FAULTY))).status_code == status
    assert signed_in(who).get(url("show", CODE, week.number(weeks.FAULTY))).status_code == 405


@pytest.mark.parametrize("place", ["report", "of_institution", "records", "csv", "zip", "qualify"])
def test_strangers_are_sent_to_sign_in(week: Week, client: Client, place: str) -> None:
    address = url(place, *([] if place == "report" else [CODE]))
    response = client.post(address) if place in ("zip", "qualify") else client.get(address)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("accounts:login"))


def test_every_number_leads_to_as_many_records(week: Week, signed_in: As) -> None:
    found = report(CODE, worlds.TODAY)
    assert (found.total.a, found.total.b, found.total.by_vpn) == (74, 72, 1)
    client, asked = signed_in("clerk"), dict[str, Asked]()

    def link(this: Asked) -> str:
        asked[href := f"#{len(asked)}"] = this
        return href

    numbers = [
        number
        for part in presenting.parts(found, link)
        for row in part.rows
        for number in (row.a, row.b, row.by_vpn, row.by_web)
    ]
    assert all(bool(each.href) == (each.count > 0) for each in numbers)
    leading = [each for each in numbers if each.href]
    assert [behind(asked[each.href]).count() for each in leading] == [each.count for each in leading]
    hrefs = re.findall(r'<a id="n-[^"]+" href="([^"]+)"', page(client, url("report")))
    assert len(hrefs) == len(leading)
    for href, number in zip(hrefs, leading, strict=True):
        assert f"共 {number.count} 件" in page(client, href.replace("&amp;", "&"))


def test_a_list_goes_on_behind_its_last_record(week: Week, signed_in: As) -> None:
    client, address, seen = signed_in("clerk"), url("records", CODE), list[str]()
    while address:
        told = page(client, address)
        seen += re.findall(r"/records/(\d+)\"", told)
        following = re.search(r'href="([^"]+after=\d+)"', told)
        address = following[1].replace("&amp;", "&") if following else ""
    assert len(seen) == len(set(seen)) == 74


@pytest.mark.parametrize(
    ("group", "visits"),
    [
        (Group.BY_VPN, [weeks.BY_VPN]),
        (Group.MISSING, [weeks.FAULTY, weeks.UNSENT]),
    ],
)
def test_the_records_behind_a_number_are_the_right_ones(
    week: Week, signed_in: As, group: Group, visits: list[worlds.Visit]
) -> None:
    told = page(signed_in("clerk"), f"{url('records', CODE)}?group={group}")
    assert re.findall(r"/records/(\d+)\"", told) == [str(week.number(each)) for each in visits]


def test_a_late_card_counts_on_the_day_of_the_visit(week: Week, signed_in: As) -> None:
    told = page(signed_in("clerk"), f"{url('records', CODE)}?day=2023-10-17")
    assert f'/records/{week.number(weeks.LATE)}"' in told


@pytest.mark.parametrize("query", ["group=x", "day=yesterday", "as_of=0001-01-03", "day=2023-13-01"])
def test_a_number_that_there_is_not(week: Week, signed_in: As, query: str) -> None:
    assert signed_in("clerk").get(f"{url('records', CODE)}?{query}").status_code == 404


def test_another_ones_record_is_unknown(week: Week, signed_in: As) -> None:
    theirs = week.number(weeks.ELSEWHERE)
    assert signed_in("clerk").get(url("record", CODE, theirs)).status_code == 404
    assert signed_in("clerk").post(url("show", CODE, theirs)).status_code == 404


def test_a_finding_with_what_is_wrong_and_what_would_be_right(week: Week, signed_in: As) -> None:
    told = page(signed_in("clerk"), url("record", CODE, week.number(weeks.FAULTY)))
    one, two = told.split('id="edition20"')
    assert "沒有錯誤" in one
    for wanted in ("退件", "M44", "many", "正確的寫法"):
        assert wanted in two


def test_a_record_that_was_never_pre_checked_says_so(week: Week, signed_in: As) -> None:
    assert "還沒有收到這筆資料的 2.0 預檢" in page(signed_in("clerk"), url("record", CODE, week.number(weeks.UNSENT)))


@pytest.mark.parametrize("who", ["clerk", "officer"])
def test_personal_data_are_shown_once_and_written_down(week: Week, signed_in: As, who: str) -> None:
    client, number = signed_in(who), week.number(weeks.FAULTY)
    hidden = (patient(weeks.FAULTY.number), "0701212", "F131104093")
    assert not any(each in page(client, url("record", CODE, number)) for each in hidden)
    assert not any(each in page(client, f"{url('records', CODE)}?group=missing") for each in hidden)
    # when it is asked for
    assert client.post(url("show", CODE, number)).status_code == 302
    entry = Entry.objects.filter(action="record.seen").get()
    # then it is there once, and whose it was is in the log by number only
    opened_page = page(client, url("record", CODE, number))
    assert all(each in opened_page for each in hidden)
    assert not any(each in page(client, url("record", CODE, number)) for each in hidden)
    assert (entry.actor, entry.subject, entry.institution) == (
        getattr(week, who).username,
        f"visit {number}",
        CODE,
    )
    assert not any(each in json.dumps(entry.facts) + entry.subject for each in hidden)


def test_shown_is_that_record_and_no_other(week: Week, signed_in: As) -> None:
    client = signed_in("clerk")
    client.post(url("show", CODE, week.number(weeks.FAULTY)))
    assert patient(weeks.UNSENT.number) not in page(client, url("record", CODE, week.number(weeks.UNSENT)))


@pytest.mark.parametrize(
    ("edition", "field", "value", "shown"),
    [
        ("2.0", "M03", "A123456789", "A******789"),
        ("2.0", "M03", "A1", "******"),
        ("2.0", "M04", "0701212", "070****"),
        ("2.0", "D15", "0912345678", "****"),
        ("2.0", "M35", "A123456789", "A******789"),  # sent in the wrong place
        ("2.0", "M35", "J069", "J069"),
        ("1.0", "A31", "many", "many"),
        ("1.0", "A13", "", ""),
    ],
)
def test_what_is_hidden(edition: str, field: str, value: str, shown: str) -> None:
    assert personal.masked_value(edition, field, value) == shown


def test_the_report_as_csv(week: Week, signed_in: As) -> None:
    response = signed_in("clerk").get(url("csv", CODE))
    rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert rows[1] == ["合計", "", "74", "72", "97%", "1", "71"]
    assert [row[1] for row in rows[2:9]] == [f"11210{day}" for day in range(16, 23)]
    assert response["Cache-Control"] == "no-store"
    assert Entry.objects.filter(action="report.downloaded", actor=week.clerk.username).count() == 1


def opened(content: bytes, password: str) -> dict[str, list[dict[str, str]]]:
    with pyzipper.AESZipFile(io.BytesIO(content)) as archive:
        archive.setpassword(password.encode())
        return {
            name: list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"))))
            for name in archive.namelist()
        }


def test_details_open_with_the_users_own_id(week: Week, signed_in: As) -> None:
    response = signed_in("clerk").post(url("zip", CODE))
    found = opened(response.content, weeks.NATIONAL_ID)
    assert len(found["results.csv"]) == 74
    fates = {row["身分證號"]: row["2.0預檢"] for row in found["results.csv"]}
    assert fates[patient(weeks.FAULTY.number)] == "退件"
    assert fates[patient(weeks.UNSENT.number)] == "尚未上傳"
    assert fates[patient(weeks.BY_VPN.number)] == "預檢成功"
    errors = [row for row in found["errors.csv"] if row["類型"] == "退件"]
    assert {row["身分證號"] for row in errors} == {patient(weeks.FAULTY.number)}
    assert {("M44", "many"), ("M49", "")} <= {(row["欄位"], row["內容"]) for row in errors}
    assert all(row["說明"] and row["Explanation"] for row in errors)
    entry = Entry.objects.get(action="details.downloaded")
    assert (entry.actor, entry.facts) == (week.clerk.username, {"records": 74})


def test_details_stay_closed_to_another_password(week: Week, signed_in: As) -> None:
    content = signed_in("clerk").post(url("zip", CODE)).content
    assert patient(weeks.FAULTY.number).encode() not in content
    with pytest.raises(RuntimeError, match="Bad password"):
        opened(content, "A123456788")
    with pyzipper.AESZipFile(io.BytesIO(content)) as archive:
        assert {each.wz_aes_strength for each in archive.infolist()} == {3}, "AES with 256 bits"


def test_without_an_id_there_is_no_password_and_no_file(week: Week, signed_in: As) -> None:
    client = signed_in("without_id")
    response = client.post(url("zip", CODE), follow=True)
    assert "您的帳號沒有登錄身分證號" in response.content.decode()
    assert not Entry.objects.filter(action="details.downloaded").exists()
    with pytest.raises(ValueError, match="password"):
        downloads.details_zip(report(CODE, worlds.TODAY), "")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert downloads.harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "A31", "1-2", None, 5])
def test_other_cells_stay_as_they_are(text: Any) -> None:
    assert downloads.harmless(text) == ("" if text is None else str(text))


def test_on_demand_before_and_after(week: Week, signed_in: As) -> None:
    client = signed_in("clerk")
    assert "還沒有符合兩項條件" in client.post(url("qualify", CODE), follow=True).content.decode()
    DayCount.objects.filter(institution=CODE).update(accepted10=1, matched_by_vpn=0, matched_by_web=1)
    told = client.post(url("qualify", CODE), follow=True).content.decode()
    assert "可以申請改版" in told
    row = Qualification.objects.get()
    assert row.decided_by == week.clerk.username
    assert "自 112/10/23 09:00 起" in told
    assert url("evidence", CODE, row.pk) in told
    assert "先前已符合" in client.post(url("qualify", CODE), follow=True).content.decode()
    assert "內容與摘要相符" in page(client, url("evidence", CODE, row.pk))
    assert Qualification.objects.count() == 1


@pytest.mark.parametrize("who", ["officer", "headquarters", "auditor"])
def test_the_insurer_does_not_ask_for_them(week: Week, signed_in: As, who: str) -> None:
    assert signed_in(who).post(url("qualify", CODE)).status_code == 403
    assert not EditionState.objects.filter(institution=CODE, qualified_at__isnull=False).exists()


@pytest.mark.parametrize(
    ("who", "codes"),
    [("officer", [CODE]), ("other_officer", [weeks.NEIGHBOUR]), ("headquarters", [CODE, weeks.NEIGHBOUR])],
)
def test_the_list_of_institutions(week: Week, signed_in: As, who: str, codes: list[str]) -> None:
    told = page(signed_in(who), url("report"))
    assert re.findall(r'class="code" href="[^"]+">(\d+)<', told) == codes


def test_the_list_is_searched_and_goes_on(week: Week, signed_in: As) -> None:
    for number in range(60):
        people.institution(f"35019{number:05d}", division=1)
    client = signed_in("headquarters")
    first = page(client, f"{url('report')}?q=35019")
    following = re.search(r'href="(\?[^"]+)"', first)
    assert following
    second = page(client, url("report") + following[1].replace("&amp;", "&"))
    codes = [re.findall(r'class="code" href="[^"]+">(\d+)<', told) for told in (first, second)]
    assert [len(each) for each in codes] == [50, 10]
    assert "查無醫事機構" in page(client, f"{url('report')}?q=zzz")


def test_a_page_left_open_stops_refreshing(week: Week, signed_in: As) -> None:
    client = signed_in("clerk")
    assert f'hx-get="{url("report")}?turn=1"' in page(client, url("report"))
    assert "hx-get" not in page(client, f"{url('report')}?turn={views.TURNS}")


def test_in_english(week: Week, signed_in: As) -> None:
    client = signed_in("clerk")
    client.cookies["django_language"] = "en"
    told = page(client, url("report"))
    assert "2.0 pre-check compared with 1.0" in told
    assert "2023-10-16" in told
    assert "01-Western-medicine outpatient" in told
