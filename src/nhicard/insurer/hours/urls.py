"""URLs of the hours inside the portal. A holiday is everybody's, so it is asked for by a parameter, not by the path."""

from django.urls import path

from nhicard.insurer.hours.views import insurer, own

app_name = "hours"
urlpatterns = [
    path("", own.mine, name="mine"),
    path("regular", own.regular_hours, name="regular"),
    path("holiday", own.holiday, name="holiday"),
    path("overview", insurer.overview, name="overview"),
    path("announce", insurer.announce, name="announce"),
    path("withdraw/<int:number>", insurer.withdraw, name="withdraw"),
    path("standing", insurer.standing, name="standing"),
    path("standing.csv", insurer.standing_csv, name="standing_csv"),
    path("institution/<str:code>", insurer.institution, name="institution"),
]
