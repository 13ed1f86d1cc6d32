"""What a recheck found, for people and programs: the same bytes for the same lake and rules, whatever the engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl

from nhicard.checks.context import Context
from nhicard.formats.tables import Edition
from nhicard.identity.private_files import write_private
from nhicard.scale.lake import SCHEMA_VERSION, as_json
from nhicard.scale.period import Period, Rechecked
from nhicard.scale.recheck import COUNTS
from nhicard.scale.rules import changed_assumptions, decided

_NUMBERS: Final = [name for name in COUNTS if COUNTS[name] == pl.UInt32]
_SHOWN: Final = 20
_CHANGES: Final = {"now_rejected": "收載改退件 now rejected", "now_accepted": "退件改收載 now accepted"}


def write(period: Period, found: Rechecked, to: Path) -> dict[str, Any]:
    """``changes.parquet``, ``institutions.parquet``, ``report.json`` and ``report.txt``; returns what the JSON says."""
    institutions = _institutions(found)
    codes = _codes(found)
    told = {
        "schema": SCHEMA_VERSION,
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
        "as_of": period.as_of.isoformat() if period.as_of else None,
        "rules": {
            "fingerprint": period.rules.fingerprint,
            "assumptions": changed_assumptions(period.rules.assumptions),
            "lists": sorted(_context(period).references),
            "first_answer_stands": _standing(period, found),
        },
        "partitions": len(found.partitions),
        "totals": {name: int(found.outcome.counts[name].sum()) for name in _NUMBERS},
        "institutions_changed": institutions.height,
        "codes": codes.to_dicts(),
    }
    _write_frame(to / "changes.parquet", found.outcome.changes)
    _write_frame(to / "institutions.parquet", institutions)
    write_private(to / "report.json", as_json(told))
    write_private(to / "report.txt", "\n".join(_lines(told, institutions)).encode() + b"\n")
    return told


def _institutions(found: Rechecked) -> pl.DataFrame:
    """Institutions with records that change, those with most of them first."""
    keys = ["institution", "edition", "is_precheck"]
    changed = pl.col("now_rejected") + pl.col("now_accepted")
    summed = found.outcome.counts.group_by(keys).agg(pl.col(_NUMBERS).sum()).filter(changed > 0)
    return summed.sort(changed, *keys, descending=[True, False, False, False])


def _codes(found: Rechecked) -> pl.DataFrame:
    """By code: how many records it rejects or rejects no more, and of how many institutions."""
    keys = ["edition", "change", "code", "field"]
    counted = found.outcome.changes.group_by(keys).agg(
        records=pl.struct("receipt", "number").n_unique(), institutions=pl.col("institution").n_unique()
    )
    return counted.sort("records", *keys, descending=[True, False, False, False, False])


def _standing(period: Period, found: Rechecked) -> dict[str, dict[str, str]]:
    """Codes by edition that could not be decided again, with the reason."""
    editions: list[Edition] = sorted({each.place.edition for each in found.partitions})
    return {edition: dict(decided(edition, _context(period)).wanting) for edition in editions}


def _context(period: Period) -> Context:
    return period.rules.context(period.first, is_precheck=False, as_of=period.as_of)


def _lines(told: dict[str, Any], institutions: pl.DataFrame) -> Iterator[str]:
    totals = told["totals"]
    yield f"重新檢核 Recheck {told['first']} – {told['last']}"
    if told["as_of"]:
        yield f"視為上傳時間 as if uploaded at {told['as_of']}"
    yield f"規則版本 rules {told['rules']['fingerprint'][:16]}"
    for name, value in told["rules"]["assumptions"].items():
        yield f"  假設 assumption {name} = {value}"
    yield (
        f"紀錄 records {totals['records']:,}  原退件 were rejected {totals['were_rejected']:,}  "
        f"現退件 rejected now {totals['rejected']:,}"
    )
    for name, words in _CHANGES.items():
        yield f"{words}: {totals[name]:,}"
    if totals["undecided"]:
        yield f"原因已逾保存期限，維持退件 reasons not kept, still counted as rejected: {totals['undecided']:,}"
    yield f"有異動的院所 institutions with changes: {told['institutions_changed']:,}"
    for row in told["codes"][:_SHOWN]:
        yield (
            f"  {row['edition']} {row['code']:5} {row['field'] or '*':4} {_CHANGES[row['change']]}  "
            f"{row['records']:,} 筆 records, {row['institutions']:,} 院所 institutions"
        )
    for row in institutions.head(_SHOWN).iter_rows(named=True):
        sort = "預檢 pre-check" if row["is_precheck"] else "正式 real"
        yield (
            f"  {row['institution']} {row['edition']} {sort}: +{row['now_rejected']:,} 退件 rejected, "
            f"-{row['now_accepted']:,} 收載 accepted, / {row['records']:,}"
        )
    for edition, codes in told["rules"]["first_answer_stands"].items():
        yield f"沿用原結果的代碼 first answer stands {edition}: {' '.join(codes)}"


def _write_frame(path: Path, rows: pl.DataFrame) -> None:
    import io

    content = io.BytesIO()
    rows.rechunk().write_parquet(content)
    write_private(path, content.getvalue())
