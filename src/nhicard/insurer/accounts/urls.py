"""URLs of the app."""

from django.urls import path

from nhicard.insurer.accounts import views

app_name = "accounts"
urlpatterns = [
    path("", views.me, name="me"),
    path("login", views.login, name="login"),
    path("login/card", views.card, name="card"),
    path("login/code", views.second, name="second"),
    path("login/setup", views.enrol, name="enrol"),
    path("logout", views.logout, name="logout"),
    path("password", views.password, name="password"),
    path("recovery", views.recovery, name="recovery"),
    path("session/<int:number>/end", views.end_session, name="end-session"),
]
