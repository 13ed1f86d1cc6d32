"""The insurer's URLs."""

from django.urls import path

from nhicard.insurer.datacentre.api import api as datacentre

urlpatterns = [path("", datacentre.urls)]
