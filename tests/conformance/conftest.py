"""The services that the kit is pointed at."""

from tests.conformance.our_platform import platform

__all__ = ["platform"]
