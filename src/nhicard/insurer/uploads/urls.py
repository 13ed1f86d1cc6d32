"""URLs of the uploads."""

from django.urls import path

from nhicard.insurer.uploads import views

app_name = "uploads"
urlpatterns = [
    path("", views.uploads, name="list"),
    path("new", views.new, name="new"),
    path("<int:number>", views.detail, name="detail"),
    path("<int:number>/result.zip", views.result, name="result"),
    path("<int:number>/errors.csv", views.errors, name="errors"),
]
