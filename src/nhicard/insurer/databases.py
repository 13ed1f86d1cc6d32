"""Django's ``DATABASES`` from the environment: SQLite in the home folder, or PostgreSQL with pool and replica."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

_POOL: Final = re.compile(r"(\d{1,4}):(\d{1,4})")


def databases(home: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """``default``, and ``replica`` where there is one. Raises ImproperlyConfigured."""
    url = environment.get("DATABASE_URL", "")
    pool = _pool(environment.get("NHICARD_DATABASE_POOL", ""))
    replica = environment.get("NHICARD_REPLICA_URL", "")
    if not url:
        if pool or replica:
            raise ImproperlyConfigured(
                "NHICARD_DATABASE_POOL 與 NHICARD_REPLICA_URL 需以 DATABASE_URL 指定 PostgreSQL。"
                "They need PostgreSQL, named by DATABASE_URL."
            )
        return {"default": _sqlite(home)}
    made = {"default": _server(url, pool)}
    if replica:
        made["replica"] = _server(replica, pool) | {"TEST": {"MIRROR": "default"}}
    return made


def _server(url: str, pool: Mapping[str, int]) -> dict[str, Any]:
    """A pool keeps connections, each process its own one; without it each thread keeps its connection."""
    found: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=0 if pool else 600, conn_health_checks=True))
    if pool:
        found["OPTIONS"] = {**found.get("OPTIONS", {}), "pool": dict(pool)}
    return found


def _pool(told: str) -> dict[str, int]:
    if not told:
        return {}
    found = _POOL.fullmatch(told)
    least, most = (int(found[1]), int(found[2])) if found else (0, 0)
    if not found or not 0 <= least <= most or not most:
        raise ImproperlyConfigured(
            f"NHICARD_DATABASE_POOL 應為「最少:最多」，例如 2:8。It is MIN:MAX, such as 2:8, not {told!r}."
        )
    return {"min_size": least, "max_size": most}


def _sqlite(home: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": home / "insurer.sqlite3",
        "OPTIONS": {
            # a writer takes its turn at once instead of failing halfway through
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }
