"""Reports may read a replica of the database (``NHICARD_REPLICA_URL``); whatever decides or writes never does.

    with reports():
        ...  # queries of Django's that do not lock read there

Without a replica, and outside of it, everything goes to the one database.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections

REPLICA: Final = "replica"
_PATIENCE: Final = 60.0
_PAUSE: Final = 0.2
_BEHIND: Final = "SELECT pg_wal_lsn_diff(%s, coalesce(pg_last_wal_replay_lsn(), %s)) > 0"
_reading: ContextVar[str] = ContextVar("reading", default=DEFAULT_DB_ALIAS)
_log = logging.getLogger("nhicard.replica")


@contextmanager
def reports(*, up_to_date: bool = False, patience: float = _PATIENCE) -> Iterator[None]:
    """Within it reads go to the replica. ``up_to_date``: what is committed now must be there; a replica that does not
    get there in so many seconds is not read."""
    has_one = REPLICA in connections.settings
    use = has_one and (not up_to_date or _has_caught_up(patience))
    token = _reading.set(REPLICA if use else DEFAULT_DB_ALIAS)
    try:
        yield
    finally:
        _reading.reset(token)


class Router:
    """``DATABASE_ROUTERS``. Says it of every query: Django would write where it had read."""

    def db_for_read(self, model: Any, **_: Any) -> str:
        """Where ``reports`` says."""
        return _reading.get()

    def db_for_write(self, model: Any, **_: Any) -> str:
        """The one database; rows that are locked are read there, too."""
        return DEFAULT_DB_ALIAS

    def allow_relation(self, *_: Any, **__: Any) -> bool:
        """Rows of both are of one database."""
        return True

    def allow_migrate(self, db: str, *_: Any, **__: Any) -> bool:
        """The replica follows by itself."""
        return db == DEFAULT_DB_ALIAS


def _has_caught_up(patience: float) -> bool:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_lsn()")
        (wanted,) = cursor.fetchone()
    deadline = time.monotonic() + patience
    with connections[REPLICA].cursor() as cursor:
        while True:
            cursor.execute(_BEHIND, [wanted, wanted])
            if not cursor.fetchone()[0]:
                return True
            if time.monotonic() > deadline:
                _log.warning("the replica is more than %.0f s behind: the database itself is read", patience)
                return False
            time.sleep(_PAUSE)
