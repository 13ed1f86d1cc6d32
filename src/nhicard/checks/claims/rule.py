"""What a rule of claim files is, and the words in which rules are written.

No list of official codes for claim files is public: the codes ``CLM-…`` are this project's own. A rule is one
function in ``rulebook/`` named by its code (``clm_213`` for CLM-213). It is given the ``Vocabulary`` of a kind, speaks
of elements by role (``of["claimed"]``), so that one rule serves every kind, and returns Polars expressions that are
true where it is broken, each with the element that it blames; null counts as not broken. The docstring is what users
read: a Chinese paragraph, then an English one, what is wrong and what to do.
"""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from nhicard.formats.assumptions import Assumptions
from nhicard.formats.claims.tables import Element, Kind, Level, Table

Severity = Literal["reject", "warn", "file"]
LEVELS: Final[tuple[Level, ...]] = ("t", "d", "p")


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The elements of a kind under the names that rules use, and the user's assumptions."""

    table: Table
    assumptions: Assumptions

    def __getitem__(self, role: str) -> str:
        return self.table.roles[role]

    def has(self, *roles: str) -> bool:
        """Whether the kind has elements for all these roles."""
        return all(role in self.table.roles for role in roles)


@dataclass(frozen=True, slots=True)
class Break:
    """True where a rule is broken, and the element that it blames.

    What follows says when it need not be looked at. ``harmless``: the kinds of characters (``Alphabet``) of which no
    value breaks it, if it also has ``exact`` bytes where that is given. ``longest``: a value of at most so many bytes
    does not break it. ``view``: nor one of which this typed view can be made. ``of_value``: nor one that is not sent.
    """

    element: str
    broken: pl.Expr
    harmless: int = 0
    exact: int | None = None
    longest: int | None = None
    view: str | None = None
    of_value: bool = True
    words: Mapping[str, str] | None = None


Breaks = Sequence[Break | tuple[str, pl.Expr]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``kinds``: those that it speaks of; ``roles``: what a kind must have for it to apply."""

    code: str
    severity: Severity
    roles: tuple[str, ...]
    kinds: tuple[Kind, ...]
    assumptions: tuple[str, ...]
    family: str
    zh: str
    en: str
    more: tuple[str, ...]
    function: Callable[[Vocabulary], Breaks]

    def applies(self, of: Vocabulary) -> bool:
        """Whether it can be said of this kind."""
        return of.has(*self.roles) and (not self.kinds or of.table.kind in self.kinds)

    def breaks(self, of: Vocabulary) -> list[Break]:
        """What it asks of this kind."""
        return [Break(*each) if isinstance(each, tuple) else each for each in self.function(of)]


_RULES: Final[dict[str, Rule]] = {}


def rule(
    *roles: str, severity: Severity = "reject", kinds: tuple[Kind, ...] = (), assumptions: tuple[str, ...] = ()
) -> Callable[[Callable[[Vocabulary], Breaks]], Callable[[Vocabulary], Breaks]]:
    """Register a function as the rule of its code; ``roles`` are those that it cannot do without."""

    def register(function: Callable[[Vocabulary], Breaks]) -> Callable[[Vocabulary], Breaks]:
        name = str(function.__name__)
        code = name.replace("_", "-", 1).upper()
        paragraphs = [" ".join(p.split()) for p in textwrap.dedent(function.__doc__ or "").strip().split("\n\n")]
        if len(paragraphs) < 2:
            raise ValueError(f"rule {code} needs a docstring with a Chinese and an English paragraph")
        if code in _RULES:
            raise ValueError(f"there are two rules {code}")
        zh, en, *more = paragraphs
        family = function.__module__.rpartition(".")[2]
        _RULES[code] = Rule(code, severity, roles, kinds, assumptions, family, zh, en, tuple(more), function)
        return function

    return register


def rules() -> Mapping[str, Rule]:
    """All rules by code."""
    from nhicard.checks.claims import rulebook

    rulebook.load()
    return dict(sorted(_RULES.items()))


# ---- words for rules; those for typed views, identifiers and the uploader are the visits' (checks/rule.py) ----

_QUESTIONS: Final[dict[str, tuple[pl.Expr, pl.Expr]]] = {}


def as_minute(element: str) -> pl.Expr:
    """The element's yyyMMddHHmm as Datetime; null where it is none."""
    return pl.col(f"minute:{element}")


def as_month(element: str) -> pl.Expr:
    """The first day of the element's yyyMM; null where it is none."""
    return pl.col(f"month:{element}")


def claim(word: pl.Expr) -> pl.Expr:
    """A word about the file's tdata, in a rule about cases or orders: ``claim(as_month(of["month"]))``."""
    return pl.col(f"claim:{word.meta.output_name()}")


def case(word: pl.Expr) -> pl.Expr:
    """A word about the order's case, in a rule about orders."""
    return pl.col(f"case:{word.meta.output_name()}")


def of_orders(value: pl.Expr, where: pl.Expr) -> pl.Expr:
    """In a rule about cases: the sum of ``value`` over the case's orders for which ``where`` is true; 0 without any."""
    return pl.col(f"sum:{_ask(value, where)}")


def of_cases(value: pl.Expr, where: pl.Expr) -> pl.Expr:
    """In a rule about tdata: the sum of ``value`` over the cases for which ``where`` is true."""
    return pl.col(f"sum:{_ask(value, where)}")


def reported(fact: str) -> pl.Expr:
    """What the uploaded visits say of a case or an order; see ``reported.FACTS``."""
    return pl.col(f"reported:{fact}")


def repeated(*elements: str) -> pl.Expr:
    """Whether an earlier row of the frame has the same values in these columns; null where one is missing."""
    return pl.col(f"repeated:{','.join(elements)}")


def count_alike(element: str) -> pl.Expr:
    """How many rows of the frame have the element's value."""
    return pl.col(f"alike:{element}")


def valid_person(element: str) -> pl.Expr:
    """Whether the element is a national ID or resident number, for elements of few different values."""
    return pl.col(f"person:{element}")


def _ask(value: pl.Expr, where: pl.Expr) -> str:
    key = hashlib.sha256(value.meta.serialize() + where.meta.serialize()).hexdigest()[:16]
    _QUESTIONS[key] = (value, where)
    return key


def question(key: str) -> tuple[pl.Expr, pl.Expr]:
    """Value and condition behind ``sum:key``."""
    return _QUESTIONS[key]


def sentence(text: str, element: Element | None, words: Mapping[str, str] | None, lang: str) -> str:
    """A sentence with the blamed element's name, length and values filled in."""
    if element is None:
        return text
    known = {
        "element": element.id,
        "name": element.name_zh if lang == "zh" else element.name_en,
        "length": str(element.length or ""),
        "values": ("、" if lang == "zh" else ", ").join(element.values),
        "since": element.since.isoformat() if element.since else "",
        **(words or {}),
    }
    for name, value in known.items():
        text = text.replace("{" + name + "}", value)
    return text
