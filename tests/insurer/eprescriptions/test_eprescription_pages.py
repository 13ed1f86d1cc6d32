"""The portal's pages: an institution's own documents and programs, and the insurer's counts."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client as Browser
from django.urls import reverse
from tests.insurer.eprescriptions import sheets
from tests.insurer.eprescriptions.programs import Clock, Program, institution, program, told
from tests.insurer.portal import people

from nhicard.insurer.accounts.models import User
from nhicard.insurer.eprescriptions.models import Client, EPrescription

pytestmark = pytest.mark.django_db
LIST = "/portal/eprescriptions/"
NEW = "/portal/eprescriptions/clients/new"


def browser(user: User) -> Browser:
    return people.signed_in(Browser(), user)


def page(user: User) -> str:
    answer = browser(user).get(LIST)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_an_institution_sees_its_own_documents_without_a_person(clinic: Program, pharmacy: Program) -> None:
    bundle = sheets.prescription(clinic.code, number="RX-LIST-1")
    code = told(clinic.prescribe(bundle))["accessCode"]
    pharmacy.dispense(bundle, code)
    for place in (clinic, pharmacy):
        shown = page(people.user("clerk", institution=place.institution))
        assert "RX-LIST-1" in shown
        for secret in (sheets.PATIENT, "測試病患甲", code, sheets.VISIT):
            assert secret not in shown
    assert "已調劑 1／3 次" in page(clinic.representative)
    assert "第 1／3 次" in page(pharmacy.representative)
    clinic.cancel(code)
    assert "已註銷（已調劑 1／3 次）" in page(clinic.representative)
    assert "RX-LIST-1" not in page(people.user("clerk"))


def test_the_insurer_counts_the_institutions_it_may_look_at(clinic: Program, pharmacy: Program, at: Clock) -> None:
    elsewhere = program("pharmacy", division=2)
    told(clinic.prescribe(sheets.prescription(clinic.code)))
    shown = page(people.user("officer", division=1))
    assert clinic.code in shown
    assert pharmacy.code in shown
    assert elsewhere.code not in shown
    assert "RX0001" not in shown
    assert elsewhere.code in page(people.user("headquarters"))


def test_the_representative_makes_a_program_and_sees_its_secret_once(at: Clock) -> None:
    place = institution("clinic")
    owner = people.user("representative", institution=place)
    answer = browser(owner).post(NEW, {"name": "門診 HIS", "use": "system"})
    client = Client.objects.get(institution=place)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    made = Program(place, owner, client, answer.context["made"].secret)
    assert made.secret in answer.content.decode()
    assert made.ask_token().status_code == 200
    assert made.secret not in page(owner)
    assert client.client_id in page(owner)
    gone = browser(owner).post(f"/portal/eprescriptions/clients/{client.pk}/revoke", follow=True)
    assert "已停用「門診 HIS」" in gone.content.decode()
    assert made.ask_token().status_code == 401


@pytest.mark.parametrize(
    ("form", "kind", "says"),
    [
        ({"name": "", "use": "system"}, "clinic", "請填寫名稱"),
        ({"name": "x" * 61, "use": "system"}, "clinic", "請填寫名稱"),
        ({"name": "a"}, "clinic", "請選擇使用方式"),
        ({"name": "a", "use": "people"}, "clinic", "網址限 https"),
        ({"name": "a", "use": "people", "redirect_uri": "http://example.org/"}, "clinic", "網址限 https"),
        ({"name": "a", "use": "people", "redirect_uri": "javascript:alert(1)"}, "clinic", "網址限 https"),
        ({"name": "a", "use": "people", "redirect_uri": "https://a/ https://b/"}, "clinic", "網址限 https"),
        ({"name": "a", "use": "people", "redirect_uri": "https://[/"}, "clinic", "網址限 https"),
        ({"name": "a", "use": "system"}, "other", "只有醫院、診所、藥局可以介接"),
    ],
    ids=str,
)
def test_what_cannot_be_a_program_is_told_and_not_made(at: Clock, form: dict[str, str], kind: str, says: str) -> None:
    owner = people.user("representative", institution=institution(kind))
    answer = browser(owner).post(NEW, form)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Client.objects.exists()


def test_there_is_an_end_to_programs(at: Clock) -> None:
    owner = people.user("representative", institution=institution("clinic"))
    mine = browser(owner)
    answers = [mine.post(NEW, {"name": "a", "use": "system"}).status_code for _ in range(21)]
    assert answers == [200] * 20 + [422]


def test_a_clerk_makes_no_programs(clinic: Program) -> None:
    clerk = people.user("clerk", institution=clinic.institution)
    assert browser(clerk).get(NEW).status_code == 403
    assert reverse("eprescriptions:client_new") not in page(clerk)
    assert reverse("eprescriptions:client_new") in page(clinic.representative)


def test_documents_are_only_added(clinic: Program) -> None:
    clinic.prescribe(sheets.prescription(clinic.code))
    row = EPrescription.objects.get()
    with pytest.raises(TypeError):
        row.save()
    with pytest.raises(TypeError):
        row.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        EPrescription._base_manager.update(number="x")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM eprescriptions_eprescription")
