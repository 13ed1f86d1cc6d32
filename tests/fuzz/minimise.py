"""The smallest kept corpus that reaches as many lines: ``python -m tests.fuzz.minimise FOUND [TARGET...]``.

Of the kept inputs and those in FOUND, the smallest first, each stays that reaches a line of ours which none before did.
The kernel has to be interpreted for that (this program sees to it).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.run import CORPUS, ROOT

_OURS = str(ROOT / "src")
Line = tuple[str, int]


def reached(check: Any, data: bytes) -> set[Line]:
    """The lines of our code that an input reaches."""
    lines: set[Line] = set()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(_OURS):
            return None
        if event == "line":
            lines.add((name, frame.f_lineno))
        return trace

    sys.settrace(trace)
    try:
        check(data)
    finally:
        sys.settrace(None)
    return lines


def minimise(name: str, found: Path) -> None:
    """Renew one target's corpus."""
    from tests.fuzz.targets import TARGETS

    check, kept = TARGETS[name].check, CORPUS / name
    contents = {path.read_bytes() for folder in (kept, found) if folder.is_dir() for path in folder.iterdir()}
    for content in contents:
        check(content)  # caches are filled: what is reached once is not what this input reaches
        break
    known: set[Line] = set()
    chosen = []
    for content in sorted(contents, key=lambda each: (len(each), each)):
        if new := reached(check, content) - known:
            known |= new
            chosen.append(content)
    for path in kept.iterdir():
        path.unlink()
    for place, content in enumerate(chosen):
        (kept / f"{place:03}").write_bytes(content)
    sys.stdout.write(f"{name}: {len(chosen)} of {len(contents)} inputs reach {len(known)} lines\n")


if __name__ == "__main__":
    if os.environ.get("NUMBA_DISABLE_JIT") != "1":
        os.execve(sys.executable, [sys.executable, "-m", "tests.fuzz.minimise", *sys.argv[1:]],
                  os.environ | {"NUMBA_DISABLE_JIT": "1"})  # fmt: skip
    for each in sys.argv[2:] or sorted(path.name for path in CORPUS.iterdir()):
        minimise(each, Path(sys.argv[1]) / each)
