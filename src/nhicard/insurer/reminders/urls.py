"""URLs of the reminders."""

from django.urls import path

from nhicard.insurer.reminders import views

app_name = "reminders"
urlpatterns = [
    path("", views.reminders, name="list"),
    path("choose", views.choose, name="choose"),
]
