"""Who sees which entries, filters, pages, CSV, and the verifier on the page."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from tests.insurer.audit import triggers
from tests.insurer.portal import people

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit import chain, log
from nhicard.insurer.audit.models import Entry

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 23, 59, 30)
LOG, CSV, VERIFY = (reverse(f"audit:{name}") for name in ("log", "csv", "verify"))
NORTH, SOUTH = "3501200101", "3501200102"


@pytest.fixture(autouse=True)
def late_in_the_evening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def entries(db: None) -> None:
    """Entries 1 to 6: two institutions of two divisions and one of nobody's, on two days."""
    people.institution(NORTH, division=1)
    people.institution(SOUTH, division=4)
    for day in (0, 1):
        for place, actor in ((NORTH, "north"), (SOUTH, "south"), ("", "job")):
            chain.record(
                at=NOW + timedelta(days=day),
                actor=actor,
                action="case.agreed" if day else "record.seen",
                subject=f"case {day}",
                institution=place,
            )


def reader(role: str) -> User:
    place = people.institution(NORTH) if role == "representative" else None
    return people.user(role, institution=place, division=1 if role == "supervisor" else None)


@pytest.mark.parametrize(
    ("role", "numbers"),
    [
        ("auditor", {1, 2, 3, 4, 5, 6}),
        ("headquarters", {1, 2, 3, 4, 5, 6}),
        ("supervisor", {1, 4}),
        ("representative", {1, 4}),
    ],
)
def test_one_sees_the_entries_of_ones_institutions(entries: None, role: str, numbers: set[int]) -> None:
    assert set(log.seen_by(reader(role)).values_list("number", flat=True)) == numbers


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ("", [6, 5, 4, 3, 2, 1]),
        ("until=2026-03-02", [3, 2, 1]),
        ("since=2026-03-03", [6, 5, 4]),
        ("since=2026-03-04", []),
        ("action=case", [6, 5, 4]),
        ("action=case.agreed&actor=north", [4]),
        ("subject=e+0", [3, 2, 1]),
        ("actor=nor", []),
        ("before=3", [2, 1]),
        ("since=yesterday&before=x&actor=north", [4, 1]),
        ("actor=%00", [6, 5, 4, 3, 2, 1]),
        ("before=99999999999999999999", [6, 5, 4, 3, 2, 1]),
    ],
)
def test_filters(client: Client, entries: None, asked: str, numbers: list[int]) -> None:
    auditor = people.signed_in(client, reader("auditor"))
    shown = auditor.get(f"{LOG}?{asked}")
    assert shown.status_code == 200
    assert [each.number for each in shown.context["page"].entries if each.number <= 6] == numbers


def test_pages_stay_put_while_entries_are_added(entries: None) -> None:
    everything = Entry.objects.all()
    first = log.page(everything, None, size=4)
    chain.record(at=NOW, actor="late", action="record.seen", subject="case 9")
    second = log.page(everything, first.older, size=4)
    assert [[each.number for each in page.entries] for page in (first, second)] == [[6, 5, 4, 3], [2, 1]]
    assert second.older is None
    assert log.page(everything, None, size=7).older is None


def test_csv_holds_the_same_entries_and_is_audited(client: Client, entries: None) -> None:
    chain.record(at=NOW, actor="=1+1", action="x", subject="@x", institution=NORTH)
    representative = people.signed_in(client, reader("representative"))
    content = b"".join(representative.get(f"{CSV}?until=2026-03-02"))
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    told = [(row["number"], row["actor"], row["subject"]) for row in rows]
    assert told[:2] == [("1", "north", "case 0"), ("7", "'=1+1", "'@x")]
    assert {row["institution"] for row in rows} == {NORTH}
    last = Entry.objects.order_by("-number")[0]
    assert (last.action, last.facts) == ("audit.exported", {"until": "2026-03-02"})


def test_the_page_says_how_far_the_chain_is_whole(client: Client, entries: None) -> None:
    auditor = people.signed_in(client, reader("auditor"))
    assert "尚未驗證過" in auditor.get(LOG).content.decode()
    auditor.post(VERIFY)
    assert "第 1 筆至第 7 筆完整無缺（2026-03-02 23:59 驗證）" in auditor.get(LOG).content.decode()
    with triggers.off():
        Entry.objects.filter(number=2).update(actor="nobody")
    auditor.post(VERIFY)
    assert "第 2 筆起不完整" in auditor.get(LOG).content.decode()


def test_what_people_typed_is_text_on_the_page(client: Client, entries: None) -> None:
    chain.record(at=NOW, actor="<b>x", action="x", subject="<script>alert(1)</script>", facts={"<i>": "<u>"})
    page = people.signed_in(client, reader("auditor")).get(LOG).content.decode()
    assert not [tag for tag in ("<b>x", "<script>alert", "<i>", "<u>") if tag in page]
