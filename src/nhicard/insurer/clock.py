"""The moment of a request: the one place where the services learn what time it is."""

from datetime import datetime

from nhicard.formats import rocdate


def now() -> datetime:
    """Naive Taipei time."""
    return rocdate.now()
