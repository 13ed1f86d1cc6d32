"""Physicians abroad (醫師出國期間看診): absences, what names an absent physician, and the cases made of it."""
