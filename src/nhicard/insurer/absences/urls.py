"""URLs of physicians abroad."""

from django.urls import path

from nhicard.insurer.absences import views

app_name = "absences"
urlpatterns = [
    path("", views.cases, name="cases"),
    path("cases.csv", views.cases_csv, name="cases_csv"),
    path("reports", views.reports, name="reports"),
    path("reports/<int:number>/withdraw", views.withdraw, name="withdraw"),
    path("<int:number>", views.case, name="case"),
    path("<int:number>/<slug:action>", views.act, name="act"),
]
