"""The CapabilityStatement: what ``/fhir/`` can do."""

from __future__ import annotations

from typing import Any, Final

from django.urls import reverse

_OPERATIONS: Final = ("dispense", "cancel")
_OAUTH_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


def statement(origin: str) -> dict[str, Any]:
    """The statement of the server at this origin (``https://host``)."""
    addresses = {
        "authorize": reverse("eprescriptions:authorize"),
        "token": reverse("oauth:token"),
        "revoke": reverse("oauth:revoke"),
    }
    uris = [{"url": name, "valueUri": origin + path} for name, path in addresses.items()]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "implementation": {"description": "nhicard: 電子處方箋 electronic prescriptions", "url": f"{origin}/fhir"},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "cors": False,
                    "service": [
                        {
                            "coding": [
                                {
                                    "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                                    "code": "OAuth",
                                }
                            ]
                        }
                    ],
                    "description": "OAuth 2: authorization code with PKCE, or client credentials; tokens of 5 minutes.",
                    "extension": [{"url": _OAUTH_URIS, "extension": uris}],
                },
                "resource": [
                    {
                        "type": "Bundle",
                        "interaction": [{"code": "create"}, {"code": "read"}, {"code": "search-type"}],
                        "searchParam": [
                            {
                                "name": "identifier",
                                "type": "token",
                                "documentation": "The access code; POST _search only, so that it stands in no URL.",
                            }
                        ],
                        "operation": [
                            {"name": name, "definition": f"urn:x-nhicard:operation:{name}"} for name in _OPERATIONS
                        ],
                    }
                ],
            }
        ],
    }
