"""A database of the insurer's as SQL text in a gzip, the same bytes for the same rows.

    python tests/release/dumping.py DATABASE FILE.sql.gz

Sessions are left out and authenticators' keys blanked: nothing in the dump opens anything. tests/release/README.md says
how the dumps of released versions were made.
"""

from __future__ import annotations

import gzip
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

_BLANKED: Final = (
    "DELETE FROM django_session",
    "UPDATE otp_totp_totpdevice SET key = '0000000000000000000000000000000000000000'",
)


def dump(database: Path, file: Path) -> None:
    """Write the dump; the database itself is only read."""
    source = f"{database.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(source, uri=True)) as original, closing(sqlite3.connect(":memory:")) as copy:
        original.backup(copy)
        for statement in _BLANKED:
            copy.execute(statement)
        text = "\n".join(copy.iterdump())
    file.write_bytes(gzip.compress(text.encode(), mtime=0))


def restore(file: Path, database: Path) -> None:
    """Make the database that the dump tells of, mode 0600."""
    database.touch(mode=0o600, exist_ok=False)
    with closing(sqlite3.connect(database)) as fresh:
        fresh.executescript(gzip.decompress(file.read_bytes()).decode())


if __name__ == "__main__":
    dump(Path(sys.argv[1]), Path(sys.argv[2]))
