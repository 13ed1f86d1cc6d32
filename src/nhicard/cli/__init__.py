"""The command ``nhicard``: thin over the rooms."""

from nhicard.cli.app import main

__all__ = ["main"]
