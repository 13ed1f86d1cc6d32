"""The control software: cards, card readers, and the local service that a clinic's own program talks to."""
