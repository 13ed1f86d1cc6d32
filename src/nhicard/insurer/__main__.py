"""``python -m nhicard.insurer COMMAND``: Django's management commands for the insurer's services."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nhicard.insurer.settings")
    execute_from_command_line(sys.argv)
