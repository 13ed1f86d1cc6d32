"""Who gets paper: owners of closed institutions, former owners, owners of eighty and above, as of the day."""

from __future__ import annotations

from datetime import date

import pytest
from tests.insurer.taxes.tax_world import CLINIC, NOW, OWNER, SECOND, YEAR, clinic, load, produced
from tests.insurer.taxes.test_taxes_documents import pages

from nhicard.insurer.audit.models import Entry
from nhicard.insurer.registry.models import Institution
from nhicard.insurer.taxes.services import paper
from nhicard.insurer.taxes.services.producing import produce

pytestmark = pytest.mark.django_db
TODAY = NOW.date()


@pytest.mark.parametrize(
    ("birthday", "day", "years"),
    [
        (date(1946, 4, 20), date(2026, 4, 19), 79),
        (date(1946, 4, 20), date(2026, 4, 20), 80),
        (date(1946, 4, 20), date(2026, 4, 21), 80),
        (date(1944, 2, 29), date(2024, 2, 28), 79),
        (date(1944, 2, 29), date(2024, 2, 29), 80),
        (date(1944, 2, 29), date(2025, 2, 28), 80),
        (date(1944, 2, 29), date(2025, 3, 1), 81),
    ],
)
def test_age(birthday: date, day: date, years: int) -> None:
    assert paper.age(birthday, day) == years


@pytest.mark.parametrize(
    ("birthday", "contract_until", "owner_until", "reasons"),
    [
        ("0350420", None, "", ("old",)),
        ("0350421", None, "", ()),
        ("0570506", date(2026, 4, 19), "", ("closed",)),
        ("0570506", date(2026, 4, 20), "", ()),
        ("0570506", None, "1150419", ("former",)),
        ("0570506", None, "1150420", ()),
        ("0350419", date(2025, 9, 30), "1140930", ("closed", "old", "former")),
    ],
)
def test_reasons_for_paper(
    birthday: str, contract_until: date | None, owner_until: str, reasons: tuple[str, ...]
) -> None:
    produced(clinic(until=contract_until), birthday=birthday, valid_until=owner_until)
    (found,) = paper.deliveries(Institution.objects.all(), YEAR, TODAY)
    assert found.reasons == reasons
    assert [each.kind for each in found.documents] == ["split", "reference", "withholding"]


@pytest.fixture
def two_old_owners() -> None:
    clinic()
    clinic("3501200019")
    other = {"institution": "3501200019", "id_no": SECOND, "name": "測試負責人乙", "postal_code": "100"}
    load("owners", {"birthday": "0300101"}, other | {"birthday": "0300101"})
    load("payments", {}, {"institution": "3501200019"})
    produce(YEAR, TODAY, NOW)


def test_the_batch_is_a_cover_and_the_documents_of_each_by_postal_code(two_old_owners: None) -> None:
    printed, count = paper.batch(Institution.objects.all(), YEAR, TODAY, NOW, "job")
    told = pages(printed)
    assert count == 2
    assert len(told) == 8
    assert [("啟" in page) for page in told] == [True, False, False, False] * 2
    assert "測試負責人乙" in told[0]
    assert "測試市測試路 1 號" in told[0]
    assert all(SECOND in page for page in told[1:4])
    assert "10001" in told[4]
    assert all(OWNER in page for page in told[5:])


def test_each_letter_is_audited_without_the_owner(two_old_owners: None) -> None:
    paper.batch(Institution.objects.filter(code=CLINIC), YEAR, TODAY, NOW, "job")
    (entry,) = Entry.objects.filter(action="taxes.printed")
    assert entry.institution == CLINIC
    assert len(entry.facts["documents"]) == 3
    assert OWNER not in str(entry.facts)


def test_nobody_to_write_to() -> None:
    produced(clinic())
    with pytest.raises(paper.NothingToPrint):
        paper.batch(Institution.objects.all(), YEAR, TODAY, NOW, "job")
