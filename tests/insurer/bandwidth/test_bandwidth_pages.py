"""The pages of institution and insurer, and the commands behind the timers."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from tests.insurer.applications.files import PDF
from tests.insurer.bandwidth.line_world import MONTH, NOW, Place, agreed, applied, place, sent
from tests.insurer.portal import people
from typer.testing import CliRunner

from nhicard.cli.app import app
from nhicard.insurer import clock
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.bandwidth.models import Decision, Enrolment, Evidence, Leaving, Settlement
from nhicard.insurer.bandwidth.services import settling

pytestmark = pytest.mark.django_db
LIST = reverse("bandwidth:list")
APPLICATION = {
    "line_type": "standard",
    "wanted_from": "111/02",
    "contact_name": "測試聯絡人",
    "contact_phone": "02-0000-0000",
}


@pytest.fixture(autouse=True)
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def clinic() -> Place:
    return place("3501200000")


def bill_form(**change: Any) -> dict[str, Any]:
    file = SimpleUploadedFile("帳單.pdf", PDF)
    return {"fee_month": "111/01", "bill": "1600", "mbps": "100", "file": file} | change


def told(answer: Any) -> str:
    return " ".join(map(str, answer.context["messages"]))


def test_an_institution_applies_sends_its_bill_and_leaves(client: Client, clinic: Place) -> None:
    people.signed_in(client, clinic.representative)
    answer = client.post(reverse("bandwidth:apply"), APPLICATION, follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    assert "待分區核定" in answer.content.decode()
    Enrolment.objects.get()
    elsewhere = place("3501200019")
    agreed(elsewhere)
    people.signed_in(client, elsewhere.representative)
    answer = client.post(reverse("bandwidth:evidence"), bill_form(), follow=True)
    assert "已收到帳單" in told(answer)
    assert Evidence.objects.get().bill == 1600
    assert "沒有變動" in told(client.post(reverse("bandwidth:evidence"), bill_form(), follow=True))
    client.post(reverse("bandwidth:leave"), {"last_month": "111/02"})
    assert Leaving.objects.get().last_month == date(2022, 2, 1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"wanted_from": "111/01"}, "不能早於本月"),
        ({"wanted_from": "111/13"}, "不是年月"),
        ({"line_type": "hospital"}, "hospital"),
        ({"contact_phone": "x"}, "不是電話號碼"),
        ({"contact_name": ""}, "請填寫"),
    ],
)
def test_a_wrong_application_is_told_and_what_was_typed_stays(
    client: Client, clinic: Place, change: dict[str, str], says: str
) -> None:
    people.signed_in(client, clinic.representative)
    answer = client.post(reverse("bandwidth:apply"), APPLICATION | change)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert "02-0000-0000" in answer.content.decode() or "contact_phone" in change
    assert not Enrolment.objects.exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"fee_month": "111/03"}, "是未來"),
        ({"fee_month": "110/10"}, "沒有參加方案"),
        ({"bill": "0"}, "正整數"),
        ({"bill": "x"}, "正整數"),
        ({"mbps": "100001"}, "正整數"),
        ({"file": ""}, "請填寫"),
        ({"file": SimpleUploadedFile("帳單.exe", PDF)}, "PDF"),
        ({"file": SimpleUploadedFile("帳單.png", PDF)}, "副檔名"),
        ({"file": SimpleUploadedFile("帳單.pdf", b"MZ")}, "PDF"),
    ],
)
def test_a_wrong_bill_is_told(client: Client, clinic: Place, change: dict[str, Any], says: str) -> None:
    agreed(clinic)
    people.signed_in(client, clinic.representative)
    answer = client.post(reverse("bandwidth:evidence"), bill_form(**change))
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Evidence.objects.exists()


def test_a_clerk_sends_bills_and_does_not_apply(client: Client, clinic: Place) -> None:
    agreed(clinic)
    people.signed_in(client, people.user("clerk", institution=clinic.institution))
    assert client.post(reverse("bandwidth:apply"), APPLICATION).status_code == 403
    assert client.post(reverse("bandwidth:evidence"), bill_form()).status_code == 302


@pytest.mark.parametrize(
    ("sends", "status", "is_agreed"),
    [
        ({"wish": "agree", "effective_from": "111/01"}, 302, True),
        ({"wish": "refuse", "reason": "非固接網路"}, 302, False),
        ({"wish": "refuse"}, 422, None),
        ({"wish": ""}, 422, None),
        ({"wish": "agree", "effective_from": "110/10"}, 422, None),
        ({"wish": "agree", "effective_from": "x"}, 422, None),
    ],
)
def test_the_division_decides(
    client: Client, clinic: Place, sends: dict[str, str], status: int, is_agreed: bool | None
) -> None:
    made = applied(clinic)
    people.signed_in(client, clinic.officer)
    assert client.post(reverse("bandwidth:decide", args=[made.pk]), sends).status_code == status
    decisions = list(Decision.objects.values_list("is_agreed", flat=True))
    assert decisions == ([] if is_agreed is None else [is_agreed])


def test_a_reason_is_shown_to_the_institution(client: Client, clinic: Place) -> None:
    made = applied(clinic)
    people.signed_in(client, clinic.officer)
    client.post(reverse("bandwidth:decide", args=[made.pk]), {"wish": "refuse", "reason": "非固接網路"})
    page = people.signed_in(client, clinic.representative).get(LIST).content.decode()
    assert "非固接網路" in page


def test_looking_at_an_application_and_at_a_bill_is_on_record(client: Client, clinic: Place) -> None:
    made = agreed(clinic)
    bill = sent(clinic)
    people.signed_in(client, clinic.officer)
    assert client.get(reverse("bandwidth:enrolment", args=[made.pk])).status_code == 200
    answer = client.get(reverse("bandwidth:bill", args=[bill.pk]))
    assert answer.content == PDF
    assert "attachment" in answer["Content-Disposition"]
    assert Entry.objects.filter(action="bandwidth.seen").count() == 1
    assert Entry.objects.filter(action="bandwidth.bill_fetched").count() == 1


def test_who_has_not_joined_as_a_page_and_as_a_file(client: Client, clinic: Place) -> None:
    agreed(clinic)
    absent = place("3701200001")
    people.signed_in(client, clinic.officer)
    page = client.get(reverse("bandwidth:missing")).content.decode()
    assert absent.institution.code in page
    assert clinic.institution.name not in page
    rows = client.get(reverse("bandwidth:missing"), {"form": "csv", "group": "dental"}).content.decode("utf-8-sig")
    assert rows.splitlines()[1:] == [f"1,3701200001,{absent.institution.name},牙醫診所"]
    assert len(client.get(reverse("bandwidth:missing"), {"form": "csv", "group": "western"}).content.splitlines()) == 1


def test_a_settlement_as_a_page_and_as_a_file(client: Client, clinic: Place) -> None:
    agreed(clinic)
    sent(clinic, bill=1600)
    made = settling.settle(1, MONTH, 37, NOW.date(), NOW).settlement
    assert made
    people.signed_in(client, clinic.officer)
    page = client.get(reverse("bandwidth:settlement", args=[made.pk])).content.decode()
    assert "超過上限，補助 1,500 元" in page
    rows = client.get(reverse("bandwidth:settlement", args=[made.pk]), {"form": "csv"}).content.decode("utf-8-sig")
    assert rows.splitlines()[1].endswith(",11101,光纖（診所、藥局）,1600,1500,1500,37,111/02/22")
    mine = people.signed_in(client, clinic.representative).get(LIST).content.decode()
    assert "111/02/22" in mine
    assert "第 37 季" in mine


@pytest.mark.parametrize("asked", [{"as_of": "111/02/23"}, {"as_of": "x"}, {"as_of": "110/01/01"}, {"page": "x"}])
def test_odd_questions_get_a_page(client: Client, clinic: Place, asked: dict[str, str]) -> None:
    people.signed_in(client, clinic.officer)
    assert client.get(LIST, asked).status_code == 200
    assert client.get(reverse("bandwidth:missing"), asked).status_code == 200


@pytest.mark.parametrize(("language", "says"), [("zh-hant", "未參加"), ("en", "Not joined")])
def test_both_languages(client: Client, clinic: Place, language: str, says: str) -> None:
    client.cookies["django_language"] = language
    for user in (clinic.representative, clinic.officer):
        assert says in people.signed_in(client, user).get(LIST).content.decode()


class TestCommand:
    """``nhicard bandwidth``."""

    @pytest.fixture(autouse=True)
    def usable(self, monkeypatch: pytest.MonkeyPatch, clinic: Place) -> None:
        monkeypatch.setattr("nhicard.insurer.serving.set_up_django", lambda: None)
        monkeypatch.setattr("nhicard.insurer.operations.database.why_unusable", lambda: "")

    def run(self, *arguments: str) -> Any:
        return CliRunner().invoke(app, ["bandwidth", *arguments])

    def test_settle(self, clinic: Place) -> None:
        agreed(clinic)
        sent(clinic)
        done = self.run("settle", "--month", "11101", "--season", "37", "--paid-on", "2022-02-22")
        assert done.exit_code == 0, done.output
        assert "1 11101: 1 家 institutions, 1,200 元" in done.output
        assert Settlement.objects.get().season == 37

    @pytest.mark.parametrize(
        ("month", "paid_on"), [("11113", "2022-02-22"), ("11102", "2022-03-22"), ("11101", "2022-01-31")]
    )
    def test_settle_refuses(self, month: str, paid_on: str) -> None:
        assert self.run("settle", "--month", month, "--season", "37", "--paid-on", paid_on).exit_code == 2

    def test_remind(self, clinic: Place) -> None:
        assert "reminded: 1" in self.run("remind", "joining").output
        assert "reminded: 0" in self.run("remind", "joining").output
        agreed(clinic)
        assert "reminded: 0" in self.run("remind", "bill", "--division", "2").output
        assert "reminded: 1" in self.run("remind", "bill", "--month", "11101").output
