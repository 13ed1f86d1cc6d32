"""nhicard: Taiwan's NHI card visit-data uploads, formats 1.0 and 2.0.

>>> import nhicard
>>> batch = nhicard.read("upload.xml")  # doctest: +SKIP
>>> findings = nhicard.check(batch)  # doctest: +SKIP
>>> nhicard.write(batch)  # doctest: +SKIP
"""

from nhicard.checks import Context, Findings, check
from nhicard.formats import Batch, Fault, UnusableInput, read, scan, write

__version__ = "0.1.0"
__all__ = ["Batch", "Context", "Fault", "Findings", "UnusableInput", "check", "read", "scan", "write"]
