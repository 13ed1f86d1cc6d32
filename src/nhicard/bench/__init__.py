"""Measurements behind docs/performance.md: every figure a ratio within one run, so that a noisy machine
does not matter."""
