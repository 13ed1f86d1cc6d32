"""URLs of the claim files."""

from django.urls import path

from nhicard.insurer.claims import views

app_name = "claims"
urlpatterns = [
    path("", views.claims, name="list"),
    path("new", views.new, name="new"),
    path("institutions/<str:code>", views.of_institution, name="of_institution"),
    path("months/<int:number>", views.month, name="month"),
    path("<int:number>", views.detail, name="detail"),
    path("<int:number>/open", views.open_findings, name="open"),
    path("<int:number>/result.zip", views.result, name="result"),
]
