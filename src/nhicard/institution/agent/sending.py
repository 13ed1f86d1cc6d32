"""Files to the insurer and results back, as often as it takes: what was kept is never sent as something new."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from nhicard.institution.agent.answers import settle
from nhicard.institution.agent.packing import content_of
from nhicard.institution.insurer import Insurer, NotReady, Refused, Unreachable
from nhicard.institution.outbox.kinds import KINDS
from nhicard.institution.outbox.store import Outbox, told
from nhicard.reader.client import StatusError, UnusableAnswer

_FIRST_PAUSE: Final = timedelta(seconds=5)
#: Refusals that time alone does not mend: somebody must see to the SAM, the contract or the kind of upload.
_FOR_PEOPLE: Final = frozenset({"5003", "5004", "8205", "9002", "9005"})
_PAUSE_FOR_PEOPLE: Final = timedelta(hours=1)
_NO_SIGNATURE: Final = "control software"
_log = logging.getLogger("nhicard.agent")


@dataclass(frozen=True, slots=True)
class Pauses:
    """How long to wait before the next try: twice as long each time, up to a quarter of an hour, and a random part of
    it so that thousands of agents do not come back at the same moment."""

    chance: Callable[[], float] = random.random
    longest: timedelta = timedelta(minutes=15)

    def after(self, tries: int) -> timedelta:
        """The pause after so many tries in vain."""
        pause: timedelta = min(_FIRST_PAUSE * 2 ** min(tries - 1, 20), self.longest)
        return pause * (0.5 + 0.5 * self.chance())


def send(outbox: Outbox, insurer: Insurer, now: datetime, pauses: Pauses) -> int:
    """Try every file that is ready and due; how many were received. Ends at the first that nobody answers."""
    received = 0
    due = outbox.rows(
        "SELECT id, kind, tries FROM upload WHERE state = 'ready' AND next_at <= ? ORDER BY id", [told(now)]
    )
    for upload, kind, tries in due:
        try:
            receipt = insurer.upload(content_of(outbox, upload), kind, KINDS[kind].way, now)
        except (Unreachable, StatusError, UnusableAnswer) as error:
            _wait(outbox, upload, now + pauses.after(tries + 1), _trouble(error))
            break  # the others would fare no better
        except Refused as refusal:
            pause = _PAUSE_FOR_PEOPLE if refusal.code in _FOR_PEOPLE else pauses.after(tries + 1)
            _wait(outbox, upload, now + pause, str(refusal))
            continue
        if outbox.rows(
            "SELECT 1 FROM upload WHERE receipt = ? AND id <> ? AND state <> 'unanswered'", [receipt, upload]
        ):
            # it is the receipt of another file, so nobody knows whether this one is kept
            _wait(outbox, upload, now + pauses.after(tries + 1), "the receipt was given before, to another file")
            continue
        with outbox.writing() as cursor:
            cursor.execute(
                "UPDATE upload SET state = 'received', receipt = ?, received_at = ?, tries = 0, trouble = '', "
                "next_at = ? WHERE id = ?",
                [receipt, told(now), told(now), upload],
            )
        received += 1
    return received


def fetch(outbox: Outbox, insurer: Insurer, now: datetime, pauses: Pauses, patience: timedelta) -> int:
    """Ask for every result that is due; how many came. Ends at the first that nobody answers.

    ``patience``: after so long without a result the visits are sent in a new file; should the first have come through
    after all, the insurer calls the second a duplicate, which is then as good as accepted.
    """
    answered = 0
    due = outbox.rows(
        "SELECT id, kind, receipt, tries, received_at FROM upload "
        "WHERE state = 'received' AND next_at <= ? ORDER BY id",
        [told(now)],
    )
    for upload, kind, receipt, tries, received_at in due:
        try:
            answer = insurer.result(receipt, kind, KINDS[kind].way)
            settle(outbox, upload, KINDS[kind], answer, now)
            answered += 1
        except (Unreachable, StatusError, UnusableAnswer) as error:
            _wait(outbox, upload, now + pauses.after(tries + 1), _trouble(error))
            break
        except (NotReady, Refused, ValueError) as error:
            if now - datetime.fromisoformat(received_at) > patience:
                _give_up(outbox, upload)
            else:
                trouble = "" if isinstance(error, NotReady) else str(error)
                _wait(outbox, upload, now + pauses.after(tries + 1), trouble)
    return answered


def retry(outbox: Outbox, now: datetime) -> int:
    """Let everything that waits for another try be tried at once; how many files that is."""
    with outbox.writing() as cursor:
        return cursor.execute(
            "UPDATE upload SET next_at = ? WHERE state IN ('ready', 'received') AND next_at > ?", [told(now)] * 2
        ).rowcount


def _trouble(error: Exception) -> str:
    name = "" if isinstance(error, Unreachable) else f"{_NO_SIGNATURE}: "
    return f"{name}{error}"


def _wait(outbox: Outbox, upload: int, until: datetime, trouble: str) -> None:
    if trouble:
        _log.warning("upload %d: %s; next try at %s", upload, trouble, told(until))
    with outbox.writing() as cursor:
        cursor.execute(
            "UPDATE upload SET tries = tries + 1, trouble = ?, next_at = ? WHERE id = ?",
            [trouble[:200], told(until), upload],
        )


def _give_up(outbox: Outbox, upload: int) -> None:
    _log.warning("upload %d: no result came; its visits are sent again in a new file", upload)
    with outbox.writing() as cursor:
        cursor.execute("UPDATE upload SET state = 'unanswered', trouble = 'no result came' WHERE id = ?", [upload])
        cursor.execute("UPDATE track SET state = 'waiting' WHERE upload = ?", [upload])
