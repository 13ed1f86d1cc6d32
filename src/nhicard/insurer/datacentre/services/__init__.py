"""What the data centre does for a caller whose signature is verified; "now" is always given."""
