"""The status codes of control software and data centre: which there are, and in what words they are told."""

from __future__ import annotations

import copy
import pickle
import re
import traceback
from collections.abc import Callable
from itertools import groupby

import pytest

from nhicard.formats.status_codes import Refused, status_codes

CODES = status_codes()

# The codes of the public client's list, as inclusive ranges.
LISTED = """
    -1-0 1000-1007 1009-1030 1033-1043 1045-1046 1050-1051 1053-1059 1099-1103 1199-1202 1300-1304
    1400-1403 1410 1420-1424 1500-1502 1510-1515 1520-1531 1600-1601 1610-1611 1700-1707 1799
    3100 3200-3246 3300-3304 3400-3402 3500-3503
    4000 4012-4014 4029 4032-4034 4042-4043 4050-4051 4061 4071
    5001-5010 5012 5015-5017 5020 5022-5023 5028 5033 5051-5052 5056-5057 5061-5062 5067-5069 5071 5078-5079
    5081-5084 5087 5093 5102 5105 5107-5111 5122 5130 5141 5150-5154 5160-5174
    6005-6008 6014-6019
    9001-9005 9010-9015 9020 9030 9039-9043 9045 9050-9051 9056 9060-9062 9070-9071 9081-9095
    9100-9101 9127 9129-9130 9140 9200-9205 9210-9213 9220-9221 9230-9231 9240 9250-9251 9267 9999
    66008 66501 66503 66508
"""
# Codes that people meet at the counter: these say what to do.
MET = """
    -1--1 1000-1003 1042-1059 1099-1611 1700-1799 3100-3503 5001-5012 5102-5111 5122 5174 9060-9062 9081-9095 9200-9251
"""
# Names that Chinese texts leave in Latin letters.
TERMS = """
    SAM PIN PUK HCA HC IC ID HospID AC XA YA YF ICD PCSC PKI API HTTP DC IDC QR Code QRCode Token Access Device
    Session Message Header Applet Perso Comport Reader dll
"""
MEANING = {"zh": "meaning_zh", "en": "meaning_en"}
REMEDY = {"zh": "remedy_zh", "en": "remedy_en"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def ranges(text: str) -> list[range]:
    """``"-1-0 1000-1003 3100"`` as ranges that hold both ends."""
    pairs = re.findall(r"(-?\d+)(?:-(-?\d+))?", text)
    return [range(int(first), int(last or first) + 1) for first, last in pairs]


def texts(language: str) -> list[tuple[int, str]]:
    """Every text that is not empty in a language, with its code."""
    fields = (MEANING[language], REMEDY[language])
    return [(s.code, text) for s in CODES.values() for field in fields if (text := getattr(s, field))]


def test_the_table_holds_the_listed_codes_in_ascending_order() -> None:
    listed = [code for codes in ranges(LISTED) for code in codes]
    assert len(listed) == 334
    assert list(CODES) == listed
    assert [status.code for status in CODES.values()] == listed


def test_every_code_has_a_meaning_in_both_languages() -> None:
    assert [s.code for s in CODES.values() if not (s.meaning_zh and s.meaning_en)] == []


def test_remedies_are_told_in_both_languages_for_exactly_the_codes_that_people_meet() -> None:
    met = {code for code in CODES if any(code in codes for codes in ranges(MET))}
    assert {s.code for s in CODES.values() if s.remedy_zh} == met
    assert {s.code for s in CODES.values() if s.remedy_en} == met


def test_english_texts_hold_no_chinese() -> None:
    assert [(code, text) for code, text in texts("en") if not text.isascii()] == []


def test_chinese_texts_are_chinese_but_for_the_terms_of_the_field() -> None:
    assert [code for code, text in texts("zh") if not CHINESE.search(text)] == []
    foreign = {code: set(re.findall(r"[A-Za-z]+", text)) - set(TERMS.split()) for code, text in texts("zh")}
    assert {code: words for code, words in foreign.items() if words} == {}


def test_chinese_texts_are_traditional() -> None:
    # Big5 has no room for the simplified forms
    assert [code for code, text in texts("zh") if "?" in text.encode("cp950", "replace").decode("cp950")] == []


def test_meanings_are_names_and_remedies_are_sentences() -> None:
    assert [s.code for s in CODES.values() if s.meaning_zh.endswith("。") or s.meaning_en.endswith(".")] == []
    told = [s for s in CODES.values() if s.remedy_zh]
    assert [s.code for s in told if not re.fullmatch(r"[^。]+。", s.remedy_zh)] == []
    assert [s.code for s in told if not re.fullmatch(r"[A-Z][^.]+\.", s.remedy_en)] == []


def test_no_text_has_stray_blanks() -> None:
    every = [*texts("zh"), *texts("en")]
    assert [(code, text) for code, text in every if text != " ".join(text.split())] == []


def test_codes_of_one_chinese_meaning_agree_in_english_and_in_what_to_do() -> None:
    ordered = sorted(CODES.values(), key=lambda s: s.meaning_zh)
    groups = [list(group) for _, group in groupby(ordered, key=lambda s: s.meaning_zh)]
    same = [group for group in groups if len(group) > 1]
    assert sum(len(group) for group in same) == 39
    for group in same:
        codes = [s.code for s in group]
        assert len({s.meaning_en for s in group}) == 1, codes
        assert len({s.remedy_zh for s in group} - {""}) <= 1, codes
        assert len({s.remedy_en for s in group} - {""}) <= 1, codes


@pytest.mark.parametrize(
    ("code", "zh", "en"),
    [
        (1102, "未置入卡片", "No card inserted"),
        (1304, "SAM 已註銷", "SAM cancelled"),
        (3218, "24小時", "24 hours"),
        (5010, "兩科", "two or more departments"),
        (5174, "就醫識別碼", "visit identifier"),
        (9202, "其他電腦", "another computer"),
        (66503, "憑證", "Certificate revoked"),
    ],
)
def test_a_code_means_the_same_in_both_languages(code: int, zh: str, en: str) -> None:
    assert zh in CODES[code].meaning_zh
    assert en in CODES[code].meaning_en


def test_the_table_is_read_once_and_cannot_be_changed() -> None:
    assert status_codes() is CODES
    with pytest.raises(TypeError):
        CODES[0] = CODES[-1]  # type: ignore[index]
    with pytest.raises(AttributeError):
        CODES[0].meaning_en = ""  # type: ignore[misc]


def test_a_refusal_carries_its_status_and_prints_the_public_text() -> None:
    for code, status in CODES.items():
        if code == 0:
            continue
        refused = Refused(code)
        assert (refused.code, refused.detail) == (code, "")
        assert refused.status is status
        assert str(refused) == f"{code} {status.meaning_en}"


@pytest.mark.parametrize("code", [0, 1, -2, 1008, 1044, 5011, 9999999])
def test_an_unknown_code_and_success_refuse_nothing(code: int) -> None:
    with pytest.raises(ValueError, match=rf"^{code} is no status code to refuse with$"):
        Refused(code)


def test_the_detail_of_a_refusal_stays_out_of_what_is_logged() -> None:
    refused = Refused(1304, "SAM 900000000001")
    assert refused.detail == "SAM 900000000001"
    printed = [str(refused), repr(refused), *traceback.format_exception(refused)]
    assert [text for text in printed if "900000000001" in text] == []


@pytest.mark.parametrize(
    "again", [copy.copy, lambda refused: pickle.loads(pickle.dumps(refused))], ids=["copy", "pickle"]
)
def test_a_refusal_survives_being_copied(again: Callable[[Refused], Refused]) -> None:
    refused = again(Refused(5003, "expired yesterday"))
    assert (refused.code, refused.detail, str(refused)) == (5003, "expired yesterday", str(Refused(5003)))
