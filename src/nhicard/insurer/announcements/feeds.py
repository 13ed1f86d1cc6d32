"""Public announcements as Atom and RSS."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.contrib.syndication.views import Feed
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed, Rss201rev2Feed

from nhicard.formats.rocdate import TAIPEI
from nhicard.insurer import clock
from nhicard.insurer.announcements.models import Announcement
from nhicard.insurer.announcements.services import audience

_MOST: Final = 50
if TYPE_CHECKING:
    _Feed = Feed[Announcement, None]
else:
    _Feed = Feed


class Rss(_Feed):
    """The newest public announcements."""

    feed_type = Rss201rev2Feed
    title = "健保資訊網 公告事項"
    description = "健保署對特約醫事機構的公開公告"
    language = "zh-tw"

    def link(self) -> str:
        return reverse("announcements:list")

    def items(self) -> Iterable[Announcement]:
        return audience.shown(clock.now()).filter(is_public=True)[:_MOST]

    def item_title(self, item: Announcement) -> str:
        return item.title

    def item_description(self, item: Announcement) -> str:
        return item.body

    def item_link(self, item: Announcement) -> str:
        return reverse("announcements:detail", args=[item.pk])

    def item_pubdate(self, item: Announcement) -> datetime:
        return item.published_at.replace(tzinfo=TAIPEI)

    def item_categories(self, item: Announcement) -> list[str]:
        return [str(item.get_section_display())]


class Atom(Rss):
    """The same as Atom."""

    feed_type = Atom1Feed  # type: ignore[assignment]  # another kind of the same generator
    subtitle = Rss.description
