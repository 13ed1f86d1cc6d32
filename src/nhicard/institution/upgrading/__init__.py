"""From edition 1.0 to 2.0: what can be converted, and what is still missing."""

from nhicard.institution.upgrading.upgrade import Upgrade, upgrade

__all__ = ["Upgrade", "upgrade"]
