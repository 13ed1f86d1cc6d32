"""The local audit log: who was shown, what was decided. Lines are added, never changed; no personal data in them."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Final

FILE: Final = "console-audit.log"


def record(folder: Path, now: datetime, action: str, **facts: int | str) -> None:
    """Add a line, on disk when this returns. Raises OSError; what is not written down is not done.

    ``facts`` are numbers of the outbox and dates, never IDs or names.
    """
    line = json.dumps({"at": now.isoformat(sep=" ", timespec="seconds"), "action": action, **facts}, ensure_ascii=False)
    descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
