"""Publishing, and who sees what."""
