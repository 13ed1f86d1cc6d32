"""Made-up upload files that look real and are right, and known errors planted in them.

>>> from datetime import datetime
>>> from nhicard.synthetic import generate, plant
>>> batch = generate("2.0", visits=100, seed=1, as_of=datetime(2026, 11, 20, 12))
>>> wrong, planted = plant(batch, rate=0.05, seed=1)
"""

from importlib.resources import files
from importlib.resources.abc import Traversable

from nhicard.synthetic.generator import generate, slices
from nhicard.synthetic.plants import plant


def examples() -> Traversable:
    """The six records that the 1.0 specification prints (Annex 4), as one Big5 file.

    They illustrate the format and are no valid upload: several required fields are missing.
    """
    return files(__package__) / "data" / "examples10" / "annex4_all.xml"


__all__ = ["examples", "generate", "plant", "slices"]
