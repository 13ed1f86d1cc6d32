"""Announcements reach those that they are for, with their files, and tell who has read them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.insurer.portal import people

from nhicard.insurer import clock
from nhicard.insurer.announcements.models import Announcement, Section
from nhicard.insurer.announcements.services import audience, publishing, specialties
from nhicard.insurer.announcements.services.publishing import Draft
from nhicard.insurer.audit.models import Entry

LIST, NEW = "/portal/announcements/", "/portal/announcements/new"
PDF = b"%PDF-1.7 test"


@pytest.fixture(autouse=True)
def home(db: None, insurer_home: Any) -> None:
    """Keys and settings of the test."""


def written_by(role: str = "headquarters", **draft: Any) -> Announcement:
    facts: dict[str, Any] = {"section": Section.NEWS, "title": "連假看診登錄", "body": "請於期限內登錄。"}
    division = draft.pop("division", None)
    return publishing.publish(Draft(**(facts | draft)), people.user(role, division=division), clock.now())


def client_of(role: str, **place: Any) -> Client:
    return people.signed_in(Client(), people.user(role, **place))


@pytest.mark.parametrize(
    ("draft", "sees"),
    [
        ({}, True),
        ({"divisions": [2]}, True),
        ({"divisions": [3]}, False),
        ({"kinds": ["clinic"]}, True),
        ({"kinds": ["hospital", "pharmacy"]}, False),
        ({"divisions": [2], "kinds": ["hospital"]}, False),
        ({"specialties": ["western"]}, True),
        ({"specialties": ["dental", "western"], "kinds": ["clinic"], "divisions": [2]}, True),
        ({"specialties": ["dental", "chinese"]}, False),
        ({"specialties": ["western"], "divisions": [3]}, False),
    ],
    ids=str,
)
def test_an_institution_sees_what_is_for_it(draft: dict[str, Any], sees: bool) -> None:
    made = written_by(**draft)
    clinic = client_of("clerk", institution=people.institution(division=2))
    assert (made.title in clinic.get(LIST).content.decode()) is sees
    assert clinic.get(f"{LIST}{made.pk}").status_code == (200 if sees else 404)


@pytest.mark.parametrize(
    ("code", "specialty"),
    [
        ("3501200000", "western"),
        ("3701200000", "dental"),
        ("3801200000", "chinese"),
        ("0801200000", "chinese"),
        ("0401180014", None),  # a university hospital: which departments it has is not on record
        ("2301200000", None),
        ("5901200000", None),
    ],
)
def test_a_specialty_is_what_the_code_says(code: str, specialty: str | None) -> None:
    institution = people.institution(code)
    for each in specialties.prefixes():
        made = written_by(title=each, specialties=[each])
        assert audience.is_for(made, institution) is (each == specialty)
        assert (institution in audience.recipients(made)) is (each == specialty)


def test_an_audience_that_can_have_nobody_is_refused() -> None:
    facts = {"section": "news", "title": "牙醫", "body": "內容", "specialties": ["dental"]}
    answer = client_of("headquarters").post(NEW, facts | {"kinds": ["pharmacy"]})
    assert answer.status_code == 422
    assert "沒有這些科別" in answer.content.decode()
    assert client_of("headquarters").post(NEW, facts | {"kinds": ["clinic", "pharmacy"]}).status_code == 302
    assert Announcement.objects.get().specialties == ["dental"]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh-hant", ["新訊報", "北區業務組 ・ 診所、藥局 ・ 牙醫"]),
        ("en", ["News", "Northern Division ・ Clinics, Pharmacies ・ Dentistry"]),
    ],
)
def test_authors_read_whom_it_is_for_in_their_language(language: str, said: list[str]) -> None:
    made = written_by(divisions=[2], kinds=["clinic", "pharmacy"], specialties=["dental"])
    author = client_of("officer", division=2)
    author.post("/portal/language", {"language": language, "next": LIST})
    page = author.get(f"{LIST}{made.pk}").content.decode()
    assert not [each for each in said if each not in page]


def test_what_is_over_or_replaced_is_not_shown() -> None:
    old = written_by(title="舊公告")
    over = written_by(title="過期公告", expires_on=(clock.now() - timedelta(days=1)).date())
    new = written_by(title="新公告", replaces=old)
    assert [each.pk for each in audience.shown(clock.now())] == [new.pk]
    assert over.pk not in [each.pk for each in audience.shown(clock.now())]


def test_reading_is_noted_once_and_counted_for_authors() -> None:
    made = written_by(divisions=[2])
    institution = people.institution(division=2)
    clinic = client_of("clerk", institution=institution)
    assert "未讀" in clinic.get(LIST).content.decode()
    clinic.get(f"{LIST}{made.pk}")
    clinic.get(f"{LIST}{made.pk}")
    assert "未讀" not in clinic.get(LIST).content.decode()
    assert made.readings.count() == 1
    assert "1 家已讀" in client_of("officer", division=2).get(f"{LIST}{made.pk}").content.decode()


def test_a_division_writes_to_its_own_institutions() -> None:
    officer = client_of("officer", division=2)
    facts = {"section": "news", "title": "測試", "body": "內容"}
    sent = officer.post(NEW, facts | {"files": SimpleUploadedFile("通知.pdf", PDF)})
    made = Announcement.objects.get()
    assert (sent.status_code, made.divisions) == (302, [2])
    assert Entry.objects.filter(action="announcement.published").count() == 1
    assert officer.post(NEW, facts | {"divisions": ["3"]}).status_code == 403
    assert client_of("clerk").get(NEW).status_code == 403


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.pdf", b"MZ\x90 no pdf"), ("../a.pdf", PDF), (".htaccess", PDF), ('a".pdf', PDF), ("a.html", b"<script>")],
)
def test_hostile_files_are_refused_and_nothing_is_published(name: str, content: bytes) -> None:
    with pytest.raises(publishing.UnusableFile):
        written_by(files=[(name, content)])
    assert not Announcement.objects.exists()


def test_files_are_downloads_for_those_who_may_see_them() -> None:
    made = written_by(divisions=[2], files=[("通知.pdf", PDF)])
    path = f"{LIST}{made.pk}/files/{made.files.get().pk}"
    answer = client_of("clerk", institution=people.institution(division=2)).get(path)
    assert answer.content == PDF
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert client_of("clerk", institution=people.institution(division=3)).get(path).status_code == 404


def test_words_are_shown_as_words() -> None:
    made = written_by(title="<b>x</b>", body="<script>alert(1)</script>")
    page = client_of("clerk").get(f"{LIST}{made.pk}").content.decode()
    assert "<script>alert" not in page
    assert "&lt;b&gt;" in page


@pytest.mark.parametrize(
    ("path", "kind"), [("feed.atom", "http://www.w3.org/2005/Atom"), ("feed.rss", 'version="2.0"')]
)
def test_public_ones_are_in_the_feeds_for_everybody(path: str, kind: str) -> None:
    written_by(title="公開", is_public=True)
    written_by(title="內部")
    feed = Client().get(LIST + path).content.decode()
    assert kind in feed
    assert "公開" in feed
    assert "內部" not in feed


def test_a_form_that_lacks_something_says_so() -> None:
    answer = client_of("headquarters").post(NEW, {"section": "news", "title": "", "body": ""})
    assert answer.status_code == 422
    assert 'href="#id_title"' in answer.content.decode()
