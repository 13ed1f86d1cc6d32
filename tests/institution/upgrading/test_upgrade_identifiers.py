"""Which identifiers a reader is asked for, and what becomes of the answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pytest

from nhicard.checks import Context
from nhicard.formats import assumptions, build
from nhicard.institution.upgrading import upgrade
from nhicard.reader.client import Patient, StatusError, Tap, UnusableAnswer

AS_OF = datetime(2026, 11, 19, 18)
NOW, TODAY, YESTERDAY = "1151119180000", "1151119093015", "1151118093015"
CLINIC, HERE, AWAY, CARDLESS = "3501990014", "A123456789", "B123456780", "C123456771"
GIVEN = "GIVEN000000000000001"


@dataclass
class Reader:
    """A reader with the card of ``HERE``; answers as the data centre would."""

    holder: str | None = HERE
    institution: str = CLINIC
    silent: bool = False
    refuses: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)

    def patient(self) -> Patient:
        if self.silent:
            raise UnusableAnswer("reader: ConnectError")
        if self.holder is None:
            raise StatusError(1102)
        return Patient("900000000001", self.holder, "測試病患甲", "0700115", "M")

    def identifier(self, time: str) -> str:
        self._ask("card", time)
        return GIVEN

    def identifier_without_card(self, id_no: str) -> Tap:
        self._ask("no card", id_no)
        return Tap(NOW, "", self.institution, "", "", GIVEN)

    def _ask(self, what: str, value: str) -> None:
        self.asked.append((what, value))
        if self.refuses:
            raise StatusError(self.refuses)


def visit(person: str, time: str, kind: str = "1", **more: str) -> dict[str, str]:
    number = "0012" if kind == "1" else "C001"
    plain = {"A00": "1", "A01": kind, "A12": person, "A14": CLINIC, "A17": time, "A18": number, "A19": "1", "A23": "01"}
    return plain | more


def asked(
    reader: Reader, *visits: dict[str, str], compares: str = "date"
) -> tuple[list[str | None], list[tuple[str, str, int | None]]]:
    """The identifiers of the upgraded visits, and the answers."""
    context = Context(as_of=AS_OF, assumptions=assumptions.load({"d005_compares": compares}))
    told = upgrade(build("1.0", [(each, []) for each in visits]), reader, context)
    still = set(told.missing.filter(field="M15")["record"]) if told.missing.height else set()
    identifiers = told.batch.visits["M15"].to_list()
    assert still == {place for place, each in enumerate(identifiers, 1) if each is None}
    return identifiers, told.answers.select("query", "state", "status").rows()


CARD, NO_CARD = "/api/v1/TreatmentNumber/Card", "/api/v1/TreatmentNumber/NoCard"


@pytest.mark.parametrize(
    ("reader", "visits", "identifiers", "answers"),
    [
        (Reader(), [visit(HERE, YESTERDAY)], [GIVEN], [(CARD, "obtained", None)]),
        (Reader(), [visit(AWAY, TODAY)], [None], [(CARD, "not asked", None)]),
        (Reader(holder=None), [visit(HERE, TODAY)], [None], [(CARD, "not asked", 1102)]),
        (Reader(refuses=3211), [visit(HERE, TODAY)], [None], [(CARD, "refused", 3211)]),
        (Reader(), [visit(CARDLESS, TODAY, "2")], [GIVEN], [(NO_CARD, "obtained", None)]),
        (Reader(holder=None), [visit(CARDLESS, TODAY, "2")], [GIVEN], [(NO_CARD, "obtained", None)]),
        (Reader(), [visit(CARDLESS, YESTERDAY, "2")], [None], [(NO_CARD, "not asked", None)]),
        (Reader(institution="3501990023"), [visit(CARDLESS, TODAY, "2")], [None], [(NO_CARD, "refused", None)]),
        (Reader(refuses=3204), [visit(CARDLESS, TODAY, "2")], [None], [(NO_CARD, "refused", 3204)]),
        (
            Reader(silent=True),
            [visit(HERE, TODAY), visit(CARDLESS, TODAY, "2")],
            [None, None],
            [(CARD, "not asked", None), (NO_CARD, "not asked", None)],
        ),
        (
            Reader(),
            [visit(HERE, YESTERDAY), visit(AWAY, TODAY), visit(HERE, TODAY)],
            [GIVEN, None, GIVEN],
            [(CARD, "obtained", None), (CARD, "not asked", None), (CARD, "obtained", None)],
        ),
    ],
)
def test_what_the_reader_is_asked(
    reader: Reader,
    visits: list[dict[str, str]],
    identifiers: list[str | None],
    answers: list[tuple[str, str, int | None]],
) -> None:
    assert asked(reader, *visits) == (identifiers, answers)


def test_a_card_is_asked_by_the_time_of_each_visit() -> None:
    reader = Reader()
    asked(reader, visit(HERE, YESTERDAY), visit(HERE, TODAY))
    assert reader.asked == [("card", YESTERDAY), ("card", TODAY)]


def test_an_identifier_of_this_moment_serves_no_visit_compared_to_the_second() -> None:
    identifiers, answers = asked(Reader(), visit(CARDLESS, TODAY, "2"), compares="second")
    assert identifiers == [None]
    assert answers == [(NO_CARD, "not asked", None)]


def test_once_nobody_answers_nobody_is_asked_any_more() -> None:
    class Failing(Reader):
        def _ask(self, what: str, value: str) -> None:
            super()._ask(what, value)
            raise UnusableAnswer("data centre: ReadTimeout")

    reader = Failing()
    _, answers = asked(reader, *[visit(HERE, TODAY)] * 3)
    assert len(reader.asked) == 1
    assert [state for _, state, _ in answers] == ["refused", "not asked", "not asked"]


def test_answers_hold_nothing_personal() -> None:
    told = upgrade(build("1.0", [(visit(HERE, TODAY), []), (visit(AWAY, TODAY), [])]), Reader(), Context(as_of=AS_OF))
    shown = told.answers.write_csv() + told.missing.write_csv()
    assert not any(secret in shown for secret in (HERE, AWAY, GIVEN, "900000000001", "測試病患甲"))
