"""A drill of backup and restore, timed: ``python -m nhicard.insurer.operations.drill UPLOAD20.xml``.

Fills an empty database (a new home folder, or DATABASE_URL) with the file's records through receiving and worker,
backs it up, empties the table of payloads, restores, and tells how long each took and whether every table has its rows
again and the upload its bytes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main(file: Path) -> None:
    """Fill, back up, damage, restore, compare. Ends with 1 where something is missing."""
    from nhicard.insurer import clock, serving

    serving.set_up_django()
    serving.set_up()
    from django.apps import apps
    from django.db import connection

    from nhicard.checks.context import Context
    from nhicard.checks.reference import References
    from nhicard.formats import read
    from nhicard.insurer.intake.kinds import Channel
    from nhicard.insurer.intake.models import Order, Payload, Submission, Visit
    from nhicard.insurer.intake.services import receiving
    from nhicard.insurer.intake.worker import Worker
    from nhicard.insurer.operations import database

    if Submission.objects.exists():
        raise SystemExit("the database is not empty; the drill needs one of its own")
    content, now = file.read_bytes(), clock.now()
    sender = str(read(content).visits["M05"][0])
    upload = receiving.Upload(sender, "S00000000001", Channel.WEB_API, "A2", content)
    submission = receiving.receive(upload, now)
    works = Worker(lambda: Context(as_of=now, references=References()))
    _timed("receive and check", works.once)

    def counted() -> dict[str, int]:
        return {model._meta.db_table: model._base_manager.count() for model in apps.get_models()}

    before = counted()
    if not before[Order._meta.db_table]:
        raise SystemExit("no record of the file was accepted: the drill needs another one")
    with tempfile.TemporaryDirectory() as folder:
        backup = Path(folder) / "backup"
        _timed("backup", lambda: database.backup(backup))
        size = backup.stat().st_size
        Payload.objects.all().delete()
        connection.close()
        _timed("restore", lambda: database.restore(backup))
    connection.close()
    _timed("check", database.troubles)
    is_whole = counted() == before and receiving.content_of(submission) == content and not database.troubles()
    visits, orders = (before[model._meta.db_table] for model in (Visit, Order))
    sys.stdout.write(f"{connection.vendor}: {visits:,} visits, {orders:,} orders, backup {size / 1e6:.1f} MB\n")
    sys.stdout.write("everything is there again\n" if is_whole else "SOMETHING IS MISSING\n")
    raise SystemExit(0 if is_whole else 1)


def _timed(what: str, work: Callable[[], Any]) -> None:
    began = time.perf_counter()
    work()
    sys.stdout.write(f"{what}: {time.perf_counter() - began:.1f} s\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
