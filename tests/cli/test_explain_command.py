"""``nhicard explain``: codes, fields, and what to say to a name that nobody knows."""

from __future__ import annotations

import pytest

from nhicard.cli import explain


@pytest.mark.parametrize(
    ("term", "words"),
    [
        ("D055", ["格式 2.0", "M49", "61", "M04", "錯誤示例", "正確示例", "late-card"]),
        ("M49", ["實際就醫", "MB1", "D055", "D060"]),
        ("AD14", ["格式 1.0", "格式 2.0", "A18", "M13", "m13_blank_or_ic08"]),
        ("C001", ["只有保險人能檢核", "it already holds"]),
        ("10", ["drugs"]),
        ("d055", ["格式 2.0"]),
        ("CLM-103", ["申報 claims", "門診 outpatient", "錯誤示例", "正確示例", "退件 rejected"]),
        ("clm103", ["CLM-103"]),
    ],
)
def test_it_tells_what_a_user_asks_for(term: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert explain.run([term]) == 0
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for word in words:
        assert word in told, f"{word} not in: {told}"


def test_an_unknown_name_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain.run(["DO55"]) == 2
    assert "D055" in capsys.readouterr().err
