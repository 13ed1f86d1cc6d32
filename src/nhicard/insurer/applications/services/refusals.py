"""Why something is not done: the name of a text ``applications.refused.<name>`` in ``texts.csv``."""

from __future__ import annotations


class Refused(Exception):
    """The step is not taken, and nothing has changed."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
