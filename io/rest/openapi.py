"""The OpenAPI document of the HTTP face: every route, from the data that reads requests (OpenAPI 3.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version

from ..operations.declared import OPERATIONS, REMOVED_OPERATIONS
from ..references import Json
from .definitions import PUBLISHING, TYPE
from .openapi_operations import operation_path, removed_path
from .openapi_parts import answers, body, components, in_path, in_query, reference, to_write
from .parameters import PARAMETERS
from .types import SERVED

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_VERSION = {
    "name": "If-Match",
    "in": "header",
    "description": "The version that is to be replaced, as its ETag says it.",
    "schema": {"type": "string", "pattern": '^W/"[0-9]{1,9}"$'},
}
_CONDITION = {
    "name": "If-None-Exist",
    "in": "header",
    "description": "A search; what it finds is answered instead of created.",
    "schema": {"type": "string", "pattern": "^identifier=[a-z]{1,20}$"},
}
_SINCE = in_query("_since", {"type": "string", "format": "date-time"}, "Only what changed at this instant or later.")
_COUNT = in_query("_count", {"type": "integer", "minimum": 0, "maximum": 1000}, "Most resources on a page.")


def document(base: str, *, has_tokens: bool = False) -> Json:
    """The document.

    Parameters
    ----------
    base
        The address of the FHIR base, without a slash at its end. What lies beside it is listed only where its path
        ends as the server's own does.
    has_tokens
        Are bearer tokens asked for?
    """
    own = "/fhir/R4"
    prefix = own if base.endswith(own) else ""
    paths = {f"{prefix}{path}": item for path, item in _fhir().items()}
    if prefix:
        paths |= _beside(has_tokens=has_tokens)
    found: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "slotwright",
            "version": version("slotwright"),
            "description": "Scheduling of FHIR R4 Appointments: free times are found and booked by operations; "
            "resources are read, searched and written beside them. Every answer below the base but the feed of free "
            "times is a FHIR resource, every error an OperationOutcome.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": base.removesuffix(prefix) or "/"}],
        "paths": paths,
        "components": components((*SERVED, TYPE), has_tokens=has_tokens),
    }
    if has_tokens:
        found["security"] = [{"token": []}]
        _add_unknown_tokens(paths)
    return found


def _add_unknown_tokens(paths: Mapping[str, Json]) -> None:
    """401 is an answer of all that needs a token."""
    for item in paths.values():
        for method in ("get", "post", "put", "delete"):
            if method in item and "security" not in item[method]:
                item[method]["responses"]["401"] = {"$ref": "#/components/responses/401"}


def _fhir() -> dict[str, Json]:
    """The routes below the base."""
    found: dict[str, Json] = {
        "/metadata": {"get": _get("capabilities", "What the server can do", "CapabilityStatement", "System")},
        "": {"post": _bundle()},
        "/_history": {"get": _history("history", "Changes of everything", "System")},
        f"/{TYPE}": {"get": _get("definitions", "Definitions of the operations", "Bundle", TYPE)},
        f"/{TYPE}/{{id}}": {
            "parameters": [in_path("id")],
            "get": _get("definition", "The definition of an operation", TYPE, TYPE, 404),
        },
    }
    found |= _publishing()
    for one in OPERATIONS:
        found.setdefault(f"/{one.path}", {}).update(operation_path(one))
    for path, replacement in REMOVED_OPERATIONS.items():
        found[f"/{path}"] = removed_path(path, replacement)
    for kind in SERVED:
        found |= _resource_paths(kind)
    return found


def _resource_paths(kind: str) -> dict[str, Json]:
    searched = [in_query(one.name, {"type": "string"}, f"Of type {one.kind}.") for one in PARAMETERS[kind]]
    searched += [_COUNT, in_query("_sort", {"type": "string"}, "Parameters to sort by; `-` before one turns it round.")]
    form = {"type": "object", "properties": {one["name"]: one["schema"] for one in searched}}
    written = (400, 409, 412, 413, 429)
    return {
        f"/{kind}": {
            "get": {**_get(f"search{kind}", f"Search {kind}", "Bundle", kind, 400), "parameters": searched},
            "post": {
                "operationId": f"create{kind}",
                "summary": f"Create a {kind}",
                "tags": [kind],
                "parameters": [_CONDITION],
                "requestBody": body(to_write(kind)),
                "responses": answers({200: kind, 201: kind}, *written),
            },
            "put": {
                "operationId": f"updateByCondition{kind}",
                "summary": f"Update the {kind} that a search finds, or create it",
                "tags": [kind],
                "parameters": [in_query("identifier", {"type": "string"}, "Or another search.", required=True)],
                "requestBody": body(to_write(kind)),
                "responses": answers({200: kind, 201: kind}, *written),
            },
        },
        f"/{kind}/_search": {
            "post": {
                "operationId": f"searchByForm{kind}",
                "summary": f"Search {kind} by a form",
                "tags": [kind],
                "requestBody": {"content": {_FORM: {"schema": form}}},
                "responses": answers({200: "Bundle"}, 400, 413),
            }
        },
        f"/{kind}/_history": {"get": _history(f"history{kind}", f"Changes of {kind}", kind)},
        f"/{kind}/{{id}}/_history": {
            "parameters": [in_path("id")],
            "get": _history(f"historyOf{kind}", f"Versions of a {kind}", kind, 404),
        },
        f"/{kind}/{{id}}/_history/{{version}}": {
            "parameters": [in_path("id"), in_path("version")],
            "get": _get(f"vread{kind}", f"Read a version of a {kind}", kind, kind, 404, 410),
        },
        f"/{kind}/{{id}}": {
            "parameters": [in_path("id")],
            "get": _get(f"read{kind}", f"Read a {kind}", kind, kind, 404, 410),
            "put": {
                "operationId": f"update{kind}",
                "summary": f"Update a {kind}, or create it with this id",
                "tags": [kind],
                "parameters": [_VERSION],
                "requestBody": body(to_write(kind)),
                "responses": answers({200: kind, 201: kind}, *written),
            },
            "delete": {
                "operationId": f"delete{kind}",
                "summary": f"Delete a {kind}",
                "tags": [kind],
                "parameters": [_VERSION],
                "responses": {
                    **answers({}, 400, 409, 412, 429),
                    "204": {"description": "It is deleted, or was not there."},
                },
            },
        },
    }


def _get(id: str, summary: str, kind: str, tag: str, *errors: int) -> Json:
    return {"operationId": id, "summary": summary, "tags": [tag], "responses": answers({200: kind}, *errors)}


def _history(id: str, summary: str, tag: str, *errors: int) -> Json:
    return {**_get(id, summary, "Bundle", tag, 400, *errors), "parameters": [_SINCE, _COUNT]}


def _bundle() -> Json:
    return {
        "operationId": "bundle",
        "summary": "Carry out a batch, or a transaction",
        "tags": ["System"],
        "requestBody": body(reference("RequestBundle")),
        "responses": answers({200: "Bundle"}, 400, 404, 405, 409, 410, 412, 413, 429),
    }


def _publishing() -> dict[str, Json]:
    """The feed of free times; neither its manifest nor its files are resources."""
    manifest = _plain("publish", "The manifest of the feed of free times", ("transactionTime", "request", "output"))
    file = _plain("published", "A file of the feed", ())
    file["get"]["responses"]["200"]["content"] = {"application/fhir+ndjson": {"schema": {"type": "string"}}}
    return {
        f"/${PUBLISHING}": manifest,
        f"/${PUBLISHING}/{{file}}": {
            "parameters": [{**in_path("file"), "schema": {"type": "string", "pattern": "^[a-z0-9-]+\\.ndjson$"}}],
            **file,
        },
    }


def _beside(*, has_tokens: bool) -> dict[str, Json]:
    """What lies beside the base, in JSON that is no FHIR."""
    found = {
        "/healthz": _plain("health", "Does the server answer?", ("status",)),
        "/openapi.json": _plain("openapi", "This document", ("openapi", "paths")),
    }
    for item in found.values():
        item["get"]["security"] = []
    if has_tokens:
        found["/auth/me"] = _plain("me", "Whose the token is", ("profile", "project"))
        found["/oauth2/token"] = {"post": _token()}
    return found


def _plain(id: str, summary: str, members: Sequence[str]) -> Json:
    schema = {"type": "object", "required": list(members)}
    done = {"description": summary, "content": {_JSON: {"schema": schema}}}
    return {
        "get": {
            "operationId": id,
            "summary": summary,
            "tags": ["Server"],
            "responses": {**answers({}), "200": done},
        }
    }


def _token() -> Json:
    """Client credentials (RFC 6749, 4.4); the secret is the token itself."""
    names = ("grant_type", "client_id", "client_secret")
    form = {
        "type": "object",
        "required": list(names),
        "properties": {**{one: {"type": "string"} for one in names}, "grant_type": {"const": "client_credentials"}},
    }
    granted = {
        "type": "object",
        "required": ["access_token", "token_type", "expires_in"],
        "properties": {
            "access_token": {"type": "string"},
            "token_type": {"const": "Bearer"},
            "expires_in": {"type": "integer"},
        },
    }
    return {
        "operationId": "token",
        "summary": "Log in with client credentials",
        "tags": ["Server"],
        "security": [],
        "requestBody": {"required": True, "content": {_FORM: {"schema": form}}},
        "responses": {
            **answers({}, 400, 401, 413),
            "200": {"description": "The token.", "content": {_JSON: {"schema": granted}}},
        },
    }
