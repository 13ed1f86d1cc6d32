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
    path("portal/reminders/", include("nhicard.insurer.reminders.urls")),
    path("portal/security-modules/", include("nhicard.insurer.securitymodules.urls")),
    path("portal/virtual-cards/", include("nhicard.insurer.virtualcards.urls")),
    path("portal/followup/", include("nhicard.insurer.followup.urls")),
    path("portal/claims/", include("nhicard.insurer.claims.urls")),
    path("portal/absences/", include("nhicard.insurer.absences.urls")),
    path("portal/detectors/", include("nhicard.insurer.detectors.urls")),
    path("portal/uploads/", include("nhicard.insurer.uploads.urls")),
    path("portal/monitoring/", include("nhicard.insurer.monitoring.urls")),
    path("portal/applications/", include("nhicard.insurer.applications.urls")),
    path("portal/incentives/", include("nhicard.insurer.incentives.urls")),
    path("opendata/", include("nhicard.insurer.opendata.urls")),
    path("portal/prescriptions/", include("nhicard.insurer.prescriptions.urls")),
    path("portal/eprescriptions/", include("nhicard.insurer.eprescriptions.urls")),
    path("", include("nhicard.insurer.eprescriptions.api_urls")),
    path("portal/taxes/", include("nhicard.insurer.taxes.urls")),
    path("portal/bandwidth/", include("nhicard.insurer.bandwidth.urls")),
    path("portal/hours/", include("nhicard.insurer.hours.urls")),
    path("hours/", include("nhicard.insurer.hours.public_urls")),
]
