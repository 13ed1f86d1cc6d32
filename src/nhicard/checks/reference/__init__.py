"""Reference lists: loaded, never assumed. A list that is missing switches its rules off."""

from nhicard.checks.reference.references import Reference, References, shipped

__all__ = ["Reference", "References", "shipped"]
