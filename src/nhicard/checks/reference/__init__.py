"""Reference lists: loaded, never assumed. A list that is missing switches its rules off."""

from nhicard.checks.reference.folder import load
from nhicard.checks.reference.reading import UnreadableList
from nhicard.checks.reference.references import Reference, References
from nhicard.checks.reference.shipped import shipped

__all__ = ["Reference", "References", "UnreadableList", "load", "shipped"]
