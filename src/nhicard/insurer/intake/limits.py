"""What one sender may send, so that nobody can choke the rest."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from typing import Final

from nhicard.insurer.intake.return_codes import OTHER, Returned

LARGEST_UPLOAD: Final = 160 * 1024 * 1024
MOST_RECORDS: Final = 120_000
_MINUTE: Final = 60
_REC: Final = re.compile(rb"<REC[\s>]")
_SHORTEST: Final = len(b"<REC>")


def require_size(content: bytes) -> None:
    """Raises Returned where the file is too large or has too many records."""
    if len(content) > LARGEST_UPLOAD:
        raise Returned(OTHER, f"檔案超過 {LARGEST_UPLOAD:,} 位元組，請分檔上傳 file too large; split it")
    if not content:
        raise Returned(OTHER, "檔案沒有內容 the file is empty")
    if len(content) > MOST_RECORDS * _SHORTEST and sum(1 for _ in _REC.finditer(content)) > MOST_RECORDS:
        raise Returned(
            OTHER, f"超過 {MOST_RECORDS:,} 筆，請分檔上傳 more records than {MOST_RECORDS:,}; split the file"
        )


class Rate:
    """How many times each sender came within the last minute, in this process; ``most``: how many times it may.

    ``told``: what one that came too often is told after that number.
    """

    def __init__(self, most: int, told: str = "請稍後再傳 too many uploads a minute; wait a little") -> None:
        self._most = most
        self._told = told
        self._times: dict[str, deque[float]] = {}
        self._swept = 0.0
        self._lock = threading.Lock()

    def require(self, sender: str) -> None:
        """Count one more; raises Returned where there are too many."""
        now = time.monotonic()
        with self._lock:
            self._sweep(now)
            times = self._times.setdefault(sender, deque())
            while times and now - times[0] > _MINUTE:
                times.popleft()
            if len(times) >= self._most:
                raise Returned(OTHER, f"每分鐘最多 {self._most} 次，{self._told}")
            times.append(now)

    def _sweep(self, now: float) -> None:
        """Forget, once a minute, who sent nothing for one: senders that come once must not fill the memory."""
        if now - self._swept > _MINUTE:
            recent = {sender: times for sender, times in self._times.items() if times and now - times[-1] <= _MINUTE}
            self._times = recent
            self._swept = now
