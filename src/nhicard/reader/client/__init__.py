"""A small client of the control software and the data centre, for programs of clinics and for our own sender.

``Reader`` waits, ``AsyncReader`` is awaited; both have the same methods. Every refusal is a ``StatusError`` with
the official code; 3209 (written before) and the warnings 5010 and 5174 are no errors.
"""

from nhicard.reader.client.flows import Order, Patient, StatusError, Tap, UnusableAnswer
from nhicard.reader.client.readers import AsyncReader, Reader

__all__ = ["AsyncReader", "Order", "Patient", "Reader", "StatusError", "Tap", "UnusableAnswer"]
