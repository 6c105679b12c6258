"""The CapabilityStatement, from the data that reads requests (FHIR R4, capabilitystatement.html)."""

from __future__ import annotations

from importlib.metadata import version

from ..errors import WrongMethod
from ..operations.declared import OPERATIONS
from ..references import Json
from ..store import Store
from .definitions import CHANGED, PUBLISHING, SEARCHED, TYPE, url_of
from .exchange import Interaction, Request, Response
from .parameters import PARAMETERS
from .types import SERVED

FHIR_VERSION = "4.0.1"
_INTERACTIONS = ("read", "vread", "search-type", "create", "update", "delete", "history-instance", "history-type")
_SYSTEM = ("batch", "transaction", "history-system")


def capabilities(request: Request) -> Interaction:
    """`GET metadata`. Raises WrongMethod."""
    if request.method != "GET":
        raise WrongMethod("metadata is read with GET")

    def read(_: Store) -> Response:
        return Response(200, statement(request.base))

    return Interaction("capabilities", read=read)


def statement(base: str) -> Json:
    """What is served below a base."""
    return {
        "resourceType": "CapabilityStatement",
        "id": "slotwright",
        "url": f"{base}/metadata",
        "version": version("slotwright"),
        "name": "Slotwright",
        "title": "slotwright",
        "status": "active",
        "date": CHANGED,
        "kind": "instance",
        "software": {"name": "slotwright", "version": version("slotwright")},
        "implementation": {"description": "Scheduling over one ledger.", "url": base},
        "fhirVersion": FHIR_VERSION,
        "format": ["application/fhir+json", "application/json", "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "Free times are found and booked by the operations of Appointment; resources are "
                "read, searched and written beside them.",
                "resource": [*(_resource(one, base) for one in SERVED), _operations()],
                "interaction": [{"code": one} for one in _SYSTEM],
                "operation": [{"name": PUBLISHING, "definition": url_of(PUBLISHING, base)}],
            }
        ],
    }


def _resource(kind: str, base: str) -> Json:
    found: Json = {
        "type": kind,
        "interaction": [{"code": one} for one in _INTERACTIONS],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalRead": "not-match",
        "conditionalUpdate": True,
        "conditionalDelete": "not-supported",
        "searchParam": [{"name": one.name, "type": one.kind} for one in PARAMETERS[kind]],
    }
    if kind == "Appointment":
        found["operation"] = [
            {
                "name": one.name.removeprefix("$"),
                "definition": url_of(one.id, base),
                "documentation": f"{'GET or ' if not one.changes_state else ''}POST {one.path}: {one.documentation}",
            }
            for one in OPERATIONS
        ]
    return found


def _operations() -> Json:
    """What describes the operations can be read too."""
    return {
        "type": TYPE,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "searchParam": [{"name": name, "type": kind} for name, (_, kind) in SEARCHED.items()],
    }
