"""The clinic's console: a small local web page of the agent, and the local API by which an HIS hands visits over.

>>> from nhicard.institution.console import Secrets, create_app
>>> app = create_app(Path("outbox.sqlite3"), Secrets.of(Path(".")))  # doctest: +SKIP
"""

from nhicard.institution.console.app import create_app
from nhicard.institution.console.secrets import Secrets, WeakPassword

__all__ = ["Secrets", "WeakPassword", "create_app"]
