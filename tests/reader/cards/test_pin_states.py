"""The PIN of a patient's card as a state machine: whatever is done in whatever order, card and model agree."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.reader.cards.card_factory import CHEAP, make_card

from nhicard.identity.signature_block import PinState
from nhicard.reader.cards import operations as op
from nhicard.reader.cards.applet import SimulatedCard
from nhicard.reader.cards.applications import Kind

PUK = "24681357"
PINS = st.sampled_from(["1111", "2222", "333333"])
PUKS = st.sampled_from([PUK, PUK, "00000000"])


class PatientsPin(RuleBasedStateMachine):
    """The model knows the PIN in force (or None), the tries, and whether it was verified in this session."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.made = make_card(Path(self.folder.name), Kind.HC, puk=PUK)
        self.card = self.made.card
        self.pin: str | None = None
        self.tries, self.puk_tries, self.verified = 3, 10, False

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(pin=PINS)
    def verify(self, pin: str) -> None:
        expected = self.present(pin)
        assert outcome(lambda: op.verify_pin(self.card, pin)) == expected

    @rule(old=PINS, new=PINS)
    def change(self, old: str, new: str) -> None:
        expected = self.present(old)
        assert outcome(lambda: op.change_pin(self.card, old, new)) == expected
        if expected == "done":
            self.pin = new

    @rule(new=PINS)
    def set(self, new: str) -> None:
        expected = "PinNotVerified" if self.pin and not self.verified else "done"
        assert outcome(lambda: op.set_pin(self.card, new)) == expected
        if expected == "done":
            self.pin, self.tries = new, 3

    @rule(pin=PINS)
    def remove(self, pin: str) -> None:
        expected = self.present(pin)
        assert outcome(lambda: op.remove_pin(self.card, pin)) == expected
        if expected == "done":
            self.pin, self.verified = None, False

    @rule()
    def remove_when_verified(self) -> None:
        expected = "done" if self.verified else "PinNotVerified" if self.pin else "NoPinSet"
        assert outcome(lambda: op.remove_pin(self.card)) == expected
        if expected == "done":
            self.pin, self.verified = None, False

    @rule(puk=PUKS, new=PINS)
    def unblock(self, puk: str, new: str) -> None:
        expected = "done"
        if self.pin is None:
            expected = "NoPinSet"
        elif self.puk_tries == 0:
            expected = "PinBlocked"
        elif puk == PUK:
            self.pin, self.tries, self.puk_tries, self.verified = new, 3, 10, False
        else:
            self.puk_tries, self.verified = self.puk_tries - 1, False
            expected = f"WrongPin {self.puk_tries}" if self.puk_tries else "PinBlocked"
        assert outcome(lambda: op.unblock(self.card, puk, new)) == expected

    @rule()
    def power_cycle(self) -> None:
        self.card.reset()
        self.verified = False

    @rule()
    def put_into_another_reader(self) -> None:
        self.card = SimulatedCard(self.made.path, scrypt_n=CHEAP)
        self.verified = False

    @invariant()
    def signature_tells_the_state(self) -> None:
        state = PinState.VERIFIED if self.verified else PinState.NOT_VERIFIED if self.pin else PinState.NOT_SET
        assert op.sign(self.card, b"challenge").state is state
        assert op.tries_left(self.card) == (self.tries if self.pin and not self.verified else None)

    def present(self, pin: str) -> str:
        """What presenting the PIN must lead to, and the model after it."""
        if self.pin is None:
            return "NoPinSet"
        if self.tries == 0:
            return "PinBlocked"
        self.verified = pin == self.pin
        self.tries = 3 if self.verified else self.tries - 1
        return "done" if self.verified else f"WrongPin {self.tries}" if self.tries else "PinBlocked"


def outcome(ask: Callable[[], None]) -> str:
    try:
        ask()
    except op.WrongPin as wrong:
        return f"WrongPin {wrong.tries_left}"
    except (op.PinBlocked, op.PinNotVerified, op.NoPinSet) as refusal:
        return type(refusal).__name__
    return "done"


TestPatientsPin = PatientsPin.TestCase
TestPatientsPin.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
