"""Visits of an institution, and an insurer that can be made to fail."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import polars as pl

from nhicard.checks import Context, check
from nhicard.formats import Batch, read
from nhicard.institution.insurer import Answer, NotReady, Refused, Unreachable
from nhicard.institution.visits import Visits, read20, write10, write20
from nhicard.synthetic import generate

NOW = datetime(2026, 11, 20, 12)
_RULE = "=" * 75


@cache
def good_visits(count: int = 12) -> Visits:
    """Visits that pass every rule in both editions."""
    made = read20(generate("2.0", 120, 3, NOW))
    told10 = write10(made)
    bad20 = _rejected(write20(made))
    bad10 = told10.rows.gather(pl.Series([record - 1 for record in _rejected(told10.batch)], dtype=pl.UInt32))
    diagnosed = set(made.visits["principal_diagnosis"].is_not_null().arg_true())
    rows = [row for row in told10.rows.to_list() if row in diagnosed and row + 1 not in bad20 and row not in set(bad10)]
    return made.part(pl.Series(rows[:count]))


def _rejected(batch: Batch) -> set[int]:
    found = check(batch, Context(as_of=NOW)).frame
    return set(found.filter(pl.col("severity") == "reject")["record"].to_list())


def with_value(visits: Visits, row: int, **columns: str) -> Visits:
    """The visits with other values in one row."""
    chosen = pl.int_range(pl.len()) == row
    told = [pl.when(chosen).then(pl.lit(value)).otherwise(name).alias(name) for name, value in columns.items()]
    return Visits(visits.visits.with_columns(told), visits.orders)


@dataclass
class ScriptedInsurer:
    """Keeps what it receives; the same content of the same kind is one upload. ``refuses`` gives the codes by which
    it rejects a record (a row of the visits' frame); ``mood`` may raise before or after it has kept an upload."""

    refuses: Callable[[str, dict[str, Any]], list[str]] = lambda kind, visit: []
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None
    before_result: Callable[[], None] = lambda: None
    uploads: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    received: int = 0
    as_told: Batch | None = None  # the records of which its 2.0 results speak, if not those of the file

    def upload(self, content: bytes, kind: str, way: str, now: datetime | None = None) -> str:
        self.before()
        receipt = hashlib.sha256(kind.encode() + content).hexdigest()[:42]
        self.received += 1
        self.uploads.setdefault(receipt, (kind, content))
        self.after()
        return receipt

    def result(self, receipt: str, kind: str, way: str) -> Answer:
        self.before_result()
        stored_kind, content = self.uploads[receipt]
        assert stored_kind == kind
        batch = read(content) if self.as_told is None or kind == "B1" else self.as_told
        found = [
            (number, codes)
            for number, visit in enumerate(batch.visits.iter_rows(named=True), 1)
            if (codes := self.refuses(kind, visit))
        ]
        if not found and way == "vpn":
            return Answer(b"", {"records": batch.visits.height, "rejected": 0})
        return Answer(self._text(batch, found).encode("big5"), {})

    def records(self, kind: str) -> list[dict[str, Any]]:
        """Every record that came in uploads of the kind, in their order."""
        return [
            visit
            for stored, content in self.uploads.values()
            if stored == kind
            for visit in read(content).visits.iter_rows(named=True)
        ]

    @staticmethod
    def _text(batch: Batch, found: list[tuple[int, list[str]]]) -> str:
        count = batch.visits.height
        head = (
            f"健保卡就醫資料上傳檢核結果 院所代碼[3501200000] 安全模組[S]\n"
            f"作業代碼[x] 上傳時間[20261120120000] 檔案大小[1]\n"
            f"收檔就醫筆數[{count}] 收檔醫令筆數[0] 上傳類別[{batch.edition} 預檢]\n"
            f"檢核時間[20261120120001] 有效就醫筆數[{count - len(found)}] 有效醫令筆數[0] 無效就醫筆數[{len(found)}]"
        )
        fields = "A12" if batch.edition == "1.0" else "M03"
        blocks = [
            f"第[{number}]筆\n{fields}=[{batch.visits[fields][number - 1]}]\n錯誤原因:\n"
            + "".join(f"{c};" for c in codes)
            for number, codes in found
        ]
        return f"\n{_RULE}\n".join([head, *blocks]) + "\n"


def silent() -> None:
    """Nobody answers."""
    raise Unreachable("ConnectError")


def not_ready() -> None:
    """No result yet."""
    raise NotReady


def refused(code: str) -> Callable[[], None]:
    """The insurer says no."""

    def refuse() -> None:
        raise Refused(code)

    return refuse
