"""Result texts: every layout is read as the table says, what is rendered is read back, hostile input is refused."""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nhicard.checks import Context, check
from nhicard.formats import EDITIONS, Edition, encoding
from nhicard.institution.results import Result, UnusableResult, archive, rank, read_results, together
from nhicard.institution.results.result import REASONS, SCHEMA
from nhicard.synthetic import generate, plant

TEXTS = Path(__file__).parent / "texts"
EXPECTED: dict[str, dict[str, Any]] = yaml.safe_load((TEXTS / "expected.yaml").read_text(encoding="utf-8"))
NOW = datetime(2023, 10, 20, 12)
HEAD = [
    "institution",
    "sam",
    "receipt",
    "uploaded_at",
    "checked_at",
    "size",
    "kind",
    "records",
    "orders",
    "accepted",
    "accepted_orders",
    "rejected",
]
SHOWN = {"1.0": ("A12", "A17"), "2.0": ("M03", "M11", "M15")}


def only(source: Path | bytes, **options: Any) -> Result:
    (result,) = read_results(source, now=NOW, **options)
    return result


def rows(result: Result) -> list[list[Any]]:
    names = ("record", "order", "field", "code", "severity", "value")
    return [list(row) for row in result.findings.select(names).iter_rows()]


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("recode", [False, True], ids=["as it is", "utf-8"])
def test_text(name: str, recode: bool) -> None:
    data = (TEXTS / name).read_bytes()
    if recode:
        data = "\ufeff".encode() + encoding.decode_marking(data)[0].encode()
    result, expected = only(data), EXPECTED[name]
    assert result.edition == expected["edition"]
    assert {name: getattr(result, name) for name in HEAD} == dict.fromkeys(HEAD) | expected["head"]
    assert rows(result) == expected["findings"]
    assert result.findings["key"].drop_nulls().unique().to_list() == expected.get("keys", [])
    assert [[each.line, each.reason, each.text] for each in result.unread] == expected.get("unread", [])
    assert list(result.findings.columns[: len(SCHEMA)]) == list(SCHEMA)
    assert not result.findings["text_zh"].has_nulls()
    assert not result.findings["text_en"].has_nulls()


def test_every_reason_is_shown_by_a_text() -> None:
    told = {reason for each in EXPECTED.values() for _, reason, _ in each.get("unread", [])}
    assert told == set(REASONS)


def test_visit_time_and_fields_stand_beside_the_findings() -> None:
    findings = only(TEXTS / "web.txt").findings
    assert findings["visit_at"].unique().to_list() == [datetime(2023, 10, 16, 9, 30, 15)]
    assert findings["M03"].to_list() == ["A123456789"] * 3 + ["F131104093", "A123456789"]


@pytest.mark.parametrize(
    ("item", "severity", "uploaded"),
    [
        ("M33:D024", "warn", "20231020120000"),
        ("M13:AD34", "warn", "20231020120000"),
        ("D15:BB03", "warn", "20230831235959"),
        ("D15:BB03", "reject", "20230901000000"),
        ("M05:07", "reject", "20231020120000"),
        (":Y016", "file", "20231020120000"),
        (":Y007", "file", "20231020120000"),
        (":Y014", "file", "20231020120000"),
        ("M16:AA", "reject", "20231020120000"),
        ("M16:QQQ", "reject", "20231020120000"),
    ],
)
def test_severity_is_that_of_the_official_list_on_the_day_of_upload(item: str, severity: str, uploaded: str) -> None:
    text = f"檢核結果 上傳時間[{uploaded}] 上傳類別[2.0 預檢]\n{'=' * 75}\n第[1]筆\n錯誤原因:\n{item};"
    if item.startswith(":"):
        text = text.replace("第[1]筆\n", "")
    assert only(text.encode()).findings["severity"].to_list() == [severity]


# ---- rendered and read back ----


def findings_of(edition: Edition, seed: int) -> pl.DataFrame:
    batch, _ = plant(generate(edition, 200, seed, NOW, 2), 0.4, seed)
    found = check(batch, Context(as_of=NOW)).frame.filter(pl.col("record").is_not_null())
    identifying = batch.visits.select("record", *SHOWN[edition])
    return found.join(identifying, on="record", how="left", maintain_order="left")


def render(findings: pl.DataFrame, edition: Edition, rule: str, end: str, item: str) -> str:
    """The findings in the insurer's layout, with its variations."""
    blocks = [f"檢核結果 上傳時間[{NOW:%Y%m%d%H%M%S}] 上傳類別[{edition} 預檢]"]
    for (record,), group in findings.group_by(["record"], maintain_order=True):
        told = [f"{name}=[{group[name][0]}]" for name in SHOWN[edition] if group[name][0] is not None]
        items = [
            f"{row['field']}{'' if row['order'] is None else [row['order']]}:{row['code']}{item}"
            for row in group.iter_rows(named=True)
        ]
        blocks.append("\n".join([f"第[{record}]筆", *told, "錯誤原因:", "".join(items)]))
    return f"\n{rule}\n".join(blocks).replace("\n", end)


@pytest.mark.parametrize("edition", EDITIONS)
@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 99),
    rule=st.sampled_from(["=" * 61, "=" * 75, "=" * 200, "＝" * 75]),
    end=st.sampled_from(["\n", "\r\n", "  \r\n", "\r"]),
    item=st.sampled_from([";", "; ", ",", "；", ";\n"]),
)
def test_what_is_rendered_is_read_back(edition: Edition, seed: int, rule: str, end: str, item: str) -> None:
    findings = findings_of(edition, seed)
    result = only(encoding.encode(render(findings, edition, rule, end, item)))
    same = ["record", "order", "field", "code", "severity", "key", "text_zh", "text_en", *SHOWN[edition]]
    shown = [name for name in same if name in result.findings.columns]
    assert result.findings.select(shown).rows() == findings.select(shown).rows()
    assert result.unread == ()
    assert result.rejected_found == findings.filter(pl.col("severity") == "reject")["record"].n_unique()


def test_what_the_insurer_of_this_package_writes_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    from nhicard.insurer.intake.models import Finding, Submission  # Django is set up by the test run
    from nhicard.insurer.intake.services import results

    submission = Submission(
        institution="3501200000", sam="SAM000000001", receipt="20231020120000ABCDEF3501200000SAM000000001", kind="A2",
        received_at=NOW, checked_at=NOW, size=1234, records=3, orders=4, accepted=2, accepted_orders=3, rejected=1,
        state="checked",
    )  # fmt: skip
    made = [
        Finding(record=2, field="M16", code="AA", severity="reject"),
        Finding(record=2, order=1, field="D05", code="AF", severity="reject"),
    ]
    faulty = results.FaultyRecord(2, {"M03": "A123456789", "M11": "1121016093015"}, made)
    monkeypatch.setattr(results, "faulty_records", lambda _: [faulty])
    result = only(results.as_zip(submission))
    assert result.source == f"{submission.receipt}.txt"
    assert {name: getattr(result, name) for name in HEAD} == {
        "institution": "3501200000", "sam": "SAM000000001", "receipt": submission.receipt, "uploaded_at": NOW,
        "checked_at": NOW, "size": 1234, "kind": "2.0 預檢", "records": 3, "orders": 4, "accepted": 2,
        "accepted_orders": 3, "rejected": 1,
    }  # fmt: skip
    assert rows(result) == [[2, None, "M16", "AA", "reject", None], [2, 1, "D05", "AF", "reject", None]]
    assert result.counts_agree
    assert result.unread == ()


@settings(max_examples=150, deadline=None)
@given(text=st.text(st.sampled_from("第[1]筆M03=錯誤原因:A;\n ,[]=檢核結果D05\t\r"), max_size=200))
def test_no_text_raises_and_nothing_is_dropped(text: str) -> None:
    if not text.strip() or text.lstrip().startswith("{"):
        return
    result = only(text.encode())
    told = {each.line for each in result.unread}
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert all(1 <= line <= len(lines) for line in told)
    assert result.findings.height or told or "檢核結果" in text or "[" in text or set(text) <= set("= \n\r\t")


# ---- JSON ----


def answer(**more: Any) -> dict[str, Any]:
    finding = {"record": 1, "order": None, "field": "M16", "code": "AA", "severity": "reject", "value": None, "line": 7}
    counts = {"records": 2, "orders": 3, "accepted": 1, "accepted_with_warnings": 0, "rejected": 1}
    return {"receipt": "R1   ", "edition": "2.0", **counts, "findings": [finding], **more}


def test_json_of_the_insurer_and_of_check() -> None:
    result = only(json.dumps(answer()).encode())
    assert (result.edition, result.receipt, result.records, result.accepted, result.rejected) == ("2.0", "R1", 2, 1, 1)
    assert rows(result) == [[1, None, "M16", "AA", "reject", None]]
    assert result.findings["line"].to_list() == [7]
    assert result.findings["text_zh"].to_list()[0].startswith("M16")
    several = read_results(f"{json.dumps(answer())}\n{json.dumps(answer())}\n".encode(), now=NOW)
    assert [result.source for result in several] == ["#1", "#2"]
    assert rank(together(several))["records"].to_list() == [2]


@pytest.mark.parametrize("key", ["tx_result_json", "content"])
@pytest.mark.parametrize("content", [b"text", b"zip", b"json"])
def test_reply_of_the_service_as_it_came(key: str, content: bytes) -> None:
    text = (TEXTS / "web.txt").read_bytes()
    inner = {b"text": text, b"zip": zipped({"a.txt": text}), b"json": json.dumps(answer()).encode()}[content]
    reply = {"rtnCode": "0000", key: base64.b64encode(inner).decode()}
    assert only(json.dumps(reply).encode()).findings["code"][0] == "AA"


@pytest.mark.parametrize(
    "text",
    [
        '{"rtnCode": "5002"}',
        '{"edition": "2.0"}',
        '{"edition": "3.0", "findings": []}',
        '{"edition": "2.0", "findings": [1]}',
        '{"edition": "2.0", "findings": [{"record": "x"}]}',
        '{"edition": ["2.0"], "findings": []}',
        '{"findings": [',
        '{"tx_result_json": "?"}',
        "{" * 100_000,
        json.dumps({"content": base64.b64encode(json.dumps({"content": "e30="}).encode()).decode()}),
        " \n ",
    ],
)
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(UnusableResult) as refused:
        read_results(text.encode(), now=NOW)
    assert refused.value.zh.endswith("。")


# ---- ZIP ----


def zipped(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in members.items():
            book.writestr(name, content)
    return packed.getvalue()


def test_zip_of_several_texts_in_folders(tmp_path: Path) -> None:
    names = ("web.txt", "vpn.txt", "letter.txt")
    members = {f"../../結果/{name}": (TEXTS / name).read_bytes() for name in names}
    file = tmp_path / "r.zip"
    file.write_bytes(zipped({"empty/": b"", **members}))
    results = read_results(file, now=NOW)
    assert [result.source for result in results] == [f"{file}/../../結果/{name}" for name in names]
    assert [result.findings.height for result in results] == [5, 6, 0]
    assert [bool(result.unread) for result in results] == [False, False, True]
    assert list(tmp_path.iterdir()) == [file]


def test_member_names_in_big5() -> None:
    data = zipped({"XXXX.txt": (TEXTS / "web.txt").read_bytes()}).replace(b"XXXX", "結果".encode("cp950"))
    assert only(data).source == "結果.txt"


def flagged(data: bytes, flags: int = 0, method: int | None = None) -> bytes:
    """The ZIP with flags and method of its only member changed, in both headers."""
    changed = bytearray(data)
    central = changed.index(b"PK\x01\x02")
    for at in (6, central + 8):
        struct.pack_into("<H", changed, at, flags)
        if method is not None:
            struct.pack_into("<H", changed, at + 2, method)
    return bytes(changed)


PACKED = zipped({"a.txt": b"x" * 2000})


@pytest.mark.parametrize(
    ("data", "password", "says"),
    [
        (zipped({}), None, "沒有檔案"),
        (PACKED[:40], None, "損壞"),
        (PACKED[:30] + b"\xff" * 20 + PACKED[50:], None, "損壞"),
        (flagged(PACKED, flags=1), None, "密碼"),
        (flagged(PACKED, flags=1), b"wrong", "密碼不對"),
        (flagged(PACKED, flags=1, method=99), b"any", "AES"),
        (flagged(PACKED, method=97), None, "壓縮方式"),
        (zipped({f"{n}.txt": b"" for n in range(archive.MAX_MEMBERS + 1)}), None, "超過上限"),
    ],
    ids=["empty", "cut off", "damaged", "encrypted", "wrong password", "AES", "unknown method", "too many"],
)
def test_hostile_zip_is_refused(data: bytes, password: bytes | None, says: str) -> None:
    with pytest.raises(UnusableResult) as refused:
        read_results(data, now=NOW, password=password)
    assert says in refused.value.zh


def encrypted(content: bytes, password: bytes) -> bytes:
    """A ZIP with one stored member, encrypted as the ZIP specification (APPNOTE 6.1) says."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def crc(byte: int, value: int) -> int:
        return zlib.crc32(bytes([byte]), value ^ 0xFFFFFFFF) ^ 0xFFFFFFFF

    def turn(byte: int) -> None:
        keys[0] = crc(byte, keys[0])
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = crc(keys[1] >> 24, keys[2])

    for byte in password:
        turn(byte)
    cipher = bytearray()
    for byte in bytes(11) + bytes([zlib.crc32(content) >> 24]) + content:
        mixed = (keys[2] | 2) & 0xFFFF
        cipher.append(byte ^ ((mixed * (mixed ^ 1)) >> 8) & 0xFF)
        turn(byte)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as book:
        book.writestr("a.txt", bytes(cipher))
    data = bytearray(flagged(packed.getvalue(), flags=1))
    for at in (14, data.index(b"PK\x01\x02") + 16):
        struct.pack_into("<I", data, at, zlib.crc32(content))
    central = data.index(b"PK\x01\x02")
    for at in (22, central + 24):
        struct.pack_into("<I", data, at, len(content))
    return bytes(data)


def test_encrypted_zip_opens_with_its_password() -> None:
    data = encrypted((TEXTS / "web.txt").read_bytes(), b"key")
    assert only(data, password=b"key").findings.height == 5
    with pytest.raises(UnusableResult):
        read_results(data, now=NOW)


def test_content_is_bounded_whatever_the_zip_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 3000)
    assert only(PACKED).unread  # 2,000 bytes
    for data in (zipped({"a.txt": b"x" * 2000, "b.txt": b"x" * 2000}), b"x" * 3001):
        with pytest.raises(UnusableResult):
            read_results(data, now=NOW)
