"""Reminders to single institutions: by whatever service of the portal has one to give, with opt-out and a log."""
