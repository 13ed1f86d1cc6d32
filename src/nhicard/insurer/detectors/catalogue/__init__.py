"""The detectors, a module a subject. To add one, write the function, its parameters and its cases."""

from nhicard.insurer.detectors.catalogue import volumes  # isort: skip
from nhicard.insurer.detectors.catalogue import people  # isort: skip
from nhicard.insurer.detectors.catalogue import cards  # isort: skip
from nhicard.insurer.detectors.catalogue import times  # isort: skip
from nhicard.insurer.detectors.catalogue import refills  # isort: skip

__all__ = ["cards", "people", "refills", "times", "volumes"]
