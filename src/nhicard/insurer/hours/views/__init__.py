"""Pages of an institution, of the insurer, and of everybody."""
