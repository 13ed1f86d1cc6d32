"""Public URLs: the page, the files of the latest day and of every other, and the API."""

from django.urls import path

from nhicard.insurer.opendata import api, views

app_name = "opendata"
urlpatterns = [
    path("", views.page, name="page"),
    path("latest/<str:name>", views.latest, name="latest"),
    path("days/<str:day>/<str:name>", views.of_day, name="of_day"),
    path("api/records", api.records, name="records"),
    path("api/days", api.days, name="days"),
]
