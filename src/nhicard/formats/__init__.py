"""Formats: the official tables, ROC dates, the Big5 codec, reading and writing of both editions."""

from nhicard.formats.batch import Batch, Fault, build, concat
from nhicard.formats.reader import UnusableInput, read, scan
from nhicard.formats.tables import EDITIONS, Edition, Field, codes, fields, order_fields, visit_fields
from nhicard.formats.writer import write

__all__ = [
    "EDITIONS",
    "Batch",
    "Edition",
    "Fault",
    "Field",
    "UnusableInput",
    "build",
    "codes",
    "concat",
    "fields",
    "order_fields",
    "read",
    "scan",
    "visit_fields",
    "write",
]
