"""What all calls of LINE's own SDK have in common: where, with which token, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from linebot.v3.audience import ApiException as AudienceException
from linebot.v3.messaging import ApiException as MessagingException
from urllib3.exceptions import HTTPError

from nhicard.insurer.announcements.channels.channel import NotNow, Refused

TIMEOUT: Final = (5.0, 20.0)


@dataclass(frozen=True, slots=True)
class Account:
    """``token``: the channel access token; ``host``: another one only in tests."""

    token: str
    host: str = "https://api.line.me"


@contextmanager
def answered(*, done: tuple[int, ...] = ()) -> Iterator[None]:
    """A call whose answer is LINE's; ``done``: errors after which all is as was wished. Raises NotNow, Refused."""
    try:
        yield
    except (MessagingException, AudienceException) as error:
        status = error.status or 0
        if status in done:
            return
        if status == 429 or status >= 500:
            raise NotNow(f"HTTP {status}") from None
        raise Refused(f"HTTP {status}") from None
    except (HTTPError, OSError) as error:
        raise NotNow(type(error).__name__) from None
