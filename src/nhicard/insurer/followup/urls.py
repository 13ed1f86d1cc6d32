"""URLs of the follow-up."""

from django.urls import path

from nhicard.insurer.followup import views

app_name = "followup"
urlpatterns = [
    path("", views.cases, name="cases"),
    path("cases.csv", views.cases_csv, name="cases_csv"),
    path("<int:number>", views.case, name="case"),
    path("<int:number>/<slug:action>", views.act, name="act"),
]
