"""The two big tables by month on PostgreSQL: partitions, their storage, their archive (docs/scale-online.md)."""
