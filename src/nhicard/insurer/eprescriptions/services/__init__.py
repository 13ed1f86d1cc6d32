"""What may be done with an electronic prescription."""
