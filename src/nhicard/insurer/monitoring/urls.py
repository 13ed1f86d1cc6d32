"""URLs of the app: an institution's own report, or the list of those one may look at, and what lies behind."""

from django.urls import path

from nhicard.insurer.monitoring import views

app_name = "monitoring"
urlpatterns = [
    path("", views.entrance, name="report"),
    path("<slug:code>", views.of_institution, name="of_institution"),
    path("<slug:code>/records", views.records, name="records"),
    path("<slug:code>/records/<int:number>", views.record, name="record"),
    path("<slug:code>/records/<int:number>/show", views.show, name="show"),
    path("<slug:code>/report.csv", views.report_csv, name="csv"),
    path("<slug:code>/details.zip", views.details_zip, name="zip"),
    path("<slug:code>/qualify", views.qualify, name="qualify"),
    path("<slug:code>/qualifications/<int:number>", views.evidence, name="evidence"),
]
