"""One result of the insurer: whose, when, how many, what was found, and what could not be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import polars as pl

from nhicard.checks.findings import SCHEMA as FINDINGS
from nhicard.formats.tables import Edition

SCHEMA: Final[Mapping[str, Any]] = {**FINDINGS, "visit_at": pl.Datetime("us")}
"""First columns of ``Result.findings``: those of a check's findings and the visit's time. Behind them stands a String
column for each field by which the text identifies its records (``M03``, ``M15`` …). ``value`` is known where the field
is one of these; ``line`` only where the insurer says it (a text does not)."""

#: Why a part of a result could not be read: name -> Chinese, English.
REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "heading": ("表頭中有看不懂的文字", "words in the heading that are not understood"),
    "record": ("這一行不是欄位，也不是錯誤原因", "this line is neither a field nor a reason"),
    "item": ("錯誤原因不是「欄位:代碼」", "the reason is not of the form FIELD:CODE"),
    "no_reason": ("這一段沒有錯誤原因", "this block gives no reason"),
    "characters": ("有無法解讀的字元", "characters that cannot be decoded"),
    "not_a_result": ("這不是檢核結果", "this is no result of a check"),
}


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that was not understood: its line (from 1), the name of the reason, the words themselves."""

    line: int
    reason: str
    text: str

    @property
    def zh(self) -> str:
        return REASONS[self.reason][0]

    @property
    def en(self) -> str:
        return REASONS[self.reason][1]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One result. ``source``: the file, and the member in a ZIP. What a result does not say is None.

    ``size`` in bytes; ``records`` to ``rejected`` as the insurer counts them (``accepted`` with those that have
    warnings only); times are naive Taipei time.
    """

    source: str
    edition: Edition | None
    findings: pl.DataFrame
    unread: tuple[Unread, ...] = ()
    institution: str | None = None
    sam: str | None = None
    receipt: str | None = None
    uploaded_at: datetime | None = None
    checked_at: datetime | None = None
    size: int | None = None
    kind: str | None = None
    records: int | None = None
    orders: int | None = None
    accepted: int | None = None
    accepted_orders: int | None = None
    rejected: int | None = None

    @property
    def rejected_found(self) -> int:
        """How many records are rejected by the findings as read."""
        of_reject = self.findings.filter(pl.col("severity") == "reject")
        return of_reject["record"].drop_nulls().n_unique()

    @property
    def whole_file_rejected(self) -> bool:
        """Whether a finding rejects the whole file."""
        return "file" in self.findings["severity"]

    @property
    def counts_agree(self) -> bool:
        """Whether the insurer's count of rejected records is what the findings say; true where it gives none."""
        return self.rejected is None or self.whole_file_rejected or self.rejected == self.rejected_found


def together(results: Sequence[Result]) -> pl.DataFrame:
    """The findings of several results as one frame, with ``source`` and ``edition`` in front."""
    empty = pl.DataFrame(schema={"source": pl.String, "edition": pl.String, **SCHEMA})
    parts = [
        each.findings.select(
            pl.lit(each.source).alias("source"), pl.lit(each.edition, dtype=pl.String).alias("edition"), pl.all()
        )
        for each in results
    ]
    return pl.concat([empty, *parts], how="diagonal")
