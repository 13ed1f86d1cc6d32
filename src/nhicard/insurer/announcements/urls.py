"""URLs of the announcements."""

from django.urls import path

from nhicard.insurer.announcements import feeds
from nhicard.insurer.announcements.views import deliveries, line, reading, writing

app_name = "announcements"
urlpatterns = [
    path("", reading.announcements, name="list"),
    path("new", writing.new, name="new"),
    path("feed.atom", feeds.Atom(), name="atom"),
    path("feed.rss", feeds.Rss(), name="rss"),
    path("line", line.groups, name="line"),
    path("line/refresh", line.refresh, name="line_refresh"),
    path("line/<int:number>/remove", line.remove, name="line_remove"),
    path("deliveries", deliveries.tallies, name="tallies"),
    path("<int:number>", reading.detail, name="detail"),
    path("<int:number>/files/<int:file>", reading.file, name="file"),
    path("<int:number>/deliveries", deliveries.deliveries, name="deliveries"),
    path("<int:number>/retry", deliveries.retry, name="retry"),
]
