"""Who has earned which points, as of any day, and what each division pays. See docs/incentives.md."""
