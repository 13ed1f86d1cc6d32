"""The pages as each side sees them: applying, querying, deciding, and what is not theirs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation
from tests.insurer.applications import office
from tests.insurer.applications.files import PDF, PNG
from tests.insurer.applications.office import NOW, TODAY, Office
from tests.insurer.portal import people

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.applications.models import Case, State
from nhicard.insurer.applications.services import attachments, cases
from nhicard.insurer.applications.services.guards import Order
from nhicard.insurer.applications.tables import kinds, transitions
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.portal.texts import text, texts

pytestmark = pytest.mark.django_db
FORM = {
    "contact_name": "測試承辦",
    "contact_phone": "02-0000-0000",
    "contact_email": "clerk@example.org",
    "wanted_from": "112/11/01",
    "remark": "",
}


@pytest.fixture(autouse=True)
def at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def clinic() -> Office:
    return office.opened()


def of(user: User) -> Client:
    return people.signed_in(Client(), user)


def apply(user: User, wish: str, kind: str = "ic20", **said: Any) -> Any:
    return of(user).post(f"{reverse('applications:apply')}?kind={kind}", FORM | {"wish": wish} | said)


def page(user: User, name: str, *arguments: Any, **query: Any) -> str:
    return str(of(user).get(reverse(f"applications:{name}", args=arguments), query).content.decode())


def test_a_clerk_prepares_and_the_representative_hands_in(clinic: Office) -> None:
    kept = apply(clinic.clerk, "save", contact_phone="", file=SimpleUploadedFile("合約.pdf", PDF))
    assert kept.status_code == 302
    assert "合約.pdf" in page(clinic.clerk, "apply", kind="ic20")
    assert 'value="submit"' not in page(clinic.clerk, "apply", kind="ic20")
    assert apply(clinic.clerk, "submit").status_code == 422
    handed_in = apply(clinic.representative, "submit")
    case = Case.objects.get()
    assert handed_in["Location"] == reverse("applications:case", args=[case.number])
    assert (case.state, case.applicant, case.wanted_from.isoformat()) == (  # type: ignore[union-attr]
        State.OFFICER,
        clinic.representative,
        "2023-11-01",
    )
    shown = page(clinic.representative, "case", case.number)
    for told in ("承辦人_核定中", "112/10/25", "112/11/01", "測試承辦", "合約.pdf", "送件"):
        assert told in shown


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("contact_name", "", "請填寫"),
        ("contact_email", "不是信箱", ""),
        ("contact_phone", "<script>", "電話只能有數字"),
        ("wanted_from", "112/13/01", "請填民國年月日"),
        ("wanted_from", "112/10/24", "日期不可早於今天"),
        ("remark", "長" * 501, ""),
    ],
)
def test_faults_stand_beside_their_field_and_in_the_summary(clinic: Office, field: str, value: str, told: str) -> None:
    answer = apply(clinic.representative, "submit", **{field: value})
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert f'id="{field}-error"' in shown
    assert f'<a href="#id_{field}">' in shown
    assert told in shown
    assert "<script>" not in shown.replace("<script src", "")
    assert not Case.objects.exclude(state=State.DRAFT).exists()


def test_what_was_typed_is_not_lost_when_conditions_fail(clinic: Office) -> None:
    answer = apply(clinic.representative, "submit", "return10", consequences_read="on", remark="測試說明")
    assert answer.status_code == 422
    assert "申請條件未全部符合" in answer.content.decode()
    assert Case.objects.get(kind="return10").remark == "測試說明"


def test_a_hostile_file_is_answered_and_the_draft_kept(clinic: Office) -> None:
    answer = apply(clinic.clerk, "save", file=SimpleUploadedFile("a.pdf", b"MZ" + PDF))
    assert answer.status_code == 422
    assert "請重新另存後再附" in answer.content.decode()
    assert Case.objects.get().contact_name == "測試承辦"
    large = apply(clinic.clerk, "save", file=SimpleUploadedFile("a.pdf", b"x" * (attachments.LARGEST + 1)))
    assert "附件超過 5 MB" in large.content.decode()


def test_files_are_saved_never_shown(clinic: Office) -> None:
    draft = clinic.drafted()
    file = attachments.add(draft, "照片.png", PNG, clinic.clerk, NOW)
    address = reverse("applications:attachment", args=[file.pk])
    answer = of(clinic.clerk).get(address)
    assert answer.content == PNG
    assert answer["Content-Disposition"].startswith("attachment; filename*=UTF-8''%E7")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert of(clinic.officer).get(address).status_code == 404  # a draft is the institution's own
    cases.act(draft.pk, "submit", clinic.representative, NOW)
    assert of(clinic.officer).get(address).status_code == 200
    assert Entry.objects.filter(action="attachment.fetched").count() == 2


def test_the_consequences_of_a_return_are_shown_first(clinic: Office) -> None:
    clinic.agreed()
    assert "不予改版獎勵" in page(clinic.clerk, "apply", kind="return10")
    answer = apply(clinic.representative, "submit", "return10")
    assert 'id="consequences_read-error"' in answer.content.decode()
    assert apply(clinic.representative, "submit", "return10", consequences_read="on").status_code == 302


def test_a_return_after_the_last_day_loses_nothing(clinic: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2024, 3, 1))
    shown = page(clinic.clerk, "apply", kind="return10")
    assert "不影響已取得的改版獎勵" in shown
    assert "不予改版獎勵" not in shown


def test_conditions_are_told_met_or_not(clinic: Office) -> None:
    shown = page(clinic.clerk, "new")
    assert "自 112/10/24 09:30 起" in shown
    assert shown.count("未符合</b>") == 1  # the return, of who is not yet admitted


def test_the_query_finds_by_number_kind_and_days(clinic: Office) -> None:
    first = clinic.submitted("services", NOW - timedelta(days=20))
    second = clinic.submitted("support", NOW - timedelta(days=10))
    third = clinic.submitted()
    cases.act(first.pk, "refuse", clinic.officer, NOW, Order(reason="不同意"))
    asked: dict[tuple[tuple[str, str], ...], set[Case]] = {
        (): {first, second, third},
        (("number", str(second.number)),): {second},
        (("number", "1121025"),): {third},
        (("kind", "services"),): {first},
        (("first", "112/10/15"),): {second, third},
        (("first", "1121015"), ("last", "112/10/15")): {second},
        (("last", "112/10/5"), ("kind", "services")): {first},
        (("number", "999999999999"),): set(),
    }
    for query, found in asked.items():
        shown = page(clinic.clerk, "cases", **dict(query))
        assert {case for case in (first, second, third) if f">{case.number}<" in shown} == found, query
    for told in ("案件編號", "案件種類", "申請日期", "申請進度", "備註", "查詢", "清除", "112/10/05", "已核定_不同意"):
        assert told in page(clinic.clerk, "cases")
    answer = of(clinic.clerk).get(reverse("applications:cases"), {"first": "112/10/15", "last": "112/10/14"})
    assert answer.status_code == 422


def test_a_number_of_elsewhere_is_as_unknown_as_none(clinic: Office) -> None:
    theirs = office.opened("3501200019", division=2).submitted()
    for user in (clinic.clerk, clinic.officer):
        paths = []
        for number in (theirs.number, "112102599999", "x"):
            client = of(user)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                answer = client.get(reverse("applications:case", args=[number]))
            assert answer.status_code == 404
            paths.append(([each["sql"].replace(str(number), "?") for each in queries], answer.content))
        assert len(paths[0][0]) == len(paths[1][0]) == len(paths[2][0])
        assert paths[0][1] == paths[1][1] == paths[2][1]
    assert str(theirs.number) not in page(clinic.officer, "cases")
    assert of(clinic.officer).post(reverse("applications:act", args=[theirs.number, "agree"])).status_code == 404
    assert (
        of(clinic.officer).post(reverse("applications:bulk"), {"number": theirs.number, "action": "agree"}).status_code
        == 404
    )
    assert cases.locked(theirs.pk).state == State.OFFICER


def test_a_look_at_a_case_by_the_insurer_is_on_record(clinic: Office) -> None:
    case = clinic.submitted()
    page(clinic.clerk, "case", case.number)
    page(clinic.officer, "case", case.number)
    page(people.user("auditor"), "case", case.number)
    seen = Entry.objects.filter(action="case.seen", subject=f"case {case.number}")
    assert [entry.role for entry in seen.order_by("number")] == ["officer", "auditor"]


def test_an_officer_decides_on_evidence(clinic: Office) -> None:
    case = clinic.submitted()
    shown = page(clinic.officer, "case", case.number)
    assert "自 112/10/24 09:30 起" in shown
    address = reverse("applications:act", args=[case.number, "agree"])
    without = of(clinic.officer).post(address, {"effective_from": ""})
    assert (without.status_code, "請填寫生效日" in without.content.decode()) == (409, True)
    assert of(clinic.officer).post(address, {"effective_from": "112/11/01"}).status_code == 302
    again = of(clinic.supervisor).post(address, {"effective_from": "112/11/01"})
    assert (again.status_code, "可能別人剛處理過" in again.content.decode()) == (409, True)
    decided = page(clinic.representative, "case", case.number)
    assert "已核定_同意" in decided
    assert "112/11/01" in decided


def test_an_institution_does_not_learn_the_officers_names_or_the_proposal(clinic: Office) -> None:
    clinic.agreed()
    officer = people.user("officer", division=1, name="測試承辦人乙")
    case = clinic.submitted("return10")
    cases.act(case.pk, "propose-refuse", officer, NOW, Order(reason="內部說明"))
    assert "測試承辦人乙" in page(clinic.supervisor, "case", case.number)
    theirs = page(clinic.representative, "case", case.number)
    assert "測試承辦人乙" not in theirs
    assert "擬不同意" not in theirs
    assert "內部說明" not in theirs


def test_the_work_list_filters_and_marks(clinic: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    late = clinic.submitted("support", NOW - timedelta(days=20))
    soon = clinic.submitted("services", NOW - timedelta(days=19))
    fresh = clinic.submitted()
    cases.act(fresh.pk, "reassign", clinic.officer, NOW, Order(officer=clinic.supervisor))
    asked: dict[tuple[tuple[str, str], ...], list[Case]] = {
        (): [late, soon, fresh],
        (("age", "overdue"),): [late],
        (("kind", "services"),): [soon],
        (("mine", "on"),): [fresh],
        (("state", "agreed"),): [],
    }
    for query, found in asked.items():
        shown = page(clinic.supervisor, "work", **dict(query))
        places = [shown.find(f">{case.number}<") for case in (late, soon, fresh)]
        assert [at for at in places if at > 0] == sorted(at for at in places if at > 0)
        assert [case for case, at in zip((late, soon, fresh), places, strict=True) if at > 0] == found, query
    assert "逾期 13 日" in page(clinic.supervisor, "work")


def test_many_are_decided_at_once_and_each_answered(clinic: Office) -> None:
    first, second, third = clinic.submitted(), clinic.submitted("services"), clinic.submitted("support")
    cases.act(second.pk, "withdraw", clinic.representative, NOW)
    numbers = [first.number, second.number, third.number]
    client = of(clinic.officer)
    order = {"number": numbers, "action": "agree", "effective_from": "1121101"}
    shown = client.post(reverse("applications:bulk"), order, follow=True).content.decode()
    assert f"{first.number}：已完成" in shown
    assert f"{second.number}：案件目前的進度" in shown
    assert f"{third.number}：已完成" in shown
    for unclear in ({"action": "agree"}, {"number": numbers, "action": "withdraw"}):
        assert "請選取案件與動作" in client.post(reverse("applications:bulk"), unclear, follow=True).content.decode()


def test_every_page_is_there_in_english(clinic: Office) -> None:
    case = clinic.submitted()
    client = of(clinic.officer)
    client.cookies["django_language"] = "en"
    assert "With the officer" in client.get(reverse("applications:work")).content.decode()
    assert "History" in client.get(reverse("applications:case", args=[case.number])).content.decode()


def test_every_name_in_the_tables_has_a_text() -> None:
    preconditions = {name for kind in kinds().values() for name in kind.preconditions}
    names = [
        *(f"kind.{code}" for code in kinds()),
        *(f"kind.{code}.about" for code in kinds()),
        *(f"state.{state}" for state in State.values),
        *(f"action.{each.action}" for each in transitions()),
        *(f"precondition.{name}" for name in preconditions),
    ]
    assert [name for name in names if f"applications.{name}" not in texts()] == []
    with translation.override("zh-hant"):
        assert {state: text(f"applications.state.{state.value}") for state in State} == dict(State.choices)


def test_the_day_of_today_is_offered_where_the_wish_is_past(clinic: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    case = clinic.submitted(wanted_from=TODAY + timedelta(days=2))
    assert 'value="112/10/27"' in page(clinic.officer, "case", case.number)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=5))
    assert 'value="112/10/30"' in page(clinic.officer, "case", case.number)
