"""Parts of the OpenAPI document that its routes share: schemas, answers, errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..outcome import FAULTS
from ..references import Json

FHIR = "application/fhir+json"
MEDIA = (FHIR, "application/json")
_ID = {"type": "string", "pattern": "^[A-Za-z0-9\\-.]{1,64}$"}
_EVERYWHERE = (403, 404, 405, 406, 413, 415, 429, 500, 503)
"""What every route below the base may answer."""

_STATUSES = "proposed pending booked arrived fulfilled cancelled noshow entered-in-error checked-in waitlist"
_INSTANT = {"type": "string", "format": "date-time"}
_REFERENCE = {"type": "object", "properties": {"reference": {"type": "string"}}}
_ELEMENTS: Mapping[str, Mapping[str, Json]] = {
    "Schedule": {"active": {"type": "boolean"}, "actor": {"type": "array", "items": _REFERENCE, "minItems": 1}},
    "Slot": {
        "schedule": _REFERENCE,
        "status": {"enum": ["free", "busy", "busy-unavailable", "busy-tentative", "entered-in-error"]},
        "start": _INSTANT,
        "end": _INSTANT,
    },
    "Appointment": {
        "status": {"enum": _STATUSES.split()},
        "start": _INSTANT,
        "end": _INSTANT,
        "participant": {"type": "array", "items": {"type": "object"}, "minItems": 1},
    },
    "HealthcareService": {"active": {"type": "boolean"}, "name": {"type": "string", "minLength": 1}},
}
"""The elements that scheduling reads; others are taken as FHIR has them."""

_REQUIRED: Mapping[str, Sequence[str]] = {
    "Schedule": ("actor",),
    "Slot": ("schedule", "status", "start", "end"),
    "Appointment": ("status", "participant"),
}


def reference(name: str) -> Json:
    """The schema of a name."""
    return {"$ref": f"#/components/schemas/{name}"}


def in_path(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": _ID}


def in_query(name: str, schema: Json, description: str, *, required: bool = False) -> Json:
    return {"name": name, "in": "query", "required": required, "description": description, "schema": schema}


def to_write(kind: str) -> Json:
    """The schema of a resource that is sent. What is stored may be of earlier days, and is answered as it is."""
    elements: Json = {
        "type": "object",
        "required": list(_REQUIRED.get(kind, ())),
        "properties": _ELEMENTS.get(kind, {}),
    }
    return {"allOf": [reference(kind), elements]} if elements["properties"] else reference(kind)


def body(schema: Json, *, required: bool = True) -> Json:
    return {"required": required, "content": {one: {"schema": schema} for one in MEDIA}}


def answers(successes: Mapping[int, str], *errors: int) -> Json:
    """The statuses of a route: those of success with the types they answer, and errors beside those of all routes."""
    found: Json = {
        str(status): {
            "description": f"The {kind}.",
            "content": {FHIR: {"schema": reference(kind)}},
        }
        for status, kind in successes.items()
    }
    for status in sorted({*errors, *_EVERYWHERE}):
        found[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return found


def components(kinds: Sequence[str], *, has_tokens: bool) -> Json:
    """Schemas, and a response for each status that an error may have."""
    schemas = {one: _resource(one) for one in kinds}
    schemas |= {one: _resource(one) for one in ("CapabilityStatement", "Parameters")} | _shared()
    found: Json = {"schemas": schemas, "responses": _errors()}
    if has_tokens:
        found["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return found


def _resource(kind: str) -> Json:
    return {
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": {"const": kind}, "id": _ID},
    }


def _shared() -> Json:
    issue = {
        "type": "object",
        "required": ["severity", "code", "details"],
        "properties": {
            "severity": {"enum": ["fatal", "error", "warning", "information"]},
            "code": {"type": "string"},
            "details": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
            "diagnostics": {"type": "string"},
            "expression": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        },
        "additionalProperties": False,
    }
    asked = {
        "type": "object",
        "required": ["request"],
        "properties": {
            "fullUrl": {"type": "string", "pattern": "^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
            "resource": {"type": "object", "required": ["resourceType"]},
            "request": {
                "type": "object",
                "required": ["method", "url"],
                "properties": {
                    "method": {"enum": ["GET", "POST", "PUT", "DELETE"]},
                    "url": {"type": "string"},
                    "ifMatch": {"type": "string"},
                    "ifNoneExist": {"type": "string"},
                },
            },
        },
    }
    return {
        "OperationOutcome": {
            "type": "object",
            "required": ["resourceType", "issue"],
            "properties": {
                "resourceType": {"const": "OperationOutcome"},
                "issue": {"type": "array", "minItems": 1, "items": issue},
            },
        },
        "Bundle": {
            "type": "object",
            "required": ["resourceType", "type"],
            "properties": {
                "resourceType": {"const": "Bundle"},
                "type": {"enum": ["searchset", "history", "batch-response", "transaction-response"]},
                "total": {"type": "integer", "minimum": 0},
                "entry": {"type": "array", "minItems": 1, "items": {"type": "object"}},
            },
        },
        "RequestBundle": {
            "type": "object",
            "required": ["resourceType", "type"],
            "properties": {
                "resourceType": {"const": "Bundle"},
                "type": {"enum": ["batch", "transaction"]},
                "entry": {"type": "array", "items": asked},
            },
        },
    }


def _errors() -> Json:
    """Each status with the classes of errors that have it, from the one table of errors."""
    said: dict[int, list[str]] = {500: ["An unexpected failure."]}
    codes: dict[int, set[str]] = {500: {"exception"}}
    for kind, fault in FAULTS.items():
        first = (kind.__doc__ or kind.__name__).strip().splitlines()[0]
        said.setdefault(fault.status, []).append(first)
        codes.setdefault(fault.status, set()).add(fault.code)
    return {
        str(status): {
            "description": f"{', '.join(sorted(codes[status]))}: {' '.join(dict.fromkeys(said[status]))}",
            "content": {FHIR: {"schema": reference("OperationOutcome")}},
        }
        for status in sorted(said)
    }
