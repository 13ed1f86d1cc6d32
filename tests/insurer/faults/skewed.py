"""A command of ours whose clock is wrong: ``python -m tests.insurer.faults.skewed SECONDS ...``."""

from __future__ import annotations

import sys
from datetime import timedelta

from nhicard.cli import main
from nhicard.formats import rocdate
from nhicard.insurer import clock

if __name__ == "__main__":
    wrong_by = timedelta(seconds=float(sys.argv[1]))
    clock.now = lambda: rocdate.now() + wrong_by
    sys.argv[1:] = sys.argv[2:]
    main()
