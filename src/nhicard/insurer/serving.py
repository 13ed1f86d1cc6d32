"""Setting the insurer's services up and serving them over HTTPS."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from nhicard.identity.private_files import write_private

if TYPE_CHECKING:
    from nhicard.checks.context import Context


def set_up_django() -> None:
    """Django, once a process."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nhicard.insurer.settings")
    django.setup()


def set_up() -> bool:
    """Make what is missing: folder, tables, keys. Returns whether keys were made; never touches what exists."""
    from nhicard.insurer import clock
    from nhicard.insurer.registry import authority

    home = Path(settings.HOME)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if connection.vendor == "sqlite" and Path(str(settings.DATABASES["default"]["NAME"])).is_absolute():
        Path(str(settings.DATABASES["default"]["NAME"])).touch(mode=0o600)  # one that exists keeps its mode
    if not connection.introspection.table_names():
        # its many small changes of columns take a third less time before our tables are there
        call_command("migrate", "oauth2_provider", verbosity=0, interactive=False)
    if upgrades_waiting():  # to find nothing to do takes Django longer than many a command
        call_command("migrate", verbosity=0, interactive=False)
    if not settings.SECRET_KEY_FILE.exists():
        settings.SECRET_KEY_FILE.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(settings.SECRET_KEY_FILE, settings.SECRET_KEY.encode())
    return authority.create(clock.now())


def upgrades_waiting() -> int:
    """How many changes of the tables were not made yet.

    Raises:
        DatabaseError: if the database is out of reach or damaged.
    """
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def heartbeat_file() -> Path:
    """Touched by the worker at every turn; a supervisor may look at its age."""
    return Path(settings.HOME) / "worker.heartbeat"


def check_context() -> Context:
    """What the worker's checks know: the lists and keys in force now."""
    from nhicard.checks.context import Context
    from nhicard.insurer import clock
    from nhicard.insurer.registry import references

    now = clock.now()
    return Context(as_of=now, references=references.current(now), verifier=references.verifier())


def serve(host: str, port: int, workers: int) -> None:
    """Serve until stopped. The certificate is the insurer's own for local use; put a real one in ``https.pem``."""
    from granian.constants import Interfaces
    from granian.server import Server

    from nhicard.identity import tls
    from nhicard.insurer import clock

    https = tls.ensure(Path(settings.HOME) / "https", "nhicard insurer", _names(host), clock.now())
    Server(
        "nhicard.insurer.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=4,
        ssl_cert=https.certificate,
        ssl_key=https.key,
        log_access=False,
        respawn_failed_workers=True,
    ).serve()


def _names(host: str) -> list[str]:
    local = ["localhost", "127.0.0.1", "::1"]
    return local if host in local else [*local, host]
