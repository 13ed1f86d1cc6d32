"""Rules of edition 1.0, by family."""
