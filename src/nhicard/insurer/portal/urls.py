"""The portal's own URLs."""

from django.urls import path

from nhicard.insurer.portal import views

app_name = "portal"
urlpatterns = [
    path("", views.home, name="home"),
    path("language", views.language, name="language"),
]
