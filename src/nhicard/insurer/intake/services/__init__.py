"""What the intake does; "now" is always given."""
