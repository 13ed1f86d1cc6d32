"""Where events come from, what they amount to, and settling it."""
