"""The data centre that the control software talks to: taps, identifiers, prescriptions, virtual cards, cloud SAMs."""
