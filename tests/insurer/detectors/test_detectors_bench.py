"""The bench in small: what it plants is found just once, and nothing on the visits as they were made up."""

from __future__ import annotations

import pytest

from nhicard.bench.detectors import main
from nhicard.insurer.detectors.frames import VISITS, of_batch
from nhicard.synthetic import generate


def test_planted_cases_are_found_and_none_on_clean_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--visits", "3000", "--rounds", "1"]) == 0
    told = capsys.readouterr().out
    assert "found where nothing was planted     nothing" in told
    assert "planted and not found just once     none" in told


@pytest.mark.parametrize("edition", ["1.0", "2.0"])
def test_upload_files_of_both_editions_become_frames(edition: str) -> None:
    from nhicard.bench.detectors import AS_OF

    found = of_batch(generate(edition, 300, 1, AS_OF), AS_OF)  # type: ignore[arg-type]
    assert dict(found.schema) == dict(VISITS)
    assert found.select("time", "day", "person", "category").null_count().sum_horizontal().item() == 0
    assert found["cardless"].any()
    assert not found["cardless"].all()
    assert (found["identifier"] == "").all() == (edition == "1.0")
