"""Log lines for people and for machines; of an exception its kind and place, never its message.

A message may quote the value that the exception is about: PostgreSQL's name the key that was there already.
"""

from __future__ import annotations

import logging
import traceback
from types import TracebackType

from pythonjsonlogger.json import JsonFormatter

ExceptionFacts = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def places(error: BaseException) -> str:
    """Kind and place of an exception and of those that led to it, the first one first."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = [places(before)] if before else []
    return "\n".join([*lines, "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__])


class _Places:
    def formatException(self, ei: ExceptionFacts) -> str:  # noqa: N802 - logging's name
        return places(ei[1]) if ei[1] else ""


class Plain(_Places, logging.Formatter):
    """A line of text."""


class Json(_Places, JsonFormatter):
    """A line of JSON: ``time``, ``level``, ``logger``, ``message``, with an exception ``exc_info``."""
