"""Inputs that are nothing but one piece, again and again: ``python -m tests.fuzz.hostile``.

Each is read by both readers within limits on this process that only disproportionate work exceeds: reading is linear,
and what takes moments here takes minutes where it is quadratic.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from typing import Final

from nhicard.formats import read
from nhicard.formats.claims import reader as claims
from nhicard.formats.reader import Reader
from nhicard.formats.tree_reader import MOST_LISTED

SIZE: Final = 1 << 18
_CPU_SECONDS: Final = 30  # it takes four
_READERS: Final[tuple[Reader, ...]] = ("kernel", "tree")
#: Beside the faults that are listed one by one: what is said of the file as a whole.
_OTHERS: Final = 8


def _alone(piece: bytes) -> Callable[[], bytes]:
    return lambda: b"<RECS>" + piece * (SIZE // len(piece))


def _within(piece: bytes, start: bytes = b"", end: bytes = b"") -> Callable[[], bytes]:
    """In the one visit of a file."""
    before = b"<RECS><REC><MSH><H00>1</H00></MSH><MB><MB1>" + start
    return lambda: before + piece * (SIZE // len(piece)) + end + b"</MB1></MB></REC></RECS>"


HOSTILE: Final[dict[str, Callable[[], bytes]]] = {
    "roots without an end": _alone(b"<RECS "),
    "roots with a long attribute": _alone(b"<RECS " + b"a" * 500),
    "records without an end": _alone(b"<REC "),
    "comments without an end": _alone(b"<!--"),
    "records with a comment without an end": _alone(b"<REC><!--"),
    "instructions between text": _alone(b"<?a?>x"),
    "other elements": _alone(b"<x/>"),
    "ends": _alone(b"</REC>"),
    "ends of roots": _alone(b"</RECS \n"),
    "spaces": _alone(b" "),
    "bytes that are no characters": _within(b"\xff ", b"<M12>", b"</M12>"),
    "such bytes beside an attribute": _within(b"\xff ", b"<M12 a='1'>", b"</M12>"),
    "such lines beside an attribute": _within(b"\xff\n", b"<M12 a='1'>", b"</M12>"),
    "unknown fields": _within(b"<X99/>"),
    "a field many times": _within(b"<M12/>"),
    "elements within elements": _within(b"<a>"),
    "sections within sections": _within(b"<![CDATA["),
    "unknown entities": _within(b"&x;", b"<M12>", b"</M12>"),
    "attributes": _within(b" a='1'", b"<M12", b"/>"),
    "totals without an end": lambda: b"<outpatient>" + b"<tdata " * (SIZE // 7),
}


def main() -> None:
    """Print how many were read; ended by the system where one is too much."""
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    for name, content in HOSTILE.items():
        data = content()
        for reader in _READERS:
            reading = claims.read if data.startswith(b"<outpatient") else read
            faults = len(reading(data, reader=reader).faults)
            assert 0 < faults <= MOST_LISTED + _OTHERS, f"{name}: {faults} faults"
    sys.stdout.write(f"{len(HOSTILE)}\n")


if __name__ == "__main__":
    main()
