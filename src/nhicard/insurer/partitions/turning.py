"""When months are looked after: at an upgrade, and once a day by each worker."""

from __future__ import annotations

import logging
from datetime import date, datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, OperationalError, connection

from nhicard.insurer import clock
from nhicard.insurer.partitions import ensuring

_log = logging.getLogger("nhicard.partitions")
_done: dict[str, date] = {}


def on_migrated(*, using: str, **_: Any) -> None:
    """After the tables were upgraded."""
    if using == DEFAULT_DB_ALIAS:
        ensuring.ensure(clock.now())


def on_turning(*, now: datetime, **_: Any) -> None:
    """Before a worker looks at its queue: once a day. A failure is no reason not to check uploads: the default
    partition takes what has no other, and the next day tries again."""
    if _done.get("day") == now.date() or connection.in_atomic_block:  # locks must go with transactions of its own
        return
    _done["day"] = now.date()
    try:
        for part in ensuring.ensure(now):
            _log.info("made partition %s", part.name)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != "55P03":  # lock_not_available
            _done.clear()
            raise
        _log.warning("partitions could not be made today: the tables were busy")
