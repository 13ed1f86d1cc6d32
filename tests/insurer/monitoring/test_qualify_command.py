"""``nhicard qualify``, as the daily job calls it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import typer
from tests.insurer.monitoring import worlds
from typer.testing import CliRunner

from nhicard.cli import monitoring
from nhicard.insurer import clock
from nhicard.insurer.intake.models import DayCount
from nhicard.insurer.monitoring.models import Qualification
from nhicard.insurer.operations import database

pytestmark = pytest.mark.django_db
COUNTS = (
    "七日內有資料 with visits: {}  先前已符合 qualified before: {}  "
    "本次符合 newly qualified: {}  尚未符合 not yet: {}\n"
)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(clock, "now", lambda: worlds.TODAY)
    monkeypatch.setattr(database, "why_unusable", lambda: None)
    app = typer.Typer()
    monitoring.register(app)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture(autouse=True)
def one_that_qualifies() -> None:
    DayCount.objects.create(
        institution="3501200001", visit_date=date(2023, 10, 16), category="01", accepted10=5, matched_by_web=5
    )


def test_it_tells_counts_and_does_it_once(command: Any) -> None:
    assert command().output == COUNTS.format(1, 0, 1, 0)
    assert command().output == COUNTS.format(1, 1, 0, 0)
    assert Qualification.objects.get().at == worlds.TODAY


@pytest.mark.parametrize(("as_of", "seen"), [("2023-10-16", 0), ("2023-10-17T08:30", 1)])
def test_as_of_an_earlier_moment(command: Any, as_of: str, seen: int) -> None:
    assert command("--as-of", as_of).output == COUNTS.format(seen, 0, seen, 0)


@pytest.mark.parametrize("as_of", ["2023-10-24", "yesterday"])
def test_no_moment_to_decide_at(command: Any, as_of: str) -> None:
    assert command("--as-of", as_of).exit_code == 2
    assert not Qualification.objects.exists()
