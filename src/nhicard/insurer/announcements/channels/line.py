"""The LINE official account, by LINE's own SDK: one message an audience group."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final
from uuid import UUID

from linebot.v3.messaging import (
    ApiClient,
    ApiException,
    AudienceRecipient,
    BroadcastRequest,
    Configuration,
    MessagingApi,
    NarrowcastRequest,
    TextMessage,
)
from urllib3.exceptions import HTTPError

from nhicard.insurer.announcements.channels.channel import Message, NotNow, Refused
from nhicard.insurer.announcements.models import Announcement, LineAudience

#: LINE's address for everybody who follows the account.
EVERYBODY: Final = "everybody"
_LONGEST: Final = 5000
_SEEN_BEFORE: Final = 409  # the same retry key was accepted already
_TIMEOUT: Final = (5.0, 20.0)


class LineChannel:
    """``token``: the channel access token; ``host``: another one only in tests."""

    name = "line"

    def __init__(self, token: str, host: str = "https://api.line.me") -> None:
        self._configuration = Configuration(access_token=token, host=host)

    def addresses(self, announcement: Announcement) -> Sequence[str]:
        """The groups whose members together are its audience; those that are not in the table are left out."""
        if not announcement.divisions and not announcement.kinds:
            return [EVERYBODY]
        wanted = product(announcement.divisions or [None], announcement.kinds or [""])
        known = {(each.division, each.kind): each.group for each in LineAudience.objects.all()}
        return sorted({str(known[pair]) for pair in wanted if pair in known})

    def send(self, address: str, message: Message, key: UUID) -> None:
        text = f"【{message.subject}】\n{message.text}"[: _LONGEST - len(message.link) - 1] + f"\n{message.link}"
        messages = [TextMessage(text=text)]
        try:
            with ApiClient(self._configuration) as client:
                api = MessagingApi(client)
                if address == EVERYBODY:
                    request = BroadcastRequest(messages=messages)
                    api.broadcast(request, x_line_retry_key=str(key), _request_timeout=_TIMEOUT)
                else:
                    recipient = AudienceRecipient(audienceGroupId=int(address))
                    narrow = NarrowcastRequest(messages=messages, recipient=recipient)
                    api.narrowcast(narrow, x_line_retry_key=str(key), _request_timeout=_TIMEOUT)
        except ApiException as error:
            status = error.status or 0
            if status == _SEEN_BEFORE:
                return
            if status == 429 or status >= 500:
                raise NotNow(f"HTTP {status}") from None
            raise Refused(f"HTTP {status}") from None
        except (HTTPError, OSError) as error:
            raise NotNow(type(error).__name__) from None
