"""Ways out of the portal: each knows whom it reaches and how to tell one of them."""

from nhicard.insurer.announcements.channels.channel import Channel, NotNow, Refused
from nhicard.insurer.announcements.channels.configured import configured, has_line, line_audiences

__all__ = ["Channel", "NotNow", "Refused", "configured", "has_line", "line_audiences"]
