"""Addresses for programs: FHIR and OAuth."""

from django.urls import URLPattern, URLResolver, include, path

from nhicard.insurer.eprescriptions import api, oauth

_FHIR = [
    path("metadata", api.metadata, name="metadata"),
    path("Bundle", api.by_method(POST=api.prescribe, GET=api.search_by_url), name="bundles"),
    path("Bundle/_search", api.search, name="search"),
    path("Bundle/$dispense", api.dispense, name="dispense"),
    path("Bundle/$cancel", api.cancel, name="cancel"),
    path("Bundle/<uuid:key>", api.read, name="bundle"),
]
_OAUTH = [
    path("token", oauth.token, name="token"),
    path("revoke", oauth.revoke, name="revoke"),
]
urlpatterns: list[URLPattern | URLResolver] = [
    path("fhir/", include((_FHIR, "fhir"))),
    path("oauth/", include((_OAUTH, "oauth"))),
    path(".well-known/oauth-authorization-server", oauth.server_metadata, name="oauth-server"),
]
