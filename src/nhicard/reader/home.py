"""Where the control software keeps its things on this machine, and what the user set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from platformdirs import user_data_path

PORT: Final = 5066
LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one installation; its parts come into being when they are first written."""

    folder: Path

    @classmethod
    def default(cls) -> Home:
        """The user's own."""
        return cls(user_data_path("nhicard") / "reader")

    @property
    def cards(self) -> Path:
        """Images of simulated cards, by the name that their owner gave them."""
        return self.folder / "cards"

    @property
    def slots(self) -> Path:
        """What is in the software readers."""
        return self.folder / "slots"

    @property
    def cloud_sam(self) -> Path:
        """The folder of the virtual reader COMX1: one cloud SAM file."""
        return self.folder / "COMX1"

    @property
    def https(self) -> Path:
        """The service's certificate."""
        return self.folder / "https"

    @property
    def root(self) -> Path:
        """The insurer's root certificate, to recognise cards without a network."""
        return self.folder / "root.pem"


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``nhicard reader serve`` was told.

    ``origins``: web pages that may call the service from a browser. ``datacentre_ca``: certificate file to trust
    for the data centre beside the system's. ``home_care``: virtual cards are recognised without a network.
    """

    home: Home
    datacentre: str
    datacentre_ca: Path | None = None
    host: str = "127.0.0.1"
    port: int = PORT
    origins: tuple[str, ...] = ()
    pcsc: bool = True
    home_care: bool = False
