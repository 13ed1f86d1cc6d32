"""Where visits come from: spreadsheets and the databases of a HIS, told as ``Visits`` with what could not be read.

>>> from nhicard.institution.sources import load_mapping, read_tables
>>> from nhicard.institution.sources.sql import SqlSource  # loads SQLAlchemy
"""

from nhicard.institution.sources.mapping import SqlMapping, UnreadableDatabase, UnusableMapping
from nhicard.institution.sources.mapping_file import load_mapping
from nhicard.institution.sources.sheets import UnusableTable
from nhicard.institution.sources.table import read_tables
from nhicard.institution.sources.told import DOUBTS, Told

__all__ = [
    "DOUBTS",
    "SqlMapping",
    "Told",
    "UnreadableDatabase",
    "UnusableMapping",
    "UnusableTable",
    "load_mapping",
    "read_tables",
]
