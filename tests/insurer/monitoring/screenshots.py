"""Pictures for docs/monitoring.md: ``python -m pytest -n0 tests/insurer/monitoring/screenshots.py``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from tests.insurer.faults.uploads import patient
from tests.insurer.monitoring import worlds
from tests.insurer.portal import people, portal_browser

from nhicard.insurer.intake.models import DayCount, Finding, Visit
from nhicard.insurer.monitoring.models import Qualification
from nhicard.insurer.monitoring.services import qualification

FOLDER: Final = Path(__file__).parents[3] / "docs" / "images"
pytestmark = pytest.mark.django_db


def test_take_pictures(django_db_setup: None, django_db_blocker: Any) -> None:
    with worlds.lasting(django_db_blocker):
        worlds.upload_example(worlds.example())
        clinic = people.institution(worlds.CLINIC, short_name="臺北虛擬診所")
        for number in range(1, 6):
            other = people.institution(f"35012000{number}0")
            for back in range(1, 8):
                DayCount.objects.create(
                    institution=other.code,
                    visit_date=worlds.TODAY - timedelta(days=back),
                    category=f"0{1 + number % 4}",
                    accepted10=30 * number + back,
                    matched_by_web=30 * number + back - (number % 3 if back == 2 else 0),
                )
        qualification.qualify(worlds.TODAY)
        faulty = Finding.objects.filter(severity="reject").order_by("id").first()
        assert faulty
        assert faulty.record
        twin = Visit.objects.get(submission=faulty.submission, record=faulty.record)
        record = Visit.objects.get(patient_id=twin.patient_id, edition="1.0", is_precheck=False)
        assert record.patient_id == patient(int(record.patient_id[2:9]))
        clerk = people.user("clerk", institution=clinic, name="測試承辦甲")
        officer = people.user("officer", division=1, name="測試承辦乙")
        base = f"{worlds.CLINIC}"
        wanted = [
            ("report", clerk, "", "zh-hant"),
            ("report-en", clerk, "", "en"),
            ("records", clerk, f"{base}/records?group=missing&day=2023-10-16", "zh-hant"),
            ("record", clerk, f"{base}/records/{record.pk}", "zh-hant"),
            ("institutions", officer, "", "zh-hant"),
        ]
        qualified = Qualification.objects.order_by("id").first()
        assert qualified
        wanted.append(("evidence", officer, f"{qualified.institution}/qualifications/{qualified.pk}", "zh-hant"))
        FOLDER.mkdir(parents=True, exist_ok=True)
        with portal_browser.portal() as portal:
            for name, user, path, language in wanted:
                with portal.signed_in(user) as context:
                    context.add_cookies([{"name": "django_language", "value": language, "url": portal.address}])
                    page = context.new_page()
                    page.goto(f"{portal.address}/portal/monitoring/{path}")
                    if name == "record":
                        page.locator("main summary").first.click()
                    page.screenshot(path=FOLDER / f"portal-monitoring-{name}.png", full_page=name != "records")
