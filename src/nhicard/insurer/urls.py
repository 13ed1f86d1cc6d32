"""The insurer's URLs."""

from django.urls import path

from nhicard.insurer.datacentre.api import api as datacentre
from nhicard.insurer.intake.api import api as intake
from nhicard.insurer.operations import views as operations

urlpatterns = [
    path("health", operations.health),
    path("ready", operations.ready),
    path("metrics", operations.exposition),
    path("", datacentre.urls),
    path("", intake.urls),
]
