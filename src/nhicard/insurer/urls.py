"""The insurer's URLs: services for programs, and the portal for people under ``/portal/``."""

from django.urls import include, path

from nhicard.insurer.datacentre.api import api as datacentre
from nhicard.insurer.intake.api import api as intake
from nhicard.insurer.operations import views as operations

urlpatterns = [
    path("health", operations.health),
    path("ready", operations.ready),
    path("metrics", operations.exposition),
    path("", datacentre.urls),
    path("", intake.urls),
    path("portal/", include("nhicard.insurer.portal.urls")),
    path("portal/account/", include("nhicard.insurer.accounts.urls")),
    path("portal/audit/", include("nhicard.insurer.audit.urls")),
    path("portal/announcements/", include("nhicard.insurer.announcements.urls")),
    path("portal/uploads/", include("nhicard.insurer.uploads.urls")),
    path("portal/monitoring/", include("nhicard.insurer.monitoring.urls")),
    path("portal/applications/", include("nhicard.insurer.applications.urls")),
]
