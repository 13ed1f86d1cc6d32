"""Serving over HTTPS with a certificate of this machine's own, which can be put among those that it trusts."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import uvicorn

from nhicard.formats import rocdate
from nhicard.identity import tls
from nhicard.identity.tls import Https
from nhicard.reader.home import LOCAL_HOSTS, Home, Settings
from nhicard.reader.service.app import create_app

#: Seconds for calls under way when the service is stopped; an idle connection of a program would hold it up longer.
_LAST_CALL = 10


class CannotInstall(Exception):
    """The certificate could not be put among the trusted ones; the message says what to do by hand."""


def certificate(home: Home, host: str = "127.0.0.1") -> Https:
    """The service's certificate, made where there is none or it runs out."""
    hosts = list(LOCAL_HOSTS) if host in LOCAL_HOSTS else [*LOCAL_HOSTS, host]
    return tls.ensure(home.https, "nhicard control software", hosts, rocdate.now())


def serve(settings: Settings) -> None:
    """Serve until stopped."""
    https = certificate(settings.home, settings.host)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # our own lines say what was asked and how it ended
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        ssl_certfile=str(https.certificate),
        ssl_keyfile=str(https.key),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_LAST_CALL,
        log_level="info",
    )


def install_certificate(file: Path) -> str:
    """Put the certificate among those that this machine (on Windows and macOS: this user) trusts.

    Returns what was done. Raises CannotInstall with the way to do it by hand.
    """
    match sys.platform:
        case "win32":
            return _run(["certutil", "-user", "-addstore", "Root", str(file)])
        case "darwin":
            keychain = Path("~/Library/Keychains/login.keychain-db").expanduser()
            return _run(["security", "add-trusted-cert", "-r", "trustRoot", "-k", str(keychain), str(file)])
        case _:
            return _install_on_linux(file)


def _install_on_linux(file: Path) -> str:
    folder = Path("/usr/local/share/ca-certificates")
    by_hand = f"sudo cp {file} {folder}/nhicard-reader.crt && sudo update-ca-certificates"
    if not shutil.which("update-ca-certificates"):
        raise CannotInstall(f"找不到 update-ca-certificates，請手動執行。Not found; by hand: {by_hand}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / "nhicard-reader.crt")
    except OSError:
        raise CannotInstall(f"權限不足，請手動執行。Not permitted; by hand: {by_hand}") from None
    return _run(["update-ca-certificates"])


def _run(command: list[str]) -> str:
    program = shutil.which(command[0])
    if program is None:
        raise CannotInstall(f"找不到 {command[0]}。{command[0]} was not found.")
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotInstall(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return " ".join(command)
