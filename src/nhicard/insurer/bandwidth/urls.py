"""URLs of the line fee subsidy."""

from django.urls import path

from nhicard.insurer.bandwidth.views import institution, insurer

app_name = "bandwidth"
urlpatterns = [
    path("", insurer.overview, name="list"),
    path("apply", institution.apply, name="apply"),
    path("leave", institution.leave, name="leave"),
    path("evidence", institution.evidence, name="evidence"),
    path("evidence/<int:number>", insurer.bill, name="bill"),
    path("missing", insurer.missing, name="missing"),
    path("enrolments/<int:number>", insurer.enrolment, name="enrolment"),
    path("enrolments/<int:number>/decide", insurer.decide, name="decide"),
    path("settlements/<int:number>", insurer.settlement, name="settlement"),
]
