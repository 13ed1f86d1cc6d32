"""URLs of the app."""

from django.urls import path

from nhicard.insurer.applications.views import applying, deciding, query

app_name = "applications"
urlpatterns = [
    path("new", applying.new, name="new"),
    path("new/apply", applying.apply, name="apply"),
    path("cases", query.cases, name="cases"),
    path("cases/<slug:number>", query.case, name="case"),
    path("cases/<slug:number>/<slug:action>", deciding.act, name="act"),
    path("attachments/<int:pk>", query.attachment, name="attachment"),
    path("work", deciding.work, name="work"),
    path("work/decide", deciding.bulk, name="bulk"),
]
