"""Registering hours and holidays, finding who is open and who has not registered, files, reminders."""
