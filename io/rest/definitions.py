"""OperationDefinitions: those of the scheduling operations come from the data that reads their requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version

from ..errors import NotFound, WrongMethod
from ..operations.declared import OPERATIONS, Declaration, Parameter
from ..references import Json
from ..store import Store
from .exchange import Interaction, Read, Request, Response

CHANGED = "2026-11-26"
"""When the interface last changed."""

TYPE = "OperationDefinition"
PUBLISHING = "bulk-publish"
"""The operation of the whole system, by its code; that is also the id of its definition."""
SEARCHED = {"_id": ("id", "token"), "code": ("code", "token"), "url": ("url", "uri")}
"""Search parameters: the elements they look at, which are compared as a whole, and their types."""


def definitions(request: Request) -> Interaction:
    """`OperationDefinition` with a query, or `OperationDefinition/{id}`. Raises NotFound and WrongMethod."""
    _, _, id = request.path.partition("/")
    if request.method != "GET":
        raise WrongMethod(f"{TYPE} is read with GET")
    if not id:
        return Interaction("search-type", TYPE, read=_always(_found(request.base, request.query)))
    one = next((one for one in _all(request.base) if one["id"] == id), None)
    if one is None:
        raise NotFound("Not found")
    return Interaction("read", TYPE, read=_always(Response(200, one)))


def url_of(id: str, base: str) -> str:
    """Where the definition of an operation is read."""
    return f"{base}/{TYPE}/{id}"


def definition(operation: Declaration, base: str) -> Json:
    """The OperationDefinition of one operation."""
    return {
        **_head(operation.id, operation.title, operation.documentation, base),
        "affectsState": operation.changes_state,
        "code": operation.name.removeprefix("$"),
        "resource": ["Appointment"],
        "system": False,
        "type": operation.level == "type",
        "instance": operation.level == "instance",
        "parameter": [
            *(_parameter(one, "in") for one in operation.parameters),
            _parameter(operation.returns, "out"),
        ],
    }


def publishing(base: str) -> Json:
    """The OperationDefinition of `$bulk-publish`, which has no parameters, and answers what is no FHIR resource."""
    documentation = "Answers the manifest of a SMART Scheduling Links feed of the free times, in JSON; by GET only."
    return {
        **_head(PUBLISHING, "Publish free times", documentation, base),
        "affectsState": False,
        "code": PUBLISHING,
        "system": True,
        "type": False,
        "instance": False,
    }


def _head(id: str, title: str, documentation: str, base: str) -> Json:
    return {
        "resourceType": TYPE,
        "id": id,
        "url": url_of(id, base),
        "version": version("slotwright"),
        "name": "".join(part.capitalize() for part in id.split("-")),
        "title": title,
        "status": "active",
        "kind": "operation",
        "date": CHANGED,
        "description": documentation,
    }


def _parameter(parameter: Parameter, use: str) -> Json:
    found: Json = {
        "name": parameter.name,
        "use": use,
        "min": parameter.min,
        "max": parameter.max,
        "documentation": described(parameter),
        "type": parameter.type,
    }
    if parameter.target is not None:
        found["targetProfile"] = [f"http://hl7.org/fhir/StructureDefinition/{parameter.target}"]
    if parameter.part:
        found["part"] = [_parameter(one, use) for one in parameter.part]
    return found


def described(parameter: Parameter) -> str:
    """What it is for, with the values it takes."""
    said = [parameter.documentation]
    if parameter.least is not None:
        said.append(f"{parameter.least} to {parameter.most}." if parameter.most else f"At least {parameter.least}.")
    if parameter.values:
        said.append(f"One of {', '.join(parameter.values)}.")
    default = parameter.values[0] if parameter.values else parameter.default
    if default is not None:
        said.append(f"Without it {default}.")
    return " ".join(said)


def _all(base: str) -> list[Json]:
    return [*(definition(one, base) for one in OPERATIONS), publishing(base)]


def _found(base: str, query: Mapping[str, Sequence[str]]) -> Response:
    several = _all(base)
    for name, (element, _) in SEARCHED.items():
        for value in query.get(name, ()):
            several = [one for one in several if one[element] in value.split(",")]
    entries = [{"fullUrl": one["url"], "resource": one, "search": {"mode": "match"}} for one in several]
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(several)}
    return Response(200, {**bundle, "entry": entries} if entries else bundle)


def _always(response: Response) -> Read:
    def read(_: Store) -> Response:
        return response

    return read
