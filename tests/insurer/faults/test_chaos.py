"""A short while of everything at once (``chaos``); ``make soak`` runs it for minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from tests.insurer.faults.chaos import TROUBLES, chaos

SECONDS: Final = 10


@pytest.mark.soak
@pytest.mark.skipif(
    not settings.DATABASE_URL, reason="it has a PostgreSQL of its own; once is enough, with the others on PostgreSQL"
)
def test_after_a_short_chaos_every_acknowledged_upload_has_one_result(
    insurer_home: Path, django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        happened = chaos(insurer_home, SECONDS, seed=11)
    assert len(happened) >= len(TROUBLES) // 5
