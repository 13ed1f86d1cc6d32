"""Files that hold keys: written whole or not at all, readable by their owner only."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


class PrivateFileExposed(PermissionError):
    """Others may read a file that holds a key; the message names the file and the remedy."""


def write_private(path: Path, content: bytes) -> None:
    """Replace the file in one step, mode 0600 from its first byte, on disk before this returns."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp creates with mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def read_private(path: Path) -> bytes:
    """The file's bytes. Raises PrivateFileExposed where others may read it, OSError where it cannot be read."""
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode  # of the file that is open, whatever its name is given to meanwhile
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise PrivateFileExposed(
                f"{path} 可被其他使用者讀取，請執行 chmod 600。{path} may be read by others; run chmod 600 on it."
            )
        return file.read()


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
