"""URLs of the prescriptions' images."""

from django.urls import path

from nhicard.insurer.prescriptions import views

app_name = "prescriptions"
urlpatterns = [
    path("", views.images, name="list"),
    path("new", views.new, name="new"),
    path("<int:number>", views.detail, name="detail"),
    path("<int:number>/decide", views.decide, name="decide"),
]
