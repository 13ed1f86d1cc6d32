"""``nhicard reader``: the control software, its cards and SAMs."""

from nhicard.cli.reader.app import app

__all__ = ["app"]
