"""URLs of the SAMs."""

from django.urls import path

from nhicard.insurer.securitymodules import views

app_name = "securitymodules"
urlpatterns = [
    path("", views.security_modules, name="list"),
    path("apply", views.apply, name="apply"),
    path("applications/<int:number>/file", views.download, name="download"),
    path("applications/<int:number>/decision", views.decide, name="decide"),
    path("<int:number>/revocation", views.revoke, name="revoke"),
    path("institutions/<slug:code>", views.of_institution, name="of_institution"),
]
