"""What can be done with claim files; pages and the worker call these."""
