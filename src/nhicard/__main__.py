"""``python -m nhicard`` is the command ``nhicard``."""

from nhicard.cli import main

main()
