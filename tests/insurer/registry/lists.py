"""Files of every list in every layout, and how a test loads one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Final, NamedTuple

from nhicard.insurer.registry import loading
from nhicard.insurer.registry.loading import Loaded

NOW: Final = datetime(2026, 3, 2, 9, 30)
CLINIC, PHARMACY = "3501200000", "5901010010"
PATIENT, PHYSICIAN = "A123456789", "F131104093"
BOM: Final = b"\xef\xbb\xbf"

Row = tuple[object, ...]
Content = str | bytes


class File(NamedTuple):
    """A file, the list that its name claims, and the rows of the canonical frame."""

    name: str
    content: Content
    kind: str
    rows: list[Row]


def _fixed_width(columns: Mapping[tuple[int, int], str], length: int) -> bytes:
    """A line of the insurer's fixed-width files, with a Chinese name where nothing else stands."""
    line = bytearray("藥".encode("big5") * (length // 2 + 1))[:length]
    for (first, last), value in columns.items():
        line[first - 1 : last] = value.encode().ljust(last - first + 1)
    return bytes(line)


FILES: Final = [
    File(
        "A21030000I-D2100G-001.csv",
        BOM
        + (
            "分區業務組別代碼,醫事機構代碼,權屬別名稱,醫事機構名稱 ,特約類別,終止合約或歇業日期,原始合約起始日期\n"
            f"1,{CLINIC},私立,測試診所,4,-,20150101\n5,{PHARMACY},私立,測試藥局,5,20251015,19950301\n"
        ).encode(),
        "institutions",
        [
            (CLINIC, date(2015, 1, 1), None, "測試診所", "4", "1", None),
            (PHARMACY, date(1995, 3, 1), date(2025, 10, 15), "測試藥局", "5", "5", None),
        ],
    ),
    File(
        "A21030000I-D21005-001.csv",
        (
            "醫事機構代碼,醫事機構名稱,醫事機構種類,分區業務組,合約起日,終止合約或歇業日期,縣市別代碼\n"
            f"{PHARMACY},測試藥局,藥局,高屏業務組,20150101,,64\n"
        ).encode("big5"),
        "institutions",
        [(PHARMACY, date(2015, 1, 1), None, "測試藥局", "5", "高屏業務組", "64")],
    ),
    File(
        "停約.csv",
        f"醫事機構代碼,起日,迄日\n{CLINIC},1150201,1150331\n",
        "suspensions",
        [(CLINIC, date(2026, 2, 1), date(2026, 3, 31))],
    ),
    File(
        "staff.csv",
        f"id,start,end,institution\n{PHYSICIAN},1040101,1121015,{CLINIC}\n{PHYSICIAN},2023-11-01,,{CLINIC}\n",
        "staff",
        [
            (PHYSICIAN, date(2015, 1, 1), date(2023, 10, 15), CLINIC),
            (PHYSICIAN, date(2023, 11, 1), None, CLINIC),
        ],
    ),
    File("安全模組.csv", f"SAM代碼,院所代碼\nSAM000000001,{CLINIC}\n", "sams", [("SAM000000001", CLINIC, None, None)]),
    File(
        "drugs_2026.b5",
        b"\r\n".join(
            _fixed_width({(18, 27): code, (39, 45): start, (47, 53): end}, 200)
            for code, start, end in (("A000015421", "0850301", "9991231"), ("AB48089100", "1000101", "1101231"))
        ),
        "drugs",
        [("A000015421", date(1996, 3, 1), None, None), ("AB48089100", date(2011, 1, 1), date(2021, 12, 31), None)],
    ),
    File("drugs.csv", "code,name_zh\nA000015421,測試藥品\n", "drugs", [("A000015421", None, None, "測試藥品")]),
    File(
        "支付標準.txt",
        "00101B^250^1110701^9991231^門診診察費^Consultation\n06012C^75^20040701^^尿液檢查\n",
        "payment_items",
        [("00101B", date(2022, 7, 1), None, "門診診察費"), ("06012C", date(2004, 7, 1), None, "尿液檢查")],
    ),
    File(
        "materials.txt",
        b"\n".join(
            [b"head"] * 4
            + [_fixed_width({(2, 13): "ACA0100815BD", (1192, 1201): "2011/01/01", (1235, 1244): "2910/12/31"}, 1300)]
        ),
        "materials",
        [("ACA0100815BD", date(2011, 1, 1), None, None)],
    ),
    # the last two columns: the days for which the file is a full list
    File(
        "icd10cm_2023.csv",
        "code\nJ06.9\ne11.9\n",
        "icd10cm",
        [
            ("E119", date(2025, 1, 1), None, date(2025, 1, 1), None),
            ("J069", date(2025, 1, 1), None, date(2025, 1, 1), None),
        ],
    ),
    File("診斷性別.csv", "診斷代碼,性別\nO80.0,女\n", "diagnosis_sex", [("O800", None, None, "F")]),
    File("虛擬醫令.csv", "代碼,名稱\nR001,測試\n", "virtual_orders", [("R001", None, None, "測試", None, None)]),
    File("重要醫令.csv", "代碼,起日\n12196B,1110401\n", "important_orders", [("12196B", date(2022, 4, 1), None, None)]),
    File("用藥頻率.csv", "code,name\nQD,每日一次\n", "frequencies", [("QD", None, None, "每日一次")]),
    File("給藥途徑.csv", "code,name\nPO,口服\n", "routes", [("PO", None, None, "口服")]),
    File("診療科別.csv", "code,name\n01,家醫科\n", "treatment_departments", [("01", None, None, "家醫科")]),
    File("就醫科別.csv", "code,name\n01,家醫科\n", "consultation_departments", [("01", None, None, "家醫科")]),
    File(
        "保險對象.csv",
        f"身分證號,出生日期,健保卡號,性別,起日,迄日\n{PATIENT},19810212,000012345678,M,1090101,\n",
        "insured",
        [(PATIENT, "0700212", "000012345678", date(2020, 1, 1), None, "M")],
    ),
    File(
        "戶政.csv", f"person,birth,count\n{PATIENT},1150120,2\n", "households", [(PATIENT, "1150120", "2", None, None)]
    ),
    File("病床.csv", f"醫事機構代碼,病床號\n{CLINIC},A0101\n", "beds", [(CLINIC, "A0101", None, None)]),
    File(
        "矯正機關.csv",
        f"矯正機關代號,醫事機構代碼\n9A01010010,{CLINIC}\n",
        "correctional",
        [("9A01010010", CLINIC, None, None)],
    ),
    File(
        "指定就醫.csv",
        f"person,institution,from\n{PATIENT},{CLINIC},1120101\n",
        "designated",
        [(PATIENT, CLINIC, date(2023, 1, 1), None)],
    ),
    File("試辦計畫.csv", f"院所代碼,計畫代碼\n{CLINIC},PB\n", "plans", [(CLINIC, "PB", None, None)]),
    File("指定區域.csv", "區域編號,名稱\nA01,測試區\n", "areas", [("A01", None, None, "測試區")]),
]


def write(folder: Path, files: Mapping[str, Content]) -> list[Path]:
    """The files in the folder."""
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return [folder / name for name in files]


def load(folder: Path, kind: str, content: Content, at: datetime = NOW, *, may_shrink: bool = False) -> Loaded:
    """One file of a list, loaded."""
    paths = write(folder, {f"{kind}.csv": content})
    (loaded,) = loading.load(loading.sources(kind, paths), at, may_shrink=may_shrink)
    return loaded


def table(header: str, *rows: str) -> str:
    """The content of a CSV file."""
    return "\n".join([header, *rows, ""])
