"""The LINE official account, by LINE's own SDK: one message an audience group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from linebot.v3.messaging import (
    ApiClient,
    AudienceRecipient,
    BroadcastRequest,
    Configuration,
    MessagingApi,
    NarrowcastRequest,
    TextMessage,
)

from nhicard.insurer.announcements.channels.channel import Message
from nhicard.insurer.announcements.channels.line_api import TIMEOUT, Account, answered
from nhicard.insurer.announcements.models import Announcement
from nhicard.insurer.announcements.services import line_groups

#: LINE's address for everybody who follows the account.
EVERYBODY: Final = "everybody"
_LONGEST: Final = 5000
_SEEN_BEFORE: Final = 409  # the same retry key was accepted already


class LineChannel:
    """The account that speaks to its followers."""

    name = "line"

    def __init__(self, account: Account) -> None:
        self._configuration = Configuration(access_token=account.token, host=account.host)

    def addresses(self, announcement: Announcement) -> Sequence[str]:
        """The groups whose members together are its audience; segments that have none are left out."""
        if not (announcement.divisions or announcement.kinds or announcement.specialties):
            return [EVERYBODY]
        return sorted({str(group) for group in line_groups.of(announcement).values() if group})

    def send(self, address: str, message: Message, key: UUID) -> None:
        text = f"【{message.subject}】\n{message.text}"[: _LONGEST - len(message.link) - 1] + f"\n{message.link}"
        messages = [TextMessage(text=text)]
        with answered(done=(_SEEN_BEFORE,)), ApiClient(self._configuration) as client:
            api = MessagingApi(client)
            if address == EVERYBODY:
                request = BroadcastRequest(messages=messages)
                api.broadcast(request, x_line_retry_key=str(key), _request_timeout=TIMEOUT)
            else:
                recipient = AudienceRecipient(audienceGroupId=int(address))
                narrow = NarrowcastRequest(messages=messages, recipient=recipient)
                api.narrowcast(narrow, x_line_retry_key=str(key), _request_timeout=TIMEOUT)
