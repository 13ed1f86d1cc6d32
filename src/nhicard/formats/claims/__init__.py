"""Claim files (醫療費用點數申報): outpatient, inpatient and pharmacy XML, their elements, reading and writing."""

from nhicard.formats.claims.claims import Claims, build
from nhicard.formats.claims.reader import read
from nhicard.formats.claims.tables import KINDS, Element, Kind, Table, table
from nhicard.formats.claims.writer import write

__all__ = ["KINDS", "Claims", "Element", "Kind", "Table", "build", "read", "table", "write"]
