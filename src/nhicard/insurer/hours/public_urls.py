"""URLs for everybody: who is open, and the file of fixed hours."""

from django.urls import path

from nhicard.insurer.hours.views import public

app_name = "opening"
urlpatterns = [
    path("", public.page, name="page"),
    path("fixed-hours.csv", public.fixed_hours, name="fixed_hours"),
]
