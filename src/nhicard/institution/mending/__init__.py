"""Mending files: the repairs that are safe are made and told, what only a person can decide is left to one.

>>> from nhicard import read
>>> from nhicard.institution.mending import fix
>>> fixed = fix(read("upload.xml"))  # doctest: +SKIP
>>> fixed.changes, fixed.left  # doctest: +SKIP
"""

from nhicard.institution.mending.fixing import CHANGES, LEFT, Fixed, Mender, fix
from nhicard.institution.mending.repair import Repair, repairs

__all__ = ["CHANGES", "LEFT", "Fixed", "Mender", "Repair", "fix", "repairs"]
