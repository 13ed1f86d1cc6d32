"""The outbox: every visit that the institution has to report, and what became of it, in one SQLite file.

>>> from nhicard.institution.outbox import Outbox
>>> outbox = Outbox("outbox.sqlite3")  # doctest: +SKIP
"""

from nhicard.institution.outbox.kinds import KINDS, Kind, kinds_on
from nhicard.institution.outbox.store import Outbox
from nhicard.institution.outbox.taking import Taken, take, withdraw

__all__ = ["KINDS", "Kind", "Outbox", "Taken", "kinds_on", "take", "withdraw"]
