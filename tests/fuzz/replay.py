"""Kept inputs through their targets once more: ``python -m tests.fuzz.replay TARGET...``; prints how many they were."""

from __future__ import annotations

import sys

from tests.fuzz.targets import TARGETS
from tests.fuzz.test_fuzz_corpus import kept

if __name__ == "__main__":
    inputs = [(name, path) for name in sys.argv[1:] for path in kept(name)]
    for name, path in inputs:
        TARGETS[name].check(path.read_bytes())
    sys.stdout.write(f"{len(inputs)}\n")
