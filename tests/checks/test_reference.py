"""Reference lists: what is shipped, what a folder may hold, and what is said of a file that cannot be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from nhicard.checks import Context, Findings, check
from nhicard.checks.cases.cases import base_record, changed
from nhicard.checks.reference import Reference, References, UnreadableList, icd10, list_docs, load, shipped
from nhicard.checks.reference.catalogue import VALIDITY, catalogue, claiming
from nhicard.checks.reference.reading import parse
from nhicard.checks.reference.shipped import complete_name
from nhicard.checks.rulebook.edition20.masters import FREQUENCY_PATTERN
from nhicard.formats import build

BOM = b"\xef\xbb\xbf"


def folder_with(path: Path, **files: str | bytes) -> Path:
    """A folder of files; ``__`` in a name stands for the dot of its extension."""
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (path / name.replace("__", ".")).write_bytes(data)
    return path


def rows(reference: Reference) -> list[tuple[object, ...]]:
    return reference.frame.rows()


# ---- shipped ----


def test_shipped_lists_have_keys_validity_and_a_source() -> None:
    lists = shipped()
    for name in lists:
        made = lists[name]
        assert made.name == name
        assert made.source.startswith("shipped, ")
        assert {"start": pl.Date, "end": pl.Date}.items() <= dict(made.frame.schema).items()
        if name in catalogue():
            assert tuple(made.frame.columns) == catalogue()[name].columns
            assert made.frame.height == made.frame[made.frame.columns[0]].n_unique()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("payment_items", "06012C"),
        ("payment_items", "12196B"),
        ("payment_items", "P8801C"),  # newer than the list, named by D090
        ("icd10cm", "J069"),
        ("icd10cm", "J06"),
        ("icd10cm", "U071"),
        ("virtual_orders", "R001"),
        ("virtual_orders", "FSTP-COVID19"),
        ("virtual_orders", "CHEX11209PIN"),
        ("frequencies", "TID"),
        ("routes", "NA"),
        ("important_orders", "12196B"),
    ],
)
def test_shipped_list_holds(name: str, code: str) -> None:
    assert code in shipped()[name].frame.to_series(0)


@pytest.mark.parametrize(
    "name", ["drugs", "materials", "institutions", "staff", "sams", "insured", "plan_PB", "tcm_drugs"]
)
def test_what_is_not_shipped_in_full_is_not_there(name: str) -> None:
    assert name not in shipped()


def test_a_list_is_made_when_it_is_first_asked_for() -> None:
    made = []

    def make() -> Reference:
        made.append(1)
        return Reference("areas", pl.DataFrame({"code": ["A01"]}), "inline")

    lists = References({"areas": make})
    assert "areas" in lists
    assert len(lists) == 1
    assert not made
    assert lists["areas"] is lists["areas"]
    assert made == [1]


@pytest.mark.filterwarnings("ignore")  # the package's own deprecations
def test_diagnoses_are_those_of_the_package() -> None:
    import simple_icd_10_cm  # takes seconds

    spoken = [code for code in simple_icd_10_cm.get_all_codes(with_dots=False) if len(code) > 2 and "-" not in code]
    assert sorted(icd10.codes()) == sorted(set(spoken))
    assert all(simple_icd_10_cm.is_category(code) for code in icd10.categories())


@pytest.mark.parametrize("entry", ["Q3D", "QW(1,3,5)", "2W10D", "MCD1D5", "Q30MN", "Q6HPRN", "AC1H", "PC30M"])
def test_frequency_with_numbers_is_one_of_the_patterns(entry: str) -> None:
    assert re.search(FREQUENCY_PATTERN, entry)


@pytest.mark.parametrize("entry", ["QXD", "QW(8)", "3D", "Q3", "W2D", "TIDX", ""])
def test_other_frequencies_are_none_of_the_patterns(entry: str) -> None:
    assert not re.search(FREQUENCY_PATTERN, entry)


# ---- what a folder may hold ----


def fixed_width(columns: dict[tuple[int, int], str], length: int) -> bytes:
    """A line of the insurer's fixed-width files, with a Chinese name where nothing else stands."""
    line = bytearray("藥".encode("big5") * (length // 2 + 1))[:length]
    for (first, last), value in columns.items():
        line[first - 1 : last] = value.encode().ljust(last - first + 1)
    return bytes(line)


DRUG_LINES = b"\r\n".join(
    fixed_width({(18, 27): code, (39, 45): start, (47, 53): end}, 200)
    for code, start, end in (("A000015421", "0850301", "9991231"), ("AB48089100", "1000101", "1101231"))
)
MATERIAL_LINES = b"\n".join(
    [b"head"] * 4
    + [fixed_width({(2, 13): "ACA0100815BD", (1192, 1201): "2011/01/01", (1235, 1244): "2910/12/31"}, 1300)]
)

FILES = [
    (
        "institutions.csv",
        BOM
        + "醫事機構代碼 ,醫事機構名稱,特約類別 ,終止合約或歇業日期,原始合約起始日期\n"
        "3501200000,測試診所,基層院所,-,20150101\n5901010010,測試藥局,5,20231015,19950301\n".encode(),
        [
            ("3501200000", date(2015, 1, 1), None, "測試診所", "4", None, None),
            ("5901010010", date(1995, 3, 1), date(2023, 10, 15), "測試藥局", "5", None, None),
        ],
    ),
    (
        "A21030000I-D21005-001.csv",
        "醫事機構代碼,醫事機構名稱,醫事機構種類,電話,合約起日,終止合約或歇業日期\n5901010010,測試藥局,藥局,02,20150101,\n".encode(
            "big5"
        ),
        [("5901010010", date(2015, 1, 1), None, "測試藥局", "5", None, None)],
    ),
    (
        "staff.csv",
        "id,start,end,institution\nF131104093,1040101,1121015,3501200000\nF131104093,2023-11-01,,3501200000\n",
        [
            ("F131104093", date(2015, 1, 1), date(2023, 10, 15), "3501200000"),
            ("F131104093", date(2023, 11, 1), None, "3501200000"),
        ],
    ),
    ("安全模組.csv", "SAM代碼,院所代碼\nSAM000000001,3501200000\n", [("SAM000000001", "3501200000", None, None)]),
    (
        "drugs_2024.b5",
        DRUG_LINES,
        [
            ("A000015421", date(1996, 3, 1), None, None),
            ("AB48089100", date(2011, 1, 1), date(2021, 12, 31), None),
        ],
    ),
    (
        "drugs.csv",
        'code,name_zh,effective_date\nA000015421,"EYE ""X"", 5ML",2018-06-24\n',
        [("A000015421", None, None, 'EYE "X", 5ML')],
    ),
    ("materials.txt", MATERIAL_LINES, [("ACA0100815BD", date(2011, 1, 1), None, None)]),
    (
        "payment_items.txt",
        "00101B^250^1110701^9991231^門診診察費^Consultation\n06012C^75^20040701^^尿液檢查\n",
        [("00101B", date(2022, 7, 1), None, "門診診察費"), ("06012C", date(2004, 7, 1), None, "尿液檢查")],
    ),
    ("icd10cm.csv", "code\nJ06.9\ne11.9\n", [("J069", None, None), ("E119", None, None)]),
    ("diagnosis_sex.csv", "診斷代碼,性別\nO80.0,女\nN400,M\n", [("O800", None, None, "F"), ("N400", None, None, "M")]),
    (
        "insured.csv",
        "身分證號,出生日期,健保卡號,起日,迄日\nA123456789,19810212,000012345678,1090101,\nB123456780,070/2/12,,,\n",
        [
            ("A123456789", "0700212", "000012345678", date(2020, 1, 1), None, None),
            ("B123456780", "0700212", None, None, None, None),
        ],
    ),
    ("households.csv", "person,birth,count\nA123456789,1120920,2\n", [("A123456789", "1120920", "2", None, None)]),
    ("beds.csv", "醫事機構代碼,病床號\n3501200000,A0101\n\n", [("3501200000", "A0101", None, None)]),
    (
        "correctional.csv",
        "矯正機關代號,醫事機構代碼\n9A01010010,3501200000\n",
        [("9A01010010", "3501200000", None, None)],
    ),
    (
        "designated.csv",
        "person,institution,from\nA123456789,3501200000,1120101\n",
        [("A123456789", "3501200000", date(2023, 1, 1), None)],
    ),
    ("areas.csv", "區域編號,名稱\nA01,測試區\n", [("A01", None, None, "測試區")]),
]


@pytest.mark.parametrize(("name", "content", "expected"), FILES, ids=[name for name, *_ in FILES])
def test_a_file_is_read_in_its_layout(name: str, content: str | bytes, expected: list[tuple[object, ...]]) -> None:
    spec = claiming(Path(name).stem, Path(name).suffix)
    assert spec is not None
    read = parse(content.encode() if isinstance(content, str) else content, name, spec)
    assert tuple(read.columns) == spec.columns
    assert read.rows() == expected


def test_every_list_that_users_load_is_tried_here() -> None:
    tried = {spec.name for name, *_ in FILES if (spec := claiming(Path(name).stem, Path(name).suffix))}
    assert set(catalogue()) - tried == {
        "suspensions",  # below, with institutions
        "plans",  # below, split
        *(name for name, spec in catalogue().items() if spec.shipped and not spec.completes and not spec.layout),
        "virtual_orders",  # below, with its completeness
    }


def test_files_of_no_list_are_named(tmp_path: Path) -> None:
    files = {"readme__md": "x", "staff__xlsx": "x", "holidays__csv": "a\n1\n", "areas__csv": "code\nA01\n"}
    assert load(folder_with(tmp_path, **files)).unclaimed == ("holidays.csv", "readme.md", "staff.xlsx")


def test_source_names_file_and_day(tmp_path: Path) -> None:
    loaded = load(folder_with(tmp_path, areas__csv="code\nA01\n"))
    assert re.fullmatch(r"areas\.csv \(\d{4}-\d\d-\d\d\)", loaded["areas"].source)


def test_a_loaded_list_replaces_the_shipped_one(tmp_path: Path) -> None:
    loaded = load(folder_with(tmp_path, payment_items__csv="code\n06012C\n"))
    assert rows(loaded["payment_items"]) == [("06012C", None, None, None)]
    assert loaded["routes"].source == shipped()["routes"].source


def test_loaded_drugs_are_joined_by_the_shipped_chinese_medicine_and_the_named_antivirals(tmp_path: Path) -> None:
    drugs = load(folder_with(tmp_path, drugs__csv="code\nA000015421\n"))["drugs"].frame["code"]
    assert {"A000015421", "A001135", "XCOVID0001"} <= set(drugs)


def test_several_files_make_one_list(tmp_path: Path) -> None:
    files = {"areas_north__csv": "code\nA01\n", "areas_south__csv": "code,end\nA02,1121231\n"}
    loaded = load(folder_with(tmp_path, **files))
    assert rows(loaded["areas"]) == [("A01", None, None, None), ("A02", None, date(2023, 12, 31), None)]


def test_institutions_bring_the_list_of_suspensions(tmp_path: Path) -> None:
    folder_with(tmp_path, institutions__csv="code\n3501200000\n")
    assert load(tmp_path)["suspensions"].frame.height == 0
    folder_with(tmp_path, suspensions__csv="institution,start,end\n3501200000,1121001,1121031\n")
    assert rows(load(tmp_path)["suspensions"]) == [("3501200000", date(2023, 10, 1), date(2023, 10, 31))]


def test_suspensions_alone_are_no_list_of_institutions(tmp_path: Path) -> None:
    assert "institutions" not in load(folder_with(tmp_path, suspensions__csv="institution\n3501200000\n"))


def test_plans_become_a_list_each_and_those_that_rules_need_are_always_there(tmp_path: Path) -> None:
    loaded = load(folder_with(tmp_path, plans__csv="institution,plan,start\n3501200000,PB,1110101\n3501200019,ZZ,\n"))
    assert rows(loaded["plan_PB"]) == [("3501200000", date(2022, 1, 1), None)]
    assert rows(loaded["plan_ZZ"]) == [("3501200019", None, None)]
    assert rows(loaded["plan_HU"]) == []


@pytest.mark.parametrize(
    ("name", "content", "start", "end"),
    [
        ("icd10cm.csv", "code\nJ069\n", None, None),
        ("icd10cm_2014.csv", "code\nJ069\n", None, date(2024, 12, 31)),
        ("icd10cm_2023.csv", "code\nJ069\n", date(2025, 1, 1), None),
        (
            "icd10cm.csv",
            "code,start,end\nJ069,1030101,1131231\nE119,1050101,1121231\n",
            date(2014, 1, 1),
            date(2024, 12, 31),
        ),
        ("virtual_orders.csv", "code\nR001\n", None, None),
    ],
)
def test_a_loaded_list_is_complete_for_its_dates(
    tmp_path: Path, name: str, content: str, start: date | None, end: date | None
) -> None:
    spec = claiming(Path(name).stem, ".csv")
    assert spec is not None
    assert shipped()[complete_name(spec)].frame.height == 0
    (tmp_path / name).write_text(content, encoding="utf-8")
    complete = load(tmp_path)[complete_name(spec)].frame
    assert complete.rows() == [(data_type, start, end) for data_type in ("1", "2", "5")]
    assert complete.columns[1:] == list(VALIDITY)


# ---- what cannot be understood ----

UNREADABLE: list[tuple[str, str | bytes, str, str]] = [
    ("staff.csv", "name\nX\n", "staff.csv 第 1 行：缺少欄位 id", "staff.csv, line 1: no column id"),
    ("staff.csv", "", "第 1 行：缺少欄位", "no column id"),
    (
        "staff.csv",
        "id,start\nF131104093,1120101\nF131104093,1121301\n",
        "第 3 行：start 不是日期",
        "line 3: start is no date",
    ),
    ("staff.csv", "id,end\nF131104093,112010\n", "第 2 行：end 不是日期", "line 2: end is no date"),
    ("staff.csv", "id,start\n,1120101\n", "第 2 行：id 是空的", "line 2: id is blank"),
    ("staff.csv", "id,start\nF131104093,1120101,5,6\n", "staff.csv 不是完整的 CSV", "staff.csv is no sound CSV"),
    ("staff.csv", b"id\n\xa4\xfd\n\xff\xff\n", "第 3 行：有無法辨識的字元", "line 3: bytes that are neither"),
    ("insured.csv", "id,birth\nA123456789,0701212\n", "缺少欄位 card", "no column card"),
    ("insured.csv", "id,birth,card\nA123456789,0701332,1\n", "第 2 行：birth 不是日期", "line 2: birth is no date"),
    ("drugs.b5", b"short\r\n", "第 1 行：長度不足 53 位元組", "line 1: shorter than 53 bytes"),
    ("drugs.b5", fixed_width({}, 60), "第 1 行：第 18 至 27 位元組應為 code", "bytes 18 to 27 should be the code"),
    ("payment_items.txt", "00101B^250^1110701\n", "第 1 行：欄位不足", "line 1: too few fields"),
]


@pytest.mark.parametrize(("name", "content", "zh", "en"), UNREADABLE, ids=[f"{n}-{e}" for n, _, _, e in UNREADABLE])
def test_an_unreadable_file_says_where_and_what_to_do(
    tmp_path: Path, name: str, content: str | bytes, zh: str, en: str
) -> None:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UnreadableList) as refusal:
        load(tmp_path)
    assert zh in refusal.value.zh
    assert en in refusal.value.en
    assert name in refusal.value.zh
    assert name in str(refusal.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableList, match="There is no folder lists"):
        load(tmp_path / "lists")


# ---- from the folder to the finding ----


@pytest.fixture
def outpatient() -> Callable[..., Findings]:
    def checked(references: References, *changes: str) -> Findings:
        batch = build("2.0", [changed("2.0", base_record("2.0", "bases", "outpatient"), changes)])
        return check(batch, Context(as_of=datetime(2023, 10, 20, 12, 0), references=references))

    return checked


def test_the_shipped_lists_accept_a_common_visit(outpatient: Callable[..., Findings]) -> None:
    assert not len(outpatient(shipped()))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        (("D06[2]=06012X",), {("D06", "11")}),
        (("M35=J9A9",), {("M35", "15")}),
        (("M35=J0699",), set()),  # the category is known and the shipped list is not the insurer's
        (("D06=A000099999",), set()),  # no drug master is shipped
    ],
)
def test_the_shipped_lists_decide(
    outpatient: Callable[..., Findings], changes: tuple[str, ...], found: set[tuple[str, str]]
) -> None:
    assert {(row["field"], row["code"]) for row in outpatient(shipped(), *changes)} == found


def test_a_missing_list_is_reported_and_a_loaded_one_decides(
    tmp_path: Path, outpatient: Callable[..., Findings]
) -> None:
    off = {rule.code: rule for rule in outpatient(shipped()).rules_off}
    assert "drugs" in off["10"].en
    loaded = load(folder_with(tmp_path, drugs__csv="code\nA000015421\n", icd10__csv="code\nJ069\n"))
    assert "10" not in {rule.code for rule in outpatient(loaded).rules_off}
    assert not len(outpatient(loaded))
    assert outpatient(loaded, "D06=A000099999").codes == {"10"}
    assert outpatient(loaded, "M35=J0699").codes == {"15"}


def test_the_page_of_lists_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference-lists.md"
    assert page.read_text(encoding="utf-8") == list_docs.render(), "renew it: make docs"


@pytest.mark.parametrize(
    ("name", "edition", "code"),
    [("drugs", "2.0", "10"), ("insured", "2.0", "BB08"), ("plans", "2.0", "AD64"), ("icd10cm", "1.0", "15")],
)
def test_the_page_says_which_codes_a_list_switches_on(name: str, edition: str, code: str) -> None:
    codes = {str(of): listed for of, listed in list_docs.codes_of(name).items()}
    assert code in codes[edition]
