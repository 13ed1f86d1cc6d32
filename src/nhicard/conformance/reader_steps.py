"""What a case can do with the reader API: call a path, and move simulated cards.

``call``: ``method``, ``path``, ``body`` (JSON), ``raw`` (text in its place), ``content_type``; ``keep`` names values
of the reply for later steps. ``hands``: ``{insert: sam|staff|patient}`` or ``{remove: …}``. ``begin``: the state in
which the case starts: ``finalized``, ``initialised``, ``verified`` (the SAM too), ``staffed`` (the staff card too).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import httpx

from nhicard.conformance.answers import Answer
from nhicard.conformance.expectations import OF_ANSWERS, NotAsExpected, filled
from nhicard.reader.devices.slots import Slots
from nhicard.reader.home import Home

_BEGINNINGS: Final[Mapping[str, tuple[tuple[str, str, Mapping[str, str]], ...]]] = {
    "finalized": (("POST", "/api/common/v1/Finalize", {}),),
    "initialised": (("POST", "/api/common/v1/Initial", {"name": ""}),),
    "verified": (("POST", "/api/sam/v1/Verification", {}),),
    "staffed": (("POST", "/api/hpc/v1/Verification/Hpc", {"pin": "{pin}"}),),
}


class Hands(Protocol):
    """Whoever puts cards into the readers and takes them out."""

    def insert(self, card: str) -> None:
        """``sam``, ``staff`` or ``patient``."""

    def remove(self, card: str) -> None:
        """The same."""


@dataclass(frozen=True, slots=True)
class SimulatedHands:
    """Cards in the software readers of our control software's folder: which kind lies in which at the start."""

    slots: Slots
    places: Mapping[str, tuple[str, Path]]

    @classmethod
    def of(cls, folder: Path) -> SimulatedHands:
        """Raises ValueError where a kind of card is in no software reader."""
        slots = Slots(Home(folder.resolve()).slots)
        kinds = {"SAM": "sam", "HPC": "staff", "HC": "patient"}
        places = {
            kinds[json.loads(path.read_bytes())["kind"]]: (slot, path)
            for slot, path in slots.cards().items()
            if path is not None
        }
        if missing := set(kinds.values()) - set(places):
            raise ValueError(
                f"卡槽中沒有卡片：{missing}。No {', '.join(sorted(missing))} card is in a software reader."
            )
        return cls(slots, places)

    def insert(self, card: str) -> None:
        slot, path = self.places[card]
        if self.slots.cards()[slot] is None:
            self.slots.insert(slot, path)

    def remove(self, card: str) -> None:
        self.slots.remove(self.places[card][0])


@dataclass
class Reader:
    """The reader API under test."""

    client: httpx.Client
    hands: Hands | None = None
    pin: str = ""

    def run(self, steps: tuple[Mapping[str, Any], ...]) -> str:
        """Do the steps of a case; what the last call saw. Raises NotAsExpected."""
        told = {"pin": self.pin}
        seen = ""
        try:
            for step in steps:
                if "begin" in step:
                    self._begin(step["begin"])
                elif "hands" in step:
                    self._move(step["hands"])
                else:
                    seen = self._call(step, told)
        finally:
            if self.hands:
                for card in ("sam", "staff", "patient"):
                    self.hands.insert(card)
        return seen

    def _begin(self, state: str) -> None:
        for name, calls in _BEGINNINGS.items():
            for method, path, body in calls:
                self._send(method, path, json.dumps(filled(body, {"pin": self.pin})))
            if name == state:
                return
        raise ValueError(f"no beginning {state!r}")

    def _move(self, wish: Mapping[str, str]) -> None:
        assert self.hands, "a case that moves cards needs hands"
        for what, card in wish.items():
            getattr(self.hands, what)(card)

    def _call(self, step: Mapping[str, Any], told: dict[str, str]) -> str:
        wish = step["call"]
        content = wish.get("raw") if "raw" in wish else json.dumps(filled(wish.get("body", {}), told))
        if "raw_length" in wish:
            content = json.dumps({"name": "x" * int(wish["raw_length"])})
        answer = self._send(wish["method"], wish["path"], content, wish.get("content_type", "application/json"))
        for word, wanted in {"http": 200, **step.get("expect", {})}.items():
            if wrong := OF_ANSWERS[word](answer, wanted, told):
                raise NotAsExpected(f"{wrong}; seen: {answer.shown()}")
        if name := step.get("keep"):
            told |= {f"{name}_{key}": value for key, value in answer.body.items() if isinstance(value, str)}
        return answer.shown()

    def _send(self, method: str, path: str, content: str, kind: str = "application/json") -> Answer:
        try:
            return Answer.of(self.client.request(method, path, content=content, headers={"content-type": kind}))
        except httpx.HTTPError as error:
            return Answer(0, "", f"no answer: {type(error).__name__}")
