"""OpenAPI descriptions of the APIs that publish none of their own: FHIR has its CapabilityStatement, open data a page.

Only what a generator of requests needs; docs/electronic-prescriptions.md and docs/open-data.md say what they mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

Json = dict[str, Any]
FHIR_JSON: Final = "application/fhir+json"
_TEXT: Final[Json] = {"type": "string"}


def _document(title: str, paths: Json) -> Json:
    return {"openapi": "3.0.3", "info": {"title": title, "version": "1"}, "paths": paths}


def _answers(content_type: str, *statuses: int) -> Json:
    content = {content_type: {"schema": {"type": "object"}}}
    return {str(status): {"description": "", "content": content} for status in statuses}


def _body(content_type: str, schema: Json) -> Json:
    return {"required": True, "content": {content_type: {"schema": schema}}}


def _object(required: Sequence[str], **properties: Any) -> Json:
    return {"type": "object", "required": list(required), "properties": properties}


_RESOURCE: Final = _object(
    ["resourceType"],
    resourceType={"enum": ["Composition", "Patient", "MedicationRequest", "MedicationDispense", "Bundle", "x"]},
    id=_TEXT,
    identifier={"type": "array", "items": _object([], system=_TEXT, value=_TEXT)},
)
_BUNDLE: Final = _object(
    ["resourceType", "type", "entry"],
    resourceType={"enum": ["Bundle"]},
    type={"enum": ["document", "searchset"]},
    entry={"type": "array", "maxItems": 4, "items": _object(["resource"], fullUrl=_TEXT, resource=_RESOURCE)},
)
_PARAMETER: Final = _object(["name"], name={"enum": ["accessCode", "x"]}, valueString=_TEXT)
_PARAMETERS: Final = _object(["parameter"], parameter={"type": "array", "maxItems": 3, "items": _PARAMETER})
_REFUSALS: Final = (400, 401, 403, 404, 409, 410, 413, 415, 422)


def _post(body: Json, *statuses: int) -> Json:
    return {"post": {"requestBody": body, "responses": _answers(FHIR_JSON, *statuses, *_REFUSALS)}}


FHIR: Final = _document(
    "FHIR",
    {
        "/fhir/metadata": {"get": {"responses": _answers(FHIR_JSON, 200)}},
        "/fhir/Bundle": _post(_body(FHIR_JSON, _BUNDLE), 200, 201),
        "/fhir/Bundle/_search": _post(_body("application/x-www-form-urlencoded", _object([], identifier=_TEXT)), 200),
        "/fhir/Bundle/$dispense": _post(_body(FHIR_JSON, _BUNDLE), 200, 201),
        "/fhir/Bundle/$cancel": _post(_body(FHIR_JSON, _PARAMETERS), 200),
        "/fhir/Bundle/{key}": {
            "get": {
                "parameters": [
                    {"name": "key", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}},
                    {"name": "Access-Code", "in": "header", "schema": _TEXT},
                ],
                "responses": _answers(FHIR_JSON, 200, *_REFUSALS),
            }
        },
    },
)


def _query(**schemas: Json) -> list[Json]:
    return [{"name": name, "in": "query", "schema": schema} for name, schema in schemas.items()]


OPEN_DATA: Final = _document(
    "open data",
    {
        "/opendata/api/records": {
            "get": {
                "parameters": _query(
                    q={"type": "string", "maxLength": 40},
                    division={"enum": ["1", "2", "3", "4", "5", "6"]},
                    county={"type": "string", "maxLength": 4},
                    item={"enum": ["A", "H", "H1", "H3"]},
                    day={"type": "string", "format": "date"},
                    page={"type": "integer", "minimum": 1, "maximum": 1_000_000},
                    page_size={"type": "integer", "minimum": 1, "maximum": 1000},
                ),
                "responses": _answers("application/json", 200, 400, 404),
            }
        },
        "/opendata/api/days": {"get": {"responses": _answers("application/json", 200)}},
    },
)
