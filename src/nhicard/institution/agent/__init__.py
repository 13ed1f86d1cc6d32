"""The agent: sends every visit of the outbox in time, follows up, and tells what is still to be done.

>>> from nhicard.institution.agent import Agent
"""

from nhicard.institution.agent.agent import Agent, Policy

__all__ = ["Agent", "Policy"]
