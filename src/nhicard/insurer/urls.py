"""The insurer's URLs."""

from django.urls import path

from nhicard.insurer.datacentre.api import api as datacentre
from nhicard.insurer.intake.api import api as intake

urlpatterns = [path("", datacentre.urls), path("", intake.urls)]
