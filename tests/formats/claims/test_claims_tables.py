"""The tables of elements: complete, consistent, and honest about what no source says."""

from __future__ import annotations

import re

import pytest

from nhicard.formats import assumptions
from nhicard.formats.claims import KINDS, Kind, read, table

CHINESE = re.compile(r"[\u4e00-\u9fff]")
BASIS = re.compile(r"x[123]|x2-before-112|inferred|not-found|assumption:[a-z_]+")

# element: (name, type, length), as the sources print them
PRINTED: dict[Kind, dict[str, tuple[str, str, int | None]]] = {
    "outpatient": {
        "t1": ("資料格式", "9", 2),
        "t2": ("服務機構代號", "X", 10),
        "t3": ("費用年月", "9", 5),
        "t6": ("申報日期", "9", 7),
        "t37": ("申請總計件數", "9", None),
        "d3": ("身分證統一編號", "X", 10),
        "d15": ("部分負擔代號", "X", 3),
        "d19": ("主診斷代碼", "X", 9),
        "d41": ("申請點數", "9", None),
        "d57": ("部分負擔：基本或診療", "9", None),
        "d60": ("就醫識別碼", "X", 20),
        "p4": ("藥品（項目）代號", "X", 12),
        "p6": ("診療之部位", "X", 18),
        "p12": ("點數", "9", 8),
        "p14": ("執行時間起", "9", 11),
        "p23": ("未列項名稱", "X", 100),
        "p26": ("就醫識別碼", "X", 20),
    },
    "inpatient": {
        "d10": ("入院年月日", "9", 7),
        "d85": ("申請點數", "9", None),
        "p12": ("切帳前醫令資料", "X", 21),
        "p13": ("器官捐贈資料", "X", 28),
    },
    "pharmacy": {
        "t11": ("申請總計件數", "9", 8),
        "d16": ("申請點數", "9", 8),
        "d17": ("部分負擔點數", "9", 4),
        "d31": ("特殊材料明細點數", "9", 7),
        "p9": ("點數", "9", 8),
    },
}
COUNTS = {
    "outpatient": {"t": 42, "d": 62, "p": 26},
    "inpatient": {"t": 30, "d": 114, "p": 27},
    "pharmacy": {"t": 14, "d": 46, "p": 15},
}


@pytest.mark.parametrize("kind", KINDS)
def test_levels_are_complete(kind: Kind) -> None:
    known = table(kind)
    for level, count in COUNTS[kind].items():
        assert sorted(known.ids(level), key=lambda name: int(name[1:])) == [f"{level}{n}" for n in range(1, count + 1)]  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "element"), [(kind, element) for kind in KINDS for element in PRINTED[kind]])
def test_an_element_is_as_printed(kind: Kind, element: str) -> None:
    known = table(kind).elements[element]
    assert (known.name_zh, known.type, known.length) == PRINTED[kind][element]


@pytest.mark.parametrize("kind", KINDS)
def test_every_element_is_named_and_says_what_it_rests_on(kind: Kind) -> None:
    known = table(kind)
    for element in known.elements.values():
        assert CHINESE.search(element.name_zh)
        assert not CHINESE.search(element.name_en)
        assert BASIS.fullmatch(element.basis)
        assert element.decimals == 0 or element.form == "amount"
        if element.basis == "not-found":
            asked = (element.required, element.role, element.values)
            assert asked == (False, "", ()), "nothing is known, nothing is asked"
    assert len(set(known.roles.values())) == len(known.roles)


def test_the_revision_of_112_is_dated() -> None:
    since = {each.id: each.since for each in table("outpatient").elements.values() if each.since}
    assert {name: day.isoformat() for name, day in since.items()} == dict.fromkeys(("d57", "d58", "d59"), "2023-07-01")


IDENTIFIERS = "claim_identifier_elements"
MOVED = {
    "elsewhere": ({"pharmacy_identifier": "d60"}, "d60"),
    "in place of one that the sources do not name": ({"pharmacy_identifier": "d34"}, "d34"),
    "nowhere": ({"pharmacy_identifier": ""}, None),
}


@pytest.mark.parametrize("name", MOVED)
def test_assumed_elements_stand_where_the_user_says(name: str) -> None:
    override, place = MOVED[name]
    chosen = assumptions.load({IDENTIFIERS: override})
    assert table("pharmacy", chosen).roles.get("identifier") == place
    if place:
        data = f"<pharmacy><tdata/><ddata><dhead/><dbody><{place}>X</{place}></dbody></ddata></pharmacy>".encode()
        assert read(data, assumptions=chosen).cases[place].to_list() == ["X"]


def test_two_elements_in_one_place_are_refused() -> None:
    with pytest.raises(ValueError, match="two elements of pharmacy claims have the id d3"):
        table("pharmacy", assumptions.load({IDENTIFIERS: {"pharmacy_identifier": "d3"}}))
