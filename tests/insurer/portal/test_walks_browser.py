"""From the first upload to 2.0 for real, in a browser: both languages with a script, and once without any."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.chromium import needs_chromium
from tests.insurer.monitoring import worlds
from tests.insurer.portal import people, portal_browser, walk
from tests.insurer.portal.walk import REASON, Walk

from nhicard.insurer.applications.models import Change
from nhicard.insurer.applications.services import switching
from nhicard.insurer.audit import chain
from nhicard.insurer.registry.models import Contract

pytestmark = [
    pytest.mark.django_db,
    needs_chromium,
]


@pytest.fixture(params=[("zh-TW", True), ("en", True), ("zh-TW", False)], ids=["zh", "en", "no script"])
def walking(
    request: pytest.FixtureRequest, tmp_path: Path, django_db_setup: None, django_db_blocker: Any
) -> Iterator[Walk]:
    language, script = request.param
    with worlds.lasting(django_db_blocker) as patch:
        clinic = people.institution(worlds.CLINIC, division=1, short_name="測試診所")
        Contract.objects.create(institution=clinic, valid_from=date(2000, 1, 1))
        with portal_browser.portal() as portal:
            yield Walk(
                portal,
                patch,
                tmp_path,
                language,
                script,
                people.user("clerk", institution=clinic),
                people.user("representative", institution=clinic),
                people.user("officer", division=1),
                people.user("supervisor", division=1),
            )


def test_from_the_first_upload_to_2_0(walking: Walk) -> None:
    walk.s1_upload_and_monitoring(walking)
    # refused at first, and applied for again
    first, second = "112102400001", "112102500001"
    walk.s2_application(walking, datetime(2023, 10, 24, 9, 0), first)
    walk.query(walking, first, "officer")
    walk.s3_decision(walking, datetime(2023, 10, 24, 14, 0), first, walking.officer, "refuse", "refused")
    walk.query(walking, first, "refused", REASON)
    walk.s2_application(walking, datetime(2023, 10, 25, 9, 0), second)
    walk.s3_decision(walking, datetime(2023, 10, 25, 9, 30), second, walking.supervisor, "agree", "agreed")
    walk.query(walking, second, "agreed")
    walk.s4_switch(walking, datetime(2023, 10, 25, 12, 0), second)
    # and what was walked is on record
    assert switching.standing(worlds.CLINIC, datetime(2023, 10, 25, 12, 0)) == Change.SWITCHED
    assert chain.walk().broken is None
