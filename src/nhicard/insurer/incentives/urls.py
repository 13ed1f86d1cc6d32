"""URLs of the app: an institution's own points, or the list of those one may look at, and the settlements."""

from django.urls import path

from nhicard.insurer.incentives import views

app_name = "incentives"
urlpatterns = [
    path("", views.points, name="points"),
    path("settlements/<int:number>", views.settlement, name="settlement"),
    path("settlements/<int:number>.csv", views.settlement_csv, name="settlement_csv"),
    path("<slug:code>", views.of_institution, name="of_institution"),
]
