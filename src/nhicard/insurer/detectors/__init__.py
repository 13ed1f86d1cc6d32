"""Violation analysis (違規案例分析): detectors over visits and claims, and what becomes of what they find."""
