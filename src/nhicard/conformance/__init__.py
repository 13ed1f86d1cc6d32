"""The conformance kit: numbered cases that can be pointed at any implementation of the Web API or the reader API.

Cases are data (``data/*.yaml``, ``data/findings.csv``), each with the source that it cites (``data/sources.csv``);
``steps`` are the few things that a case can do, ``expectations`` the few that it can ask of an answer.
"""
