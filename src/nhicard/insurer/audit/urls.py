"""URLs of the app."""

from django.urls import path

from nhicard.insurer.audit import views

app_name = "audit"
urlpatterns = [
    path("", views.log, name="log"),
    path("log.csv", views.as_csv, name="csv"),
    path("verify", views.verify, name="verify"),
]
