"""URLs of the tax documents."""

from django.urls import path

from nhicard.insurer.taxes import views

app_name = "taxes"
urlpatterns = [
    path("", views.overview, name="list"),
    path("documents/<int:number>/<slug:form>", views.download, name="download"),
    path("paper", views.paper_batch, name="paper"),
]
