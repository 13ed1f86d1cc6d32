"""What the insurer answered: result files read back into findings, ranked, and written for people and programs.

>>> from nhicard.institution.results import rank, read_results, together
>>> results = read_results("result.zip")  # doctest: +SKIP
>>> rank(together(results), by="code")  # doctest: +SKIP
"""

from nhicard.institution.results.ranking import rank
from nhicard.institution.results.reading import UnusableResult, read_results
from nhicard.institution.results.result import Result, Unread, together

__all__ = ["Result", "Unread", "UnusableResult", "rank", "read_results", "together"]
