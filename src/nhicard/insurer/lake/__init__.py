"""Days that are over, out of the tables into the lake."""
