"""Smart cards: whatever answers APDUs is a card, a real one in a reader as much as a simulated one."""
