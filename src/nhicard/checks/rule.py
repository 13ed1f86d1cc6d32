"""What a rule is, and the words in which rules are written.

A rule is one function in ``rulebook/``, named by its official code (``code_07`` for codes that start with a
digit). It returns a Polars expression that is true where the rule is broken, or several such expressions with the
field that each blames; null counts as not broken. A rule that needs the user's assumptions takes the
``Assumptions`` as its argument.

Its docstring is what users read. First paragraph: the Chinese sentence of a finding (what is wrong, what to
do). Second: the same in English. Further paragraphs, if any, say why, for ``nhicard explain``. The sentences
may use ``{field}``, ``{name}``, ``{length}``, ``{type}``, ``{values}`` of the field that is blamed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import polars as pl

from nhicard.formats import rocdate
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import Edition, order_fields

Scope = Literal["visit", "order"]
Severity = Literal["reject", "warn", "file"]
Breaks = pl.Expr | Mapping[str, pl.Expr] | Sequence[tuple[str, pl.Expr]]
Harmless = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Rule:
    """One implemented code of one edition.

    ``since`` and ``until`` are upload dates between which it holds; before ``warns_before`` it only warns (a date,
    or the name of an assumption that holds it: an empty one means that the day has not come).
    """

    edition: Edition
    code: str
    field: str
    severity: Severity
    zh: str
    en: str
    more: tuple[str, ...]
    family: str
    function: Callable[..., Breaks]
    scope: Scope | None = None
    of_value: bool = False
    of_form: bool = False
    harmless: Harmless | None = None
    once_a_file: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    warns_before: date | str | None = None
    severity_by: Mapping[str, str] = dataclasses.field(default_factory=dict)
    assumptions: tuple[str, ...] = ()
    off_without: tuple[str, ...] = ()

    def breaks(self, assumptions: Assumptions) -> list[tuple[str, pl.Expr]]:
        """The expressions that are true where the rule is broken, each with the field it blames."""
        takes_assumptions = bool(inspect.signature(self.function).parameters)
        broken = self.function(assumptions) if takes_assumptions else self.function()
        if isinstance(broken, pl.Expr):
            return [(self.field, broken)]
        return list(broken.items() if isinstance(broken, Mapping) else broken)

    def scope_of(self, field: str) -> Scope:
        """Whether a finding on the field is one of the visit or of a single order."""
        return self.scope or ("order" if field in order_fields(self.edition) else "visit")

    def severity_on(self, day: date, blamed: str, assumptions: Assumptions) -> Severity | None:
        """How a break blamed on a field counts on an upload day; None when the rule does not hold on it."""
        if (self.since and day < self.since) or (self.until and day > self.until):
            return None
        if blamed in self.severity_by:
            chosen = assumptions[self.severity_by[blamed]]
            return None if chosen == "off" else chosen
        before = self.warns_before
        if isinstance(before, str):
            named = str(assumptions[before])
            before = rocdate.parse_date(named) if named else date.max
        return "warn" if before and day < before else self.severity


_RULES: Final[dict[tuple[Edition, str], Rule]] = {}


def rule(
    edition: Edition,
    field: str = "*",
    *,
    severity: Severity = "reject",
    scope: Scope | None = None,
    of_value: bool = False,
    of_form: bool = False,
    harmless: Harmless | None = None,
    once_a_file: tuple[str, ...] = (),
    since: date | None = None,
    until: date | None = None,
    warns_before: date | str | None = None,
    severity_by: Mapping[str, str] | None = None,
    assumptions: tuple[str, ...] = (),
    off_without: tuple[str, ...] = (),
) -> Callable[[Callable[..., Breaks]], Callable[..., Breaks]]:
    """Register a function as the rule of its code.

    ``field``: the field blamed when the function returns one expression. ``of_value``: the rule only speaks of a
    value that was sent, so it can be skipped for a field that nobody sent. ``of_form``: it only
    speaks of a value of wrong form, so it can also be skipped for a date or time field of which every value is one.
    ``harmless``: for a field, the kinds of characters (``Alphabet``) of which no value can break the rule.
    ``once_a_file``: the rule is broken
    by the second and further rows of the whole file for which the expression is true and these fields are
    the same. ``severity_by``: assumptions that hold the severity of a break, by the field blamed. ``assumptions``:
    names from assumptions.toml that it rests on; ``off_without``: those among them
    without whose value the rule cannot say anything and is reported as off.
    """

    def register(function: Callable[..., Breaks]) -> Callable[..., Breaks]:
        name = str(function.__name__)
        code = name.removeprefix("code_")
        paragraphs = [" ".join(p.split()) for p in textwrap.dedent(function.__doc__ or "").strip().split("\n\n")]
        if len(paragraphs) < 2:
            raise ValueError(f"rule {code} needs a docstring with a Chinese and an English paragraph")
        if (edition, code) in _RULES:
            raise ValueError(f"edition {edition} has two rules {code}")
        _RULES[edition, code] = Rule(
            edition=edition,
            code=code,
            field=field,
            severity=severity,
            zh=_without_gaps(paragraphs[0]),
            en=paragraphs[1],
            more=tuple(paragraphs[2:]),
            family=function.__module__.rpartition(".")[2],
            function=function,
            scope=scope,
            of_value=of_value or of_form,
            of_form=of_form,
            harmless=harmless,
            once_a_file=once_a_file,
            since=since,
            until=until,
            warns_before=warns_before,
            severity_by=severity_by or {},
            assumptions=(*off_without, *assumptions),
            off_without=off_without,
        )
        return function

    return register


def _without_gaps(chinese: str) -> str:
    """Chinese wrapped over lines, without the blanks that wrapping put between full-width characters."""
    out = ""
    for piece in chinese.split(" "):
        wide = out and piece and (ord(out[-1]) > 0x2E7F or ord(piece[0]) > 0x2E7F)
        out += piece if not out or (wide and ord(out[-1]) > 0x2E7F and ord(piece[0]) > 0x2E7F) else " " + piece
    return out


def rules(edition: Edition) -> Mapping[str, Rule]:
    """All implemented rules of an edition by code."""
    from nhicard.checks import rulebook

    rulebook.load()
    return {code: found for (of, code), found in _RULES.items() if of == edition}


# ---- words for rules: each names a column that the engine makes once a batch ----

_ORDER_QUESTIONS: Final[dict[str, pl.Expr]] = {}


def raw(field: str) -> pl.Expr:
    """The field exactly as sent, blanks included."""
    return pl.col(f"raw:{field}")


def as_int(field: str) -> pl.Expr:
    """The field as Int64; null where it is no whole number."""
    return pl.col(f"int:{field}")


def as_float(field: str) -> pl.Expr:
    """The field as Float64; null where it is no number."""
    return pl.col(f"float:{field}")


def as_date(field: str) -> pl.Expr:
    """The field's ROC date as Date (of a 13-digit time: its date); null where it is none."""
    return pl.col(f"date:{field}")


def as_time(field: str) -> pl.Expr:
    """The field's 13-digit ROC time as Datetime; null where it is none."""
    return pl.col(f"time:{field}")


def now() -> pl.Expr:
    """The moment of upload, Taipei time, as Datetime."""
    return pl.col("now")


def record() -> pl.Expr:
    """The record's number in the file, the same for a visit and its orders."""
    return pl.col("record")


def uploader() -> pl.Expr:
    """The institution code that belongs to the uploading SAM; null if the user did not say."""
    return pl.col("uploader")


def known(reference: str, field: str) -> pl.Expr:
    """Whether the field's value is a code of the reference list; null where the field is blank."""
    return pl.col(f"known:{reference}:{field}")


def covered(reference: str, field: str, day: str) -> pl.Expr:
    """Whether the list has the field's code with a validity that includes the date field ``day``."""
    return pl.col(f"covered:{reference}:{field}:{day}")


def listed(reference: str, *fields: str) -> pl.Expr:
    """Whether the fields together are a row of the list (its first columns, in this order)."""
    return pl.col(f"listed:{reference}:{','.join(fields)}")


def attribute(reference: str, column: str, field: str) -> pl.Expr:
    """The list's column for the field's code; null where the code is unknown."""
    return pl.col(f"attribute:{reference}:{column}:{field}")


def opened(field: str, part: str) -> pl.Expr:
    """What the visit identifier in the field says: ``person``, ``institution``, ``time`` (Datetime) or ``service``.

    ``genuine``: whether the data centre issued it, null where the field is blank or holds a stand-in for an
    identifier. The other parts are null unless it did.
    """
    return pl.col(f"opened:{field}:{part}")


def signed(field: str) -> pl.Expr:
    """Whether the signature in the field is genuine for its visit or order; null where the field is blank."""
    return pl.col(f"signed:{field}")


def past(fact: str) -> pl.Expr:
    """A fact of the insurer's records (``facts/``), by its name: ``past("key_in_force")``, ``past("refill_count:C")``.

    A fact that compares a field of an order is asked for in order rules, any other one in visit rules.
    """
    return pl.col(f"past:{fact}")


def is_precheck() -> pl.Expr:
    """Whether the upload is a pre-check."""
    return pl.col("precheck")


def any_order(question: pl.Expr) -> pl.Expr:
    """In a visit rule: whether the question is true for at least one of the visit's orders."""
    return pl.col("any:" + _ask(question))


def count_orders(question: pl.Expr | None = None) -> pl.Expr:
    """In a visit rule: for how many of the visit's orders the question is true; all of them without one."""
    return pl.col("count:" + _ask(pl.lit(True) if question is None else question))


def _ask(question: pl.Expr) -> str:
    key = hashlib.sha256(question.meta.serialize()).hexdigest()[:16]
    _ORDER_QUESTIONS[key] = question
    return key


def order_question(key: str) -> pl.Expr:
    """The expression behind ``any:key`` and ``count:key``."""
    return _ORDER_QUESTIONS[key]
