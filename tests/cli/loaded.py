"""What every command would load and build: here for the process that commands begin as copies of."""

import django.db.models
import django.urls  # noqa: F401

from nhicard.cli.app import command

command()
