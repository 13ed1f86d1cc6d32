"""A day of the nation's uploads on the real services, at a fraction of its size (``nhicard simulate-day``)."""
