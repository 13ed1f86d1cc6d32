"""Loading: every list in every layout, once, whole, or not at all."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.insurer.registry.lists import (
    CLINIC,
    FILES,
    NOW,
    PATIENT,
    PHARMACY,
    PHYSICIAN,
    Content,
    File,
    load,
    table,
    write,
)

from nhicard.checks.reference import UnreadableList
from nhicard.checks.reference.catalogue import catalogue
from nhicard.insurer.registry import loading, state, versions
from nhicard.insurer.registry.loading import LoadRefused
from nhicard.insurer.registry.models import Contract, Institution, ListVersion, StaffMember

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_a_file_becomes_a_version_of_the_list_that_its_name_tells(tmp_path: Path, file: File) -> None:
    (loaded,) = loading.load(loading.sources("auto", write(tmp_path, {file.name: file.content})), NOW)
    version = ListVersion.objects.get()
    assert loaded.is_new
    assert (version.name, version.source, version.loaded_at, version.rows) == (
        file.kind,
        file.name,
        NOW,
        len(file.rows),
    )
    spec = catalogue()[file.kind]
    assert tuple(versions.frame(version).columns) == versions.columns(spec)
    assert versions.frame(version).rows() == file.rows
    assert version.digest == versions.digest(versions.frame(version))


def test_there_is_a_file_of_every_list() -> None:
    assert {file.kind for file in FILES} == set(catalogue())


def test_several_lists_are_loaded_together(tmp_path: Path) -> None:
    paths = write(tmp_path, {file.name: file.content for file in FILES})
    loaded = loading.load(loading.sources("auto", paths), NOW)
    assert {each.version.name for each in loaded} == set(catalogue())
    assert all(each.is_new for each in loaded)
    joined = next(each.version for each in loaded if each.version.name == "institutions")
    assert joined.source == "A21030000I-D2100G-001.csv、A21030000I-D21005-001.csv"
    assert joined.rows == 3


SAME: list[tuple[str, dict[str, Content]]] = [
    ("the same file", {"areas.csv": "code,name\nA01,甲區\nA02,乙區\n"}),
    ("another name", {"指定區域.csv": "code,name\nA01,甲區\nA02,乙區\n"}),
    ("another order", {"areas.csv": "code,name\nA02,乙區\nA01,甲區\n"}),
    ("a line twice", {"areas.csv": "code,name\nA02,乙區\nA01,甲區\nA02,乙區\n"}),
    ("two files", {"areas_n.csv": "code,name\nA01,甲區\n", "areas_s.csv": "code,name\nA02,乙區\n"}),
    ("Big5 and other headers", {"areas.csv": "名稱,區域編號\n甲區,A01\n乙區,A02\n".encode("big5")}),
]


@pytest.mark.parametrize("files", [files for _, files in SAME], ids=[name for name, _ in SAME])
def test_the_same_content_is_nothing_new(tmp_path: Path, files: dict[str, Content]) -> None:
    first = load(tmp_path, "areas", "code,name\nA01,甲區\nA02,乙區\n")
    before = state.stamp()
    (again,) = loading.load(loading.sources("areas", write(tmp_path, files)), LATER)
    assert (again.is_new, again.version.pk, again.changes.unchanged) == (False, first.version.pk, 2)
    assert ListVersion.objects.count() == 1
    assert state.stamp() == before


def test_a_list_may_go_back_to_what_it_was(tmp_path: Path) -> None:
    one, two = table("code", "A01"), table("code", "A01", "A02")
    digests = [
        load(tmp_path, "areas", content, NOW + timedelta(days=day)).version.digest
        for day, content in enumerate((one, two, one))
    ]
    assert digests[0] == digests[2] != digests[1]
    assert ListVersion.objects.count() == 3


BAD: list[tuple[str, Content, list[str]]] = [
    ("areas.csv", "name\n測試區\n", ["areas.csv", "第 1 行", "line 1", "code"]),
    ("areas.csv", "code,end\nA01,1151301\n", ["第 2 行", "line 2", "end"]),
    ("staff.csv", f"id,start\n{PHYSICIAN},1040101\n,1040101\n", ["第 3 行", "line 3", "id"]),
    ("areas.csv", b"code\n\xff\xff\n", ["line 2", "Big5"]),
    ("drugs.b5", b"too short\n", ["line 1", "53"]),
]


@pytest.mark.parametrize(("name", "content", "told"), BAD)
def test_a_file_that_cannot_be_understood_says_where_and_nothing_is_loaded(
    tmp_path: Path, name: str, content: Content, told: list[str]
) -> None:
    paths = write(tmp_path, {"beds.csv": f"institution,bed\n{CLINIC},A1\n", name: content})
    with pytest.raises(UnreadableList) as error:
        loading.sources("auto", paths)
    assert all(word in f"{error.value.zh} {error.value.en}" for word in told), error.value


@pytest.mark.parametrize(
    ("kind", "name", "content", "told"),
    [
        ("hospitals", "areas.csv", "code\nA01\n", "no list 'hospitals'"),
        ("auto", "holidays.csv", "code\nA01\n", "holidays.csv: its name does not tell"),
        ("institutions", "x.csv", f"code\n{CLINIC}0\n", "1 rows whose code is longer than 10"),
        (
            "insured",
            "x.csv",
            f"id,birth,card\n{PATIENT},0700212,0000123456789\n",
            "1 rows whose card is longer than 12",
        ),
    ],
)
def test_what_is_refused_before_it_is_loaded(tmp_path: Path, kind: str, name: str, content: str, told: str) -> None:
    with pytest.raises(LoadRefused, match=told) as error:
        loading.sources(kind, write(tmp_path, {name: content}))
    assert PATIENT not in str(error.value)


def test_all_lists_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the machine stops here")

    monkeypatch.setitem(loading.PROJECTIONS, "staff", fail)  # type: ignore[attr-defined]
    paths = write(tmp_path, {file.name: file.content for file in FILES if file.kind in ("institutions", "staff")})
    before = state.stamp()
    with pytest.raises(RuntimeError, match="stops here"):
        loading.load(loading.sources("auto", paths), NOW)
    assert state.stamp() == before
    for model in (ListVersion, Institution, Contract, StaffMember):
        assert not model._default_manager.exists(), model


def _many(numbers: range) -> str:
    return table("code", *(f"A{number:03}" for number in numbers))


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        (range(100), range(80), False),
        (range(100), range(79), True),
        (range(12), range(2), False),
        (range(12), range(1), True),
    ],
)
def test_a_list_that_loses_many_entries_looks_like_a_forgotten_file(
    tmp_path: Path, before: range, after: range, refused: bool
) -> None:
    load(tmp_path, "areas", _many(before))
    if refused:
        with pytest.raises(LoadRefused, match="give all its files at once"):
            load(tmp_path, "areas", _many(after), LATER)
        assert ListVersion.objects.get().rows == len(before)
    assert load(tmp_path, "areas", _many(after), LATER, may_shrink=refused).changes.vanished == len(before) - len(after)


# ---- versions as of a moment ----


def test_every_moment_has_the_version_that_was_newest_then(tmp_path: Path) -> None:
    days = [NOW, NOW + timedelta(days=3), NOW + timedelta(days=5)]
    contents = [table("code", *codes) for codes in (["A01"], ["A01", "A02"], ["A02"])]
    for at, content in zip(days, contents, strict=True):
        load(tmp_path, "areas", content, at)
    load(tmp_path, "beds", f"institution,bed\n{CLINIC},A1\n", days[1])
    seen = {
        at: {name: versions.frame(version).to_series().to_list() for name, version in versions.in_force(at).items()}
        for at in (NOW - timedelta(seconds=1), *days, days[1] - timedelta(seconds=1), datetime(2030, 1, 1))
    }
    assert list(seen.values()) == [
        {},
        {"areas": ["A01"]},
        {"areas": ["A01", "A02"], "beds": [CLINIC]},
        {"areas": ["A02"], "beds": [CLINIC]},
        {"areas": ["A01"]},
        {"areas": ["A02"], "beds": [CLINIC]},
    ]


def test_a_clock_that_was_set_back_hides_no_version(tmp_path: Path) -> None:
    load(tmp_path, "areas", table("code", "A01"), NOW)
    load(tmp_path, "areas", table("code", "A02"), NOW - timedelta(hours=1))
    (version,) = versions.in_force(NOW).values()
    assert versions.frame(version)["code"].to_list() == ["A02"]


# ---- what is told of the changes ----

CHANGES = [
    ("added", ["A01,,"], ["A01,,", "A02,,"], (1, 0, 0, 1), {"added": ["A02"]}),
    ("no longer listed", ["A01,,", "A02,,"], ["A01,,"], (0, 1, 0, 1), {"ended": ["A02"]}),
    ("closed", ["A01,,"], ["A01,1150301,"], (0, 1, 0, 0), {"ended": ["A01"]}),
    ("open again", ["A01,1150301,"], ["A01,,"], (0, 0, 1, 0), {"changed": ["A01"]}),
    ("another name", ["A01,,甲區"], ["A01,,乙區"], (0, 0, 1, 0), {"changed": ["A01"]}),
    ("a second period", ["A01,1130301,"], ["A01,1130301,", "A01,,甲區"], (0, 0, 1, 0), {"changed": ["A01"]}),
    ("moved", ["A01,,"], ["A02,,"], (1, 1, 0, 0), {"added": ["A02"], "ended": ["A01"]}),
]


@pytest.mark.parametrize(
    ("before", "after", "numbers", "examples"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES]
)
def test_changes_are_told_by_key(
    tmp_path: Path,
    before: list[str],
    after: list[str],
    numbers: tuple[int, int, int, int],
    examples: dict[str, list[str]],
) -> None:
    header = "code,end,name"
    load(tmp_path, "areas", table(header, *before))
    found = load(tmp_path, "areas", table(header, *after), LATER).changes
    assert (found.added, found.ended, found.changed, found.unchanged) == numbers
    assert {kind: keys for kind, keys in found.examples.items() if keys} == examples


def test_ten_keys_at_most_are_shown(tmp_path: Path) -> None:
    found = load(tmp_path, "areas", _many(range(25))).changes
    assert (found.added, found.examples["added"]) == (25, [f"A{number:03}" for number in range(10)])


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_no_person_is_shown(tmp_path: Path, file: File) -> None:
    (loaded,) = loading.load(loading.sources("auto", write(tmp_path, {file.name: file.content})), NOW)
    assert loaded.changes.added
    personal = any(str(value) in (PATIENT, PHYSICIAN) for row in file.rows for value in row)
    assert bool(loaded.changes.examples) is not personal


def test_a_key_of_several_columns_is_shown_whole(tmp_path: Path) -> None:
    found = load(tmp_path, "beds", table("institution,bed", f"{CLINIC},A1", f"{PHARMACY},B2")).changes
    assert found.examples["added"] == [f"{CLINIC} A1", f"{PHARMACY} B2"]
