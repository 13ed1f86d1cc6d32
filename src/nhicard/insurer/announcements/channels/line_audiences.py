"""Audience groups of the LINE official account, by LINE's own SDK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from linebot.v3.audience import ApiClient, Configuration, CreateAudienceGroupRequest, ManageAudience

from nhicard.insurer.announcements.channels.line_api import TIMEOUT, Account, answered

_GONE: Final = 404


@dataclass(frozen=True, slots=True)
class Standing:
    """What LINE knows of a group: how many friends are in it, and its AudienceGroupStatus."""

    members: int
    status: str


class LineAudiences:
    """The groups of the account. Every call raises NotNow, Refused."""

    def __init__(self, account: Account) -> None:
        self._configuration = Configuration(access_token=account.token, host=account.host)

    def create(self, name: str) -> int:
        """A new group without members, who are added in the account itself; its audienceGroupId."""
        with answered(), ApiClient(self._configuration) as client:
            request = CreateAudienceGroupRequest(description=name)
            made = ManageAudience(client).create_audience_group(request, _request_timeout=TIMEOUT)
        return int(made.audience_group_id)

    def look(self, group: int) -> Standing:
        """How it stands."""
        with answered(), ApiClient(self._configuration) as client:
            found = ManageAudience(client).get_audience_data(group, _request_timeout=TIMEOUT).audience_group
        return Standing(found.audience_count or 0, found.status.value if found.status else "")

    def delete(self, group: int) -> None:
        """For good; one that is gone already is no trouble."""
        with answered(done=(_GONE,)), ApiClient(self._configuration) as client:
            ManageAudience(client).delete_audience_group(group, _request_timeout=TIMEOUT)
