"""Reminding, declining, and sending what was reminded by e-mail.

>>> from nhicard.insurer.reminders.services import Text, remind
"""

from nhicard.insurer.reminders.services.reminding import Text, choose, declined, opened, remind

__all__ = ["Text", "choose", "declined", "opened", "remind"]
