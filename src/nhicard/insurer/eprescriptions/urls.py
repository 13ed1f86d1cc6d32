"""URLs of the portal's pages on electronic prescriptions."""

from django.urls import path

from nhicard.insurer.eprescriptions import oauth, views

app_name = "eprescriptions"
urlpatterns = [
    path("", views.overview, name="list"),
    path("clients/new", views.new_client, name="client_new"),
    path("clients/<int:number>/revoke", views.revoke_client, name="client_revoke"),
    path("authorize", oauth.authorize, name="authorize"),
]
