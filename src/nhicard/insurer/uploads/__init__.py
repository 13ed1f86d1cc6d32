"""Uploads by hand: a file sent from the browser, looked at before it is kept, and its result."""
