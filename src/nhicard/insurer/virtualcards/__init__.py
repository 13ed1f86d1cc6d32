"""The roll-out of virtual health cards: who takes part in which setting, monthly figures, the reward list."""
