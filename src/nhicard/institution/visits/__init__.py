"""Visits as the institution knows them, and both editions of the upload written from them.

>>> from nhicard.institution.visits import Visit, Visits, write10, write20
"""

from nhicard.institution.visits.edition10 import Told10, read10, write10
from nhicard.institution.visits.edition20 import deletion20, read20, write20
from nhicard.institution.visits.table import Visits
from nhicard.institution.visits.values import InvalidVisit
from nhicard.institution.visits.visit import Order, Visit

__all__ = [
    "InvalidVisit",
    "Order",
    "Told10",
    "Visit",
    "Visits",
    "deletion20",
    "read10",
    "read20",
    "write10",
    "write20",
]
