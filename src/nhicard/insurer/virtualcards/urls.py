"""URLs of the roll-out of virtual cards."""

from django.urls import path

from nhicard.insurer.virtualcards import views

app_name = "virtualcards"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("join", views.join, name="join"),
    path("leave", views.leave, name="leave"),
    path("figures.csv", views.figures_csv, name="figures_csv"),
    path("rewards.csv", views.rewards_csv, name="rewards_csv"),
    path("institutions/<slug:code>", views.of_institution, name="of_institution"),
]
