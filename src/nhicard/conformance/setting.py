"""A run set up: the service that is tested, who signs, and which of the cases' needs are met."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from nhicard.conformance import running
from nhicard.conformance.cases import Case
from nhicard.conformance.insurer_steps import Insurer
from nhicard.conformance.reader_steps import Reader, SimulatedHands
from nhicard.conformance.report import Report
from nhicard.conformance.running import Subject
from nhicard.conformance.signing import CardSigner, ReaderSigner, Signer
from nhicard.formats import rocdate
from nhicard.identity.keyring import KeyRing

_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)

Set = tuple[Subject, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Signing:
    """Card images (the institution's SAM, a second one, a revoked one), or a control software in place of the first."""

    sam: Path | None = None
    other: Path | None = None
    revoked: Path | None = None
    reader: str | None = None
    reader_ca: Path | None = None


def insurer(
    url: str, ca: Path | None, signing: Signing, keys: Path | None, patience: float, open_clients: ExitStack
) -> Set:
    """The Web API at a base URL. Raises ValueError, OSError for files that cannot be used."""
    cards = {"sam": signing.sam, "other": signing.other, "revoked": signing.revoked}
    signers: dict[str, Signer] = {name: CardSigner.of(path) for name, path in cards.items() if path}
    if "sam" not in signers and signing.reader:
        signers["sam"] = ReaderSigner(_client(signing.reader, signing.reader_ca or ca, open_clients))
    has = set(signers) | ({"card"} if signing.sam else set()) | ({"keys"} if keys else set())
    subject = Insurer(
        _client(url, ca, open_clients),
        signers,
        rocdate.now,
        KeyRing.load(keys) if keys else None,
        patience,
    )
    return subject, frozenset(has)


def reader(url: str, ca: Path | None, home: Path | None, pin: str, open_clients: ExitStack) -> Set:
    """The reader API at a base URL. Raises ValueError, OSError for a folder without cards."""
    hands = SimulatedHands.of(home) if home else None
    has = ({"hands"} if hands else set()) | ({"pin"} if pin else set())
    return Reader(_client(url, ca, open_clients), hands, pin), frozenset(has)


def report_of(url: str, kind: str, cases: Sequence[Case], subject: Subject, has: frozenset[str] | set[str]) -> Report:
    """The cases run now, as a report."""
    began = rocdate.now()
    return Report(url, kind, began, running.run(cases, subject, frozenset(has)))


def _client(url: str, ca: Path | None, open_clients: ExitStack) -> httpx.Client:
    verify = ssl.create_default_context(cafile=str(ca)) if ca else True
    return open_clients.enter_context(httpx.Client(base_url=url, verify=verify, timeout=_TIMEOUT))
