"""Records that a case sends: those of the rulebook's cases, told of today, of the sender, of a person made up."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from nhicard.checks.cases.cases import DEFAULT_AS_OF, Record, base_record, changed
from nhicard.formats import rocdate
from nhicard.formats.batch import build
from nhicard.identity import national_id
from nhicard.identity.keyring import KeyRing
from nhicard.synthetic.keyed import keyed

EDITION: Final = "2.0"
#: The institution and the person of the base records.
_CLINIC, _PERSON = "3501200000", "A123456789"
#: Fields that hold a civil date or a time; everything else that looks like one stays as it is.
_MOMENTS: Final = frozenset({"M04", "M08", "M11", "M19", "M49", "D01"})
#: Identifiers and signatures of the base records: they stand for genuine ones.
_STAND_INS: Final = re.compile(
    r"1A2B3C4D5E6F7G8H9J0K|[23][BC]2B3C4D5E6F7G8H9J0K|(?:9F8E7D6C5B4A39281706F5E4D3C2B1A0){2}|[01]F1E2D3C\w{32}"
)
_KEYED: Final = ("M14", "M15", "M16", "M52", "D11")


@dataclass(frozen=True, slots=True)
class Facts:
    """What records are told of: who sends, at which naive Taipei time, and the insurer's keys where they are given."""

    institution: str
    sam: str
    now: datetime
    keys: KeyRing | None = None

    @property
    def days(self) -> timedelta:
        """How far the base records' dates are moved."""
        return timedelta(days=(self.now.date() - DEFAULT_AS_OF.date()).days)


def record(facts: Facts, base: str, changes: Sequence[str] = (), family: str = "bases") -> Record:
    """The named base record with the changes of checks/cases, of today, of a person that no other record has.

    Identifiers and signatures are genuine where the insurer's keys are given and the case did not write its own.
    """
    visit, orders = changed(EDITION, base_record(EDITION, family, base), tuple(changes))
    person = next(_people)
    told = _told(facts, person, visit), [_told(facts, person, order) for order in orders]
    return _genuine(*told, facts.keys) if facts.keys else told


def _told(facts: Facts, person: str, segment: Mapping[str, str]) -> dict[str, str]:
    of = {_CLINIC: facts.institution, _PERSON: person, "SAM000000001": facts.sam}
    return {
        name: _moved(value, facts.days) if name in _MOMENTS else of.get(value, value) for name, value in segment.items()
    }


def _moved(value: str, days: timedelta) -> str:
    """The ROC date or time moved; what is none stays, for a case may want it wrong."""
    try:
        if len(value) == 7:
            return rocdate.format_date(rocdate.parse_date(value) + days)
        return rocdate.format_datetime(rocdate.parse_datetime(value) + days)
    except ValueError:
        return value


def _made_up() -> Iterator[str]:
    """Valid national IDs of made-up people of the same county and sex, without end."""
    while True:
        yield from national_id.with_check_digit([f"{_PERSON[:2]}{secrets.randbelow(10**7):07}" for _ in range(500)])


_people: Final = _made_up()


def _genuine(visit: dict[str, str], orders: list[dict[str, str]], keys: KeyRing) -> Record:
    """Stand-ins replaced by what the data centre would have issued; a record without a right time keeps them."""
    try:
        made = keyed(build(EDITION, [(visit, orders)]), keys)
    except ValueError:
        return visit, orders
    return _in_place(visit, made.visits.row(0, named=True)), [
        _in_place(order, made.orders.row(row, named=True)) for row, order in enumerate(orders)
    ]


def _in_place(told: dict[str, str], made: Mapping[str, str]) -> dict[str, str]:
    stands_in = {name for name in _KEYED if _STAND_INS.fullmatch(told.get(name, ""))}
    return told | {name: made[name] for name in stands_in}
