"""Ranking: which codes and fields cause most trouble, since when, what they mean and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import polars as pl

from nhicard.checks.official import official
from nhicard.checks.wording import sentences_of
from nhicard.formats.tables import Edition, fields

By = Literal["code", "field", "both"]
_KEYS: Final[dict[By, list[str]]] = {"code": ["code"], "field": ["field"], "both": ["code", "field"]}
_HEAVIER: Final = ("warn", "reject", "file")


def rank(findings: pl.DataFrame, by: By = "both", within: Sequence[str] = ()) -> pl.DataFrame:
    """Findings counted by code, by field, or by both; the most frequent first.

    ``findings``: a frame with ``record``, ``code``, ``field``, ``severity`` and ``edition`` (``together``, or a check's
    findings with the edition); ``source`` tells the records of several files apart and ``visit_at`` gives visit dates,
    where they are there. ``within``: further columns of the frame (a department, a physician) to rank apart.

    Columns: those of ``within``, ``edition``, ``code``, ``field`` (where not ranked by it, all that occur, blank
    between), ``severity`` (the heaviest), ``findings``, ``records``, ``share`` (of all findings, in its group of
    ``within``, 0 to 1), ``first_record``, ``last_record``, ``first_visit``, ``last_visit`` (Date), and as sentences
    ``text_zh``, ``text_en``, ``remedy_zh``, ``remedy_en`` (null where a rule gives none).
    """
    keys = [*within, "edition", *_KEYS[by]]
    day = pl.col("visit_at").dt.date() if "visit_at" in findings.columns else pl.lit(None, pl.Date)
    source = pl.col("source") if "source" in findings.columns else pl.lit("")
    weight = pl.col("severity").replace_strict(_HEAVIER, range(len(_HEAVIER)), default=1, return_dtype=pl.Int8)
    of_record = pl.struct(source, "record").filter(pl.col("record").is_not_null())
    occurring = [name for name in ("code", "field") if name not in keys]
    counted = (
        findings.with_columns(day=day, weight=weight)
        .group_by(keys)
        .agg(
            *(pl.col(name).drop_nulls().unique().sort().str.join(" ") for name in occurring),
            pl.col("weight").max(),
            findings=pl.len(),
            records=of_record.n_unique(),
            first_record=pl.col("record").min(),
            last_record=pl.col("record").max(),
            first_visit=pl.col("day").min(),
            last_visit=pl.col("day").max(),
        )
    )
    total = pl.col("findings").sum().over(list(within)) if within else pl.col("findings").sum()
    ties = keys[len(within) :]
    ranked = counted.with_columns(
        severity=pl.col("weight").replace_strict(range(len(_HEAVIER)), _HEAVIER, return_dtype=pl.String),
        share=pl.col("findings") / total,
    ).sort(*within, "findings", *ties, descending=[*(False for _ in within), True, *(False for _ in ties)])
    return ranked.with_columns(_meanings(ranked, by).get_columns()).select(
        *keys[: len(within) + 1],
        "code",
        "field",
        "severity",
        "findings",
        "records",
        "share",
        "first_record",
        "last_record",
        "first_visit",
        "last_visit",
        "text_zh",
        "text_en",
        "remedy_zh",
        "remedy_en",
    )


def _meanings(ranked: pl.DataFrame, by: By) -> pl.DataFrame:
    names = ("text_zh", "remedy_zh", "text_en", "remedy_en")
    rows = [
        _of_field(edition, field) if by == "field" else _of_code(edition, code, field)
        for edition, code, field in ranked.select("edition", "code", "field").iter_rows()
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def _of_field(edition: Edition, field: str | None) -> tuple[str | None, ...]:
    known = fields(edition).get(field or "")
    return (known.name_zh, None, known.name_en, None) if known else (field, None, field, None)


def _of_code(edition: Edition, code: str, field: str | None) -> tuple[str | None, ...]:
    """Meaning and remedy of a code; ``field`` may name several, of which only one alone is named in the sentence."""
    if code not in official(edition):
        return (f"{code} 不在已公布的代碼表", None, f"{code} is not in the published list", None)
    zh, en = sentences_of(edition, code, field if field and " " not in field else "*")
    return (*_parted(zh, "；請", "請"), *_parted(en, "; ", ""))


def _parted(sentence: str, at: str, begins: str) -> tuple[str, str | None]:
    """A rule's sentence as what is wrong and, behind the last semicolon, what to do."""
    wrong, found, remedy = sentence.rpartition(at)
    return (wrong, begins + remedy) if found else (sentence, None)
