"""The comparison of 2.0 pre-checks with 1.0 uploads, and who qualifies by it (H1)."""
