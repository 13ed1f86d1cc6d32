"""Every detector by its cases, and the catalogue as a whole."""

from __future__ import annotations

import inspect
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.insurer.detectors.detectors_world import CASES, frames

from nhicard.insurer.detectors import reference
from nhicard.insurer.detectors.detecting import detect
from nhicard.insurer.detectors.detector import FINDINGS, BadSettings, detector, detectors, settings_of
from nhicard.insurer.portal.texts import texts

SINCE, UNTIL = date(2026, 3, 1), date(2026, 3, 31)
DOCS = Path(__file__).parents[3] / "docs"


def cases(kind: str) -> list[Any]:
    return [
        pytest.param(name, case, id=f"{name}: {case['about']}")
        for name, of in CASES.items()
        for case in of.get(kind, [])
    ]


def findings(name: str, case: dict[str, Any]) -> pl.DataFrame:
    return detect(frames(case), SINCE, UNTIL, {name: case.get("parameters", {})}, (name,))[name]


@pytest.mark.parametrize(("name", "case"), cases("fail"))
def test_what_is_found(name: str, case: dict[str, Any]) -> None:
    found = findings(name, case)
    rows = sorted(
        " ".join([*(f"v{each}" for each in row["visits"]), *(f"c{each}" for each in row["claims"])])
        for row in found.iter_rows(named=True)
    )
    assert rows == case["finds"]
    assert found.schema == pl.Schema(dict(FINDINGS))
    assert found.select("institution", "about", "day", "measured", "bound").null_count().sum_horizontal().item() == 0
    beyond = found["measured"] < found["bound"] if name == "refill_early" else found["measured"] > found["bound"]
    assert beyond.all()


@pytest.mark.parametrize(("name", "case"), cases("pass"))
def test_what_is_let_be(name: str, case: dict[str, Any]) -> None:
    assert findings(name, case).is_empty()


def test_every_detector_has_both_kinds_of_cases_and_words() -> None:
    assert list(CASES) == list(detectors())
    for name, of in CASES.items():
        assert of["fail"], name
        assert of["pass"], name
        assert len({case["about"] for kind in of.values() for case in kind}) == sum(map(len, of.values())), name
        assert f"detectors.finding.{name}" in texts()
    told = [each for one in detectors().values() for each in (one.title_zh, one.title_en)]
    assert len(set(told)) == len(told)
    for one in detectors().values():
        assert all((one.title_zh, one.about_zh, one.title_en, one.about_en))
        assert one.title_en.isascii()
        assert not one.title_zh.isascii()


def test_what_is_before_the_days_is_compared_but_not_found() -> None:
    case = CASES["refill_early"]["fail"][0]
    assert detect(frames(case), date(2026, 2, 1), date(2026, 2, 28))["refill_early"].is_empty()


def test_all_run_together_and_a_setting_leaves_one_out() -> None:
    case = CASES["after_death"]["fail"][0]
    found = detect(frames(case), SINCE, UNTIL, {"late_upload": {"enabled": False}})
    assert set(found) == set(detectors()) - {"late_upload"}
    assert {name for name, rows in found.items() if rows.height} == {"after_death"}


def test_a_detector_without_words_or_with_other_parameters_is_refused() -> None:
    def after_death(frames: Any) -> pl.LazyFrame:
        """One paragraph."""
        raise NotImplementedError

    with pytest.raises(TypeError):
        detector("low")(after_death)
    after_death.__doc__ = inspect.getdoc(detectors()["after_death"].query)
    with pytest.raises(TypeError):
        detector("low")(after_death)


@pytest.mark.parametrize(
    ("content", "is_right"),
    [
        ("[impossible_volume]\nmost = 50", True),
        ("[cardless_rate]\nshare = 1", True),
        ("[late_upload]\nenabled = false", True),
        ("[impossible_volume]\nmost = '50'", False),
        ("[impossible_volume]\nmost = true", False),
        ("[impossible_volume]\nleast = 50", False),
        ("[nothing]\nmost = 50", False),
        ("most = 50", False),
        ("[", False),
    ],
)
def test_settings(content: str, is_right: bool) -> None:
    if is_right:
        assert settings_of(content)
    else:
        with pytest.raises(BadSettings):
            settings_of(content)


def test_the_reference_is_up_to_date() -> None:
    page = (DOCS / "detectors.md").read_text(encoding="utf-8")
    assert reference.renewed(page) == page
