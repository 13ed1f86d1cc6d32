"""Where the fuzzer began: ``python -m tests.fuzz.seeds`` writes real inputs of every target into a corpus folder.

The kept corpus is what was left of these and of what the fuzzer found from them (``minimise``).
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from nhicard.checks.cases.cases import base_names, base_record
from nhicard.formats import EDITIONS, build, write
from tests.fuzz.targets import BETWEEN, TARGETS

_MOMENT: Final = datetime(2026, 3, 2, 9, 30)


def visits() -> Iterator[bytes]:
    """Records of the rules' own cases, and some of several records."""
    for edition in EDITIONS:
        records = [base_record(edition, *name) for name in base_names(edition)]
        yield from (write(build(edition, [record])) for record in records)
        yield write(build(edition, records[:2]))


def together() -> Iterator[bytes]:
    """Small files of both editions side by side."""
    files = sorted(visits(), key=len)
    for place in range(0, len(files) - 1, 5):
        yield BETWEEN.join(files[place : place + 2])


def claims() -> Iterator[bytes]:
    """A claim of each kind."""
    from nhicard.formats.claims.claims import build as claim
    from nhicard.formats.claims.tables import KINDS, table
    from nhicard.formats.claims.writer import write as written

    for kind in KINDS:
        known = table(kind)
        order = dict.fromkeys(known.ids("p")[:12], "測試")
        case = dict.fromkeys(known.ids("d")[:20], "1")
        yield written(claim(kind, dict.fromkeys(known.ids("t")[:5], "3501200000"), [(case, [order, order])]))


def prescription() -> Iterator[bytes]:
    """Texts of QR codes, what they carry, and the text in it."""
    from tests.prescriptions import making

    signed = making.signed()
    from nhicard.prescriptions import symbols

    yield "\n".join(symbols.split(signed.content())).encode()
    yield signed.content()
    yield signed.prescription.text().encode()


def block() -> Iterator[bytes]:
    """Signatures of one, two and three signers."""
    from nhicard.identity import signature_block
    from nhicard.identity.signature_block import Part

    for count in (1, 2, 3):
        yield signature_block.pack(_MOMENT, [Part(count - 1, bytes(range(64)))] * count).encode()


def result() -> Iterator[bytes]:
    """The insurer's layout: one with errors, one without, and a ZIP."""
    head = (
        "健保卡就醫資料上傳檢核結果 院所代碼[3501200000] 安全模組[SAM000000001]\n"
        "作業代碼[20231020120000ABCDEF3501200000SAM000000001] 上傳時間[20231020120000] 檔案大小[1234]\n"
        "收檔就醫筆數[2] 收檔醫令筆數[3] 上傳類別[2.0 預檢]\n"
        "檢核時間[20231020120001] 有效就醫筆數[1] 有效醫令筆數[1] 無效就醫筆數[1]\n"
    )
    found = f"{head}{'=' * 75}\n第[2]筆\nM03=[A123456789]\nM11=[1121016093015]\n錯誤原因:\nM35:15;D06[1]:AF;\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("結果.txt", found.encode("big5"))
    yield from (head.encode("big5"), found.encode("big5"), found.encode(), packed.getvalue())


def request() -> Iterator[bytes]:
    """Bodies as the public clients write them."""
    body = {"sSamid": "SAM000000001", "sHospid": "3501200000", "sClientrandom": "0" * 32, "sType": "A2", "sMrecs": 1,
            "sSignature": next(block()).decode(), "sPatData": "PFJFQ1M+PC9SRUNTPg=="}  # fmt: skip
    yield json.dumps(body).encode()
    yield json.dumps({"sSamId": "SAM000000001", "sOpcode": "20231020120000ABCDEF3501200000SAM000000001"}).encode()


def document() -> Iterator[bytes]:
    """A prescription and the sheet that dispenses it."""
    from tests.insurer.eprescriptions import sheets

    prescribed = sheets.prescription("3501200000")
    dispensed = sheets.dispensing(prescribed, "code", "5901010010")
    for each in (prescribed, dispensed):
        yield json.dumps(each, ensure_ascii=False, separators=(",", ":")).encode()


def main(corpus: Path) -> None:
    """Write every seed under its target's name."""
    for name in TARGETS:
        folder = corpus / name
        folder.mkdir(parents=True, exist_ok=True)
        for place, content in enumerate(globals()[name]()):
            (folder / f"seed{place:03}").write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
