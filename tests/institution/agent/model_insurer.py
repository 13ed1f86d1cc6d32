"""An insurer that keeps a record of its own of what is in force, as the real one's rules have it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tests.institution.agent.world import ScriptedInsurer

from nhicard.formats import read
from nhicard.institution.insurer import Answer

#: A diagnosis that is refused.
WRONG: Final = "Z9999"
Key = tuple[str, ...]
_KEYS: Final = {"B1": ("A00", "A12", "A14", "A17"), "A2": ("H00", "M03", "M05", "M11", "M15")}
_UPLOAD_KIND: Final = {"B1": "A01", "A2": "H01"}
_DIAGNOSIS: Final = {"B1": "A25", "A2": "M35"}
_DUPLICATE, _NOT_THERE, _NOTHING_TO_CORRECT = "C001", "D001", "Y009"


@dataclass
class ModelInsurer(ScriptedInsurer):
    """``in_force``: by kind and key the diagnosis that is on record; ``refused``: keys with a rejected record.
    Each upload is judged once, when it first comes; ``repeats`` counts records that were sent though they stand."""

    in_force: dict[str, dict[Key, str]] = field(default_factory=lambda: {kind: {} for kind in _KEYS})
    refused: dict[str, set[Key]] = field(default_factory=lambda: {kind: set() for kind in _KEYS})
    judged: dict[str, list[tuple[int, list[str]]]] = field(default_factory=dict)
    repeats: int = 0

    def upload(self, content: bytes, kind: str, way: str, now: datetime | None = None) -> str:
        after, self.after = self.after, lambda: None
        try:
            receipt = super().upload(content, kind, way, now)
        finally:
            self.after = after
        if receipt not in self.judged:
            self.judged[receipt] = self._judge(content, kind)
        self.after()
        return receipt

    def result(self, receipt: str, kind: str, way: str) -> Answer:
        self.before_result()
        stored_kind, content = self.uploads[receipt]
        assert stored_kind == kind
        batch, found = read(content), self.judged[receipt]
        if not found and way == "vpn":
            return Answer(b"", {"records": batch.visits.height, "rejected": 0})
        return Answer(self._text(batch, found).encode("big5"), {})

    def _judge(self, content: bytes, kind: str) -> list[tuple[int, list[str]]]:
        codes = [self._codes(kind, visit) for visit in read(content).visits.iter_rows(named=True)]
        return [(number, [told]) for number, told in enumerate(codes, 1) if told]

    def _codes(self, kind: str, visit: dict[str, Any]) -> str:
        """What is wrong with a record; what is right is in force from here."""
        mine, diagnosis = self.in_force[kind], visit[_DIAGNOSIS[kind]]
        key = tuple(visit[name] or "" for name in _KEYS[kind])
        what = visit[_UPLOAD_KIND[kind]]
        if what == "D":
            return "" if mine.pop(key, None) is not None else f"H01:{_NOT_THERE}"
        if kind == "B1" and key in mine:
            self.repeats += 1
            return f"A17:{_DUPLICATE}"
        if kind == "B1" and what in "34" and key not in self.refused[kind]:
            return f"A01:{_NOTHING_TO_CORRECT}"
        if diagnosis == WRONG:
            self.refused[kind].add(key)
            return f"{_DIAGNOSIS[kind]}:15"
        mine[key] = diagnosis
        return ""
