"""Loading births, running the rules, and the steps of people."""
