"""Joining and leaving, counting months, rewards."""
