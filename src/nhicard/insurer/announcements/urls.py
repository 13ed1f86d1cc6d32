"""URLs of the announcements."""

from django.urls import path

from nhicard.insurer.announcements import feeds, views

app_name = "announcements"
urlpatterns = [
    path("", views.announcements, name="list"),
    path("new", views.new, name="new"),
    path("feed.atom", feeds.Atom(), name="atom"),
    path("feed.rss", feeds.Rss(), name="rss"),
    path("<int:number>", views.detail, name="detail"),
    path("<int:number>/files/<int:file>", views.file, name="file"),
]
