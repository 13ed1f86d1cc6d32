"""Rules of edition 2.0, by family."""
