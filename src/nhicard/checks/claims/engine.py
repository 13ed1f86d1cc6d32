"""Claims and a context in, findings out; columns all the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nhicard.checks.claims.columns import Columns
from nhicard.checks.claims.findings import SCHEMA, ClaimFindings
from nhicard.checks.claims.reported import Reported
from nhicard.checks.claims.rule import LEVELS, Break, Rule, Severity, Vocabulary, question, rules, sentence
from nhicard.checks.context import _default_assumptions
from nhicard.checks.findings import RuleOff
from nhicard.checks.verification import Verifier, needs_keys
from nhicard.formats import rocdate
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.batch import Alphabet, Fault
from nhicard.formats.claims import Claims
from nhicard.formats.claims.tables import Level, Table
from nhicard.identity import national_id

# Faults behind which a case's values cannot be trusted.
_UNTRUSTED: Final = frozenset({"CLM-002", "CLM-003", "CLM-005", "CLM-006"})
_NOTICE: Final = "CLM-014"  # of the whole file without a line: readable all the same
_WITHOUT: Final = {
    "uploader": ("未指定申報院所（--institution）", "no claiming institution given (--institution)"),
    "keys": ("需要保險人的金鑰（--keys）", "needs the insurer's keys (--keys)"),
    "visits": ("未提供就醫上傳檔（--visits）", "no uploaded visits given (--visits)"),
}
_COMPARISON: Final = "visits"  # the family of rules that compare with uploaded visits


@dataclass(frozen=True, slots=True)
class ClaimContext:
    """``as_of``: the moment of claiming, naive Taipei time. ``institution``: who claims, None if unknown.
    ``verifier``: who opens identifiers, None without the insurer's keys."""

    as_of: datetime = field(default_factory=rocdate.now)
    institution: str | None = None
    assumptions: Assumptions = field(default_factory=_default_assumptions)
    verifier: Verifier | None = None


@dataclass(frozen=True, slots=True)
class _Check:
    """One expression of one rule, with the sentences about the element that it blames."""

    rule: Rule
    level: Level
    what: Break
    zh: str
    en: str


def check(claims: Claims, context: ClaimContext | None = None, visits: pl.DataFrame | None = None) -> ClaimFindings:
    """Apply every rule that can be decided; with ``visits`` (schema ``reported.VISITS``) the comparison as well.

    Never raises on any content of the claims; ValueError for visits of another schema.
    """
    return _run(claims, context or ClaimContext(), visits, compared_only=False)


def compare(claims: Claims, visits: pl.DataFrame, context: ClaimContext | None = None) -> ClaimFindings:
    """Only the comparison with the uploaded visits: is each case's visit known, of the same person, day and
    institution, were its orders reported, and did the physician named treat the patient."""
    return _run(claims, context or ClaimContext(), visits, compared_only=True)


def _run(claims: Claims, context: ClaimContext, visits: pl.DataFrame | None, *, compared_only: bool) -> ClaimFindings:
    planned, off = _plan(
        claims.table,
        context.assumptions,
        (context.institution is not None, context.verifier is not None, visits is not None),
        compared_only,
    )
    reported = None if visits is None else Reported(visits, claims)
    columns = Columns(claims, context.institution, context.as_of.date(), context.verifier, reported)
    frames = [] if compared_only else [_faults(claims)]
    if claims.cases.height:
        trusted = _trusted(claims)
        for level in LEVELS:
            checks = [each for each in planned if each.level == level]
            frames += [_rows(claims, each, rows) for each, rows in _hits(claims, columns, level, checks, trusted)]
    frame = _with_keys(claims, _joined(frames))
    accepted, warned, rejected = _verdicts(frame, claims.cases.height)
    return ClaimFindings(
        claims.kind,
        claims.encoding,
        claims.cases.height,
        claims.orders.height,
        accepted,
        warned,
        rejected,
        off,
        frame,
    )


@cache
def _plan(
    table: Table, assumptions: Assumptions, given: tuple[bool, bool, bool], compared_only: bool
) -> tuple[tuple[_Check, ...], tuple[RuleOff, ...]]:
    """The checks of a kind, and the rules that are off without uploader, keys or visits (``given``)."""
    of = Vocabulary(table, assumptions)
    checks: list[_Check] = []
    off: dict[str, RuleOff] = {}
    for rule in rules().values():
        if not rule.applies(of) or (compared_only and rule.family != _COMPARISON):
            continue
        for what in rule.breaks(of):
            roots = set(_roots(what.broken))
            if reason := _undecidable(roots, given):
                off[rule.code] = RuleOff(rule.code, reason, *_WITHOUT[reason])
            else:
                element = table.elements.get(what.element)
                zh, en = (
                    sentence(text, element, what.words, lang) for text, lang in ((rule.zh, "zh"), (rule.en, "en"))
                )
                level: Level = element.level if element else "d"
                checks.append(_Check(rule, level, what, zh, en))
    return tuple(checks), tuple(off.values())


def _undecidable(roots: set[str], given: tuple[bool, bool, bool]) -> str | None:
    """What is missing to decide an expression that reads these columns: a key of ``_WITHOUT``."""
    needed = (
        "uploader" in roots,
        any(map(needs_keys, roots)),
        any(root.startswith("reported:") for root in roots),
    )
    missing = (reason for reason, need, have in zip(_WITHOUT, needed, given, strict=True) if need and not have)
    return next(missing, None)


def _roots(expression: pl.Expr) -> Iterator[str]:
    """The columns that an expression reads, those behind sums included."""
    for name in expression.meta.root_names():
        yield name
        if name.startswith("sum:"):
            for part in question(name.removeprefix("sum:")):
                yield from _roots(part)


def _hits(
    claims: Claims, columns: Columns, level: Level, checks: list[_Check], trusted: NDArray[np.bool_] | None
) -> Iterator[tuple[_Check, NDArray[np.intp]]]:
    """Checks that some row breaks, with those rows. One that cannot be broken is not run: nobody sent the element, no
    value is long enough, or none has a character that could offend."""
    frame = columns.frames[level]
    if not frame.height:
        return
    live = [each for each in checks if _may_be_broken(columns, level, each.what)]
    names = {name for each in live for name in each.what.broken.meta.root_names()}
    if not live:
        return
    truths = columns.frame(level, names).select(each.what.broken.alias(str(place)) for place, each in enumerate(live))
    at = claims.orders["row"].to_numpy() if level == "p" else None
    for each, truth in zip(live, truths.get_columns(), strict=True):
        if not truth.any():
            continue
        rows = truth.arg_true().to_numpy()
        if trusted is not None and level != "t":
            rows = rows[trusted[rows if at is None else at[rows]]]
        if len(rows):
            yield each, rows


def _may_be_broken(columns: Columns, level: Level, what: Break) -> bool:
    values = columns.frames[level][what.element]
    if what.of_value and values.null_count() == len(values):
        return False
    kinds = columns.claims.alphabets.get(what.element, ~0)
    if what.harmless and kinds & ~(what.harmless | Alphabet.BLANK) == 0 and _all_of_length(values, what.exact):
        return False
    if what.view and columns.get(level, f"{what.view}:{what.element}").null_count() == values.null_count():
        return False
    return what.longest is None or int(values.str.len_bytes().max() or 0) > what.longest  # type: ignore[arg-type]


def _all_of_length(values: pl.Series, exact: int | None) -> bool:
    lengths = values.str.len_bytes()
    return exact is None or lengths.min() == lengths.max() == exact


def _trusted(claims: Claims) -> NDArray[np.bool_] | None:
    bad = [fault.record - 1 for fault in claims.faults if fault.record is not None and fault.code in _UNTRUSTED]
    if not bad:
        return None
    mask = np.ones(claims.cases.height, dtype=np.bool_)
    mask[bad] = False
    return mask


def _faults(claims: Claims) -> pl.DataFrame:
    rows = [
        {
            "case": fault.record,
            "order": fault.order,
            "element": fault.field,
            "code": fault.code,
            "severity": _fault_severity(fault),
            "value": fault.value,
            "line": fault.line,
            "text_zh": fault.zh,
            "text_en": fault.en,
        }
        for fault in claims.faults
    ]
    return pl.DataFrame(rows, schema=dict(SCHEMA))


def _fault_severity(fault: Fault) -> Severity:
    if fault.record is not None:
        return "reject"
    return "warn" if fault.code == _NOTICE and fault.line is None else "file"


def _rows(claims: Claims, each: _Check, rows: NDArray[np.intp]) -> pl.DataFrame:
    frame = {"t": claims.totals, "d": claims.cases, "p": claims.orders}[each.level][rows]
    nothing = pl.Series([None], dtype=pl.UInt32).new_from_index(0, len(rows))
    constant = {
        "element": each.what.element,
        "code": each.rule.code,
        "severity": each.rule.severity,
        "text_zh": each.zh,
        "text_en": each.en,
        "key": None,
    }
    found = pl.DataFrame(
        {
            "case": frame["case"] if each.level != "t" else nothing,
            "order": frame["order"] if each.level == "p" else nothing,
            "value": frame[each.what.element],
            "line": claims.lines(each.level, rows.astype(np.int64), each.what.element),
        }
    )
    return found.select(
        (pl.lit(constant[name]) if name in constant else pl.col(name)).cast(dtype).alias(name)
        for name, dtype in SCHEMA.items()
    )


def _joined(frames: list[pl.DataFrame]) -> pl.DataFrame:
    parts = [frame for frame in frames if frame.height]
    if not parts:
        return pl.DataFrame(schema=dict(SCHEMA))
    return pl.concat(parts).sort("case", "order", "line", "element", "code", nulls_last=False, maintain_order=True)


def _with_keys(claims: Claims, frame: pl.DataFrame) -> pl.DataFrame:
    if not frame.height:
        return frame
    roles = claims.table.roles
    parts = [pl.col(roles[role]).fill_null("?") for role in ("category", "serial", "visit_day")]
    key = pl.concat_str(*parts, national_id.mask(pl.col(roles["person"])).fill_null("?"), separator=" ")
    wanted = claims.cases.filter(pl.col("case").is_in(frame["case"].unique().implode())).select("case", key=key)
    return frame.drop("key").join(wanted, on="case", how="left", maintain_order="left").select(list(SCHEMA))


def _verdicts(frame: pl.DataFrame, height: int) -> tuple[int, int, int]:
    """Cases accepted, accepted with warnings, rejected."""
    if "file" in frame["severity"]:
        return 0, 0, height
    of_cases = frame.filter(pl.col("case").is_not_null())
    rejected = of_cases.filter(pl.col("severity") == "reject")["case"].n_unique()
    flagged = of_cases["case"].n_unique()
    return height - flagged, flagged - rejected, rejected
