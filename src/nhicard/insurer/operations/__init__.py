"""What operators need: health, readiness, metrics, backup and restore."""
