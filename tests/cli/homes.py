"""An insurer's home as its operator has it: a folder, an environment, and commands as processes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from tests.cli import forked

SERVER = os.environ.get("DATABASE_URL", "")
DJANGO = "from nhicard.insurer import serving; serving.set_up_django()\n"
#: A clinic, two submissions that wait (one is no XML), an application for a cloud SAM and a SAM.
FILLED = """
from datetime import datetime
from nhicard.insurer.datacentre.models import CloudSamApplication
from nhicard.insurer.intake.kinds import Channel
from nhicard.insurer.intake.services import receiving
from nhicard.insurer.registry.models import Institution, SecurityModule
from tests.insurer.intake.clients import VISIT20, a_file
now = datetime(2026, 3, 2, 9, 30)
clinic = Institution.objects.create(code="3501200000", name="測試診所")
for content in (a_file(VISIT20), b"no XML"):
    receiving.receive(receiving.Upload(clinic.code, "S12345678901", Channel.WEB_API, "A2", content), now)
CloudSamApplication.objects.create(institution=clinic, applicant_card="P12345678901", applied_at=now)
SecurityModule.objects.create(institution=clinic, number="S12345678901", certificate="", issued_on=now.date())
"""


@dataclass(frozen=True)
class Home:
    """An insurer's home and how its commands are called."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        done = forked.nhicard(*map(str, arguments), environment=self.environment)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def well(self, *arguments: str | Path) -> str:
        """What a command that works says."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def refused(self, *arguments: str | Path) -> str:
        """Why a command is not done."""
        done = self.run(*arguments)
        assert done.returncode == 2, (done.stdout, done.stderr)
        return done.stderr

    def python(self, code: str) -> str:
        command = [sys.executable, "-c", DJANGO + code]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout

    def rows(self) -> dict[str, list[str]]:
        """Every row of every table, without the order in which the database keeps them."""
        url = self.environment.get("DATABASE_URL")
        tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
        opened: Any = sqlite3.connect(self.file)
        if url:
            opened, tables = psycopg.connect(url), "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        with closing(opened) as connection:
            names = [name for (name,) in connection.execute(tables).fetchall()]
            return {name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"').fetchall())) for name in names}

    @property
    def file(self) -> Path:
        return self.folder / "insurer.sqlite3"


def environment_of(folder: Path, url: str) -> dict[str, str]:
    """For commands on this home and database; SQLite where there is no URL."""
    ours = {"NHICARD_INSURER_HOME": str(folder), "PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "200"}
    rest = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    if not url:
        return rest | ours
    # the test server's own programs stand last, behind those of the system, which may be older than the server
    path = os.pathsep.join(reversed(os.environ["PATH"].split(os.pathsep)))
    return rest | ours | {"DATABASE_URL": url, "PATH": path}
