"""URLs of the violation analysis."""

from django.urls import path

from nhicard.insurer.detectors import views

app_name = "detectors"
urlpatterns = [
    path("", views.findings, name="list"),
    path("findings.csv", views.findings_csv, name="csv"),
    path("rules", views.rules, name="rules"),
    path("<int:number>", views.finding, name="finding"),
    path("<int:number>/evidence.csv", views.evidence_csv, name="evidence"),
    path("<int:number>/publish", views.publish, name="publish"),
    path("<int:number>/step/<slug:action>", views.act, name="act"),
]
