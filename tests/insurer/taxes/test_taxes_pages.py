"""The pages: the owner with a card alone fetches; the insurer sees masks; every look leaves a trace."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from tests.insurer.portal import people
from tests.insurer.taxes.tax_world import NOW, OWNER, SECOND, YEAR, clinic, produced, with_card

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import Means, User
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.registry.models import Institution
from nhicard.insurer.taxes.models import Document, Fetch

pytestmark = pytest.mark.django_db
LIST = reverse("taxes:list")


@pytest.fixture(autouse=True)
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def place() -> Institution:
    return clinic()


@pytest.fixture
def document(place: Institution) -> Document:
    return produced(place, birthday="0300101")[0]


@pytest.fixture
def owner(place: Institution, document: Document) -> User:
    return people.user("representative", institution=place, national_id=OWNER)


def address(document: Document, form: str = "pdf") -> str:
    return reverse("taxes:download", args=[document.pk, form])


@pytest.mark.parametrize("means", [Means.STAFF_CARD, Means.SAM])
@pytest.mark.parametrize(("form", "begins"), [("pdf", b"%PDF-"), ("csv", b"\xef\xbb\xbf")])
def test_the_owner_signed_in_with_a_card_fetches(
    client: Client, owner: User, document: Document, means: str, form: str, begins: bytes
) -> None:
    answer = with_card(client, owner, means).get(address(document, form))
    assert answer.status_code == 200
    assert answer.content.startswith(begins)
    assert "no-store" in answer["Cache-Control"]
    entry = Entry.objects.get(action="taxes.fetched")
    assert entry.facts == {"kind": document.kind, "year": YEAR, "version": 1, "form": form}
    assert Fetch.objects.get().document == document


@pytest.mark.parametrize("means", [Means.PASSWORD, Means.RECOVERY])
def test_without_a_card_nothing_is_fetched(client: Client, owner: User, document: Document, means: str) -> None:
    answer = with_card(client, owner, means).get(address(document), follow=True)
    assert "請以憑證" in answer.content.decode()
    assert not Fetch.objects.exists()
    assert address(document) not in answer.content.decode()


@pytest.mark.parametrize("national_id", ["", SECOND])
def test_another_representative_does_not_see_the_owners_documents(
    client: Client, place: Institution, document: Document, national_id: str
) -> None:
    stranger = people.user("representative", institution=place, national_id=national_id)
    with_card(client, stranger)
    assert client.get(address(document)).status_code == 404
    assert client.get(LIST).context["years"] == {}


@pytest.mark.parametrize("form", ["html", "exe"])
def test_there_are_two_forms(client: Client, owner: User, document: Document, form: str) -> None:
    assert with_card(client, owner).get(address(document, form)).status_code == 404


def test_the_owner_of_two_institutions_fetches_at_each_what_is_its(client: Client, owner: User) -> None:
    elsewhere = produced(clinic("3501200019"))[0]
    assert with_card(client, owner).get(address(elsewhere)).status_code == 404


def test_a_clerk_sees_no_figures(client: Client, place: Institution, document: Document) -> None:
    clerk = people.user("clerk", institution=place, national_id=OWNER)
    page = people.signed_in(client, clerk).get(LIST).content.decode()
    assert "只有負責人" in page
    assert "84,000" not in page
    assert client.get(address(document)).status_code == 403


def test_the_owner_sees_the_newest_version_with_its_total(client: Client, owner: User) -> None:
    page = with_card(client, owner).get(LIST).content.decode()
    assert "84,000 點" in page
    assert "78,000 元" in page


@pytest.mark.parametrize("role", ["officer", "supervisor", "headquarters", "auditor"])
def test_the_insurer_sees_owners_masked_and_leaves_a_trace(client: Client, document: Document, role: str) -> None:
    page = people.signed_in(client, people.user(role)).get(LIST, {"year": YEAR}).content.decode()
    assert f"{OWNER[0]}******{OWNER[-3:]}" in page
    assert OWNER not in page
    assert "測試負責人甲" not in page
    assert "負責人年滿 80 歲" in page
    assert Entry.objects.filter(action="taxes.listed").count() == 1


def test_a_division_sees_its_institutions_alone(client: Client, document: Document) -> None:
    other = people.signed_in(client, people.user("officer", division=2)).get(LIST, {"year": YEAR})
    assert other.context["count"] == 0


def test_a_division_prints_its_own_letters(client: Client, document: Document) -> None:
    people.signed_in(client, people.user("officer"))
    answer = client.post(reverse("taxes:paper"), {"year": YEAR})
    assert answer.content.startswith(b"%PDF-")
    assert Entry.objects.filter(action="taxes.printed").count() == 1


@pytest.mark.parametrize(("division", "year"), [(2, str(YEAR)), (1, "113"), (1, "x"), (1, "")])
def test_nothing_to_print_is_told(client: Client, document: Document, division: int, year: str) -> None:
    people.signed_in(client, people.user("officer", division=division))
    answer: Any = client.post(reverse("taxes:paper"), {"year": year}, follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    assert list(answer.context["messages"])


@pytest.mark.parametrize("asked", [{"year": "x"}, {"year": "9" * 30}, {"page": "x"}, {"q": "'", "only": "y"}])
def test_odd_questions_get_a_page(client: Client, document: Document, asked: dict[str, str]) -> None:
    assert people.signed_in(client, people.user("officer")).get(LIST, asked).status_code == 200


@pytest.mark.parametrize(("language", "told"), [("zh-hant", "報稅文件"), ("en", "Tax documents")])
def test_both_languages(client: Client, owner: User, language: str, told: str) -> None:
    client.cookies["django_language"] = language
    assert told in with_card(client, owner).get(LIST).content.decode()
