"""The agent comes again by itself where the insurer takes no pre-checks for now."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.institution.agent.test_agent import agent, settled, states
from tests.institution.agent.world import NOW, ScriptedInsurer, good_visits, refused

from nhicard.institution.outbox import Outbox, take
from nhicard.insurer.intake.return_codes import OTHER


def test_what_was_refused_for_now_is_sent_within_a_quarter_of_an_hour(tmp_path: Path) -> None:
    insurer = ScriptedInsurer(before=refused(OTHER))
    with Outbox(tmp_path / "outbox.sqlite3") as outbox:
        take(outbox, good_visits(), NOW)
        works = agent(outbox, insurer)
        for minute in range(60):
            assert not works.turn(NOW + timedelta(minutes=minute)).received
        insurer.before = lambda: None
        settled(works, NOW + timedelta(minutes=75))
        assert states(outbox, "B1") == states(outbox, "A2") == ["accepted"] * 12
        assert len(insurer.uploads) == 2
