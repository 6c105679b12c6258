"""What layers say: services, patients, descriptions of closures, in a few words."""

from __future__ import annotations

import re
from typing import Any

from .. import names
from ..local import service_ids
from ..references import Json, child, children, target
from ..store import Store

_STEP = re.compile(r"\.(\w+)\[(\d+)\]")


def plain(text: object) -> str:
    """On one line, without the letters that steer terminals or turn the direction of reading."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))


def schedule_title(store: Store, schedule: Json) -> str:
    return plain(names.show(names.schedule_names(store, schedule), str(schedule.get("id", ""))))


def service_title(store: Store, id: str) -> str:
    service = store.read(f"HealthcareService/{id}")
    return plain(id if service is None else names.show(names.service_names(service), id))


def visit_title(store: Store, appointment: Json, *, with_patients: bool) -> str:
    """`Check-up · Ann Lee`; of what is neither booked nor held also its status."""
    services = [service_title(store, id) for id in service_ids(appointment)]
    if not services:
        services = [plain(one) for one in names.service_names({"type": appointment.get("serviceType")})][:1]
    said = [", ".join(services) or "Appointment"]
    if with_patients:
        said += [", ".join(found)] if (found := _patients(store, appointment)) else []
    status = plain(appointment.get("status", ""))
    return " · ".join([*said, *([status] if status not in ("booked", "pending") else [])])


def _patients(store: Store, appointment: Json) -> list[str]:
    found: list[str] = []
    for participant in children(appointment, "participant"):
        actor = child(participant, "actor")
        named = target(actor.get("reference"))
        if named is not None and named.type == "Patient":
            stored = store.read(str(named))
            called = [str(actor["display"])] if actor.get("display") else []
            called += names.resource_names(stored or {})
            found.append(plain(called[0] if called else named.id))
    return found


def closure_title(store: Store, label: str) -> str:
    """The description of the closure at a path such as `HealthcareService/x.notAvailable[0]`."""
    reference, _, _ = label.partition(".")
    element: Json = store.read(reference) or {}
    for name, index in _STEP.findall(label.removeprefix(reference)):
        element = dict(enumerate(children(element, name))).get(int(index), {})
    said: Any = element.get("description")
    for one in children(element, "extension"):
        if one.get("url") == "description":
            said = one.get("valueString")
    return plain(said) if isinstance(said, str) and said.strip() else "closed"
