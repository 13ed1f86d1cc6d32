"""What the pages of both sides share: the style sheet, htmx and the icon. No code, and nothing of either side."""

from importlib.resources import files
from typing import Final

#: The folder that the console and the portal serve.
STATIC: Final = files(__package__) / "static"
