"""Uploads whose outcome is known: records of their own, records that several uploads claim, records with an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from nhicard.checks.cases.cases import Record, base_record, changed
from nhicard.formats.batch import build
from nhicard.formats.writer import write
from nhicard.identity.keyring import KeyRing
from nhicard.insurer.intake.kinds import Channel
from nhicard.insurer.intake.models import Submission
from nhicard.insurer.intake.services import receiving
from nhicard.insurer.intake.services.receiving import Upload
from nhicard.synthetic.keyed import keyed

NOON: Final = datetime(2023, 10, 20, 12)
CLINIC: Final = "3501200000"
#: How many uploads claim one and the same record.
SHARERS: Final = 4
#: What a file bears that the check cannot survive.
DEADLY: Final = b"deadly"
#: Sent by each process that receives.
UPLOADS: Final = 12
_MORNING: Final = datetime(2023, 10, 16, 8)
_FAULTY: Final = "A31=many"


@dataclass(frozen=True)
class Scene:
    """The day of the visits, the SAM at the desk, and the insurer's keys where it verifies signatures."""

    day: str
    sam: str
    keys: KeyRing | None = None


#: As in the rules' own cases.
CASES: Final = Scene("1121016", base_record("1.0", "bases", "outpatient")[0]["A16"])


def visit(number: int, *changes: str, scene: Scene = CASES) -> Record:
    """A 1.0 visit without errors; another number is another patient and second."""
    at = f"{scene.day}{_MORNING + timedelta(seconds=number):%H%M%S}"
    own = (f"A12={patient(number)}", f"A17={at}", f"A71[*]={at}", f"A16={scene.sam}")
    return changed("1.0", base_record("1.0", "bases", "outpatient"), (*own, *changes))


def patient(number: int) -> str:
    """An ID with the right check digit, of an A (10) and a 1 first."""
    digits = f"1{number:07}"
    weighed = 1 + sum(int(digit) * weight for digit, weight in zip(digits, range(8, 0, -1), strict=True))
    return f"A{digits}{-weighed % 10}"


def upload(*records: Record, keys: KeyRing | None = None) -> Upload:
    """A 1.0 upload for real."""
    batch = build("1.0", list(records))
    content = write(keyed(batch, keys) if keys else batch)
    return Upload(CLINIC, "SAM000000001", Channel.WEB_API, "B1", content)


def uploads(count: int, first: int = 0, scene: Scene = CASES) -> list[Upload]:
    """From this number on, each with a record of its own, one shared with others, and one with an error."""
    return [
        upload(
            visit(n, scene=scene),
            visit(5000 + n // SHARERS, f"A18={n + 1:04}", scene=scene),
            visit(10000 + n, _FAULTY, scene=scene),
            keys=scene.keys,
        )
        for n in range(first, first + count)
    ]


def receive_all(wanted: Sequence[Upload], now: datetime = NOON) -> list[Submission]:
    """All of them, waiting in the queue."""
    return [receiving.receive(each, now) for each in wanted]
