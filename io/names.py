"""What people call schedules, services, patients and appointments: names into ids, and ids into names to show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .errors import AmbiguousName, NameNotFound
from .references import Json
from .store import Store

_NOUNS = {
    "Schedule": "schedule",
    "HealthcareService": "service",
    "Patient": "patient",
    "Appointment": "appointment",
}


def schedule_id(store: Store, name: str) -> str:
    """The id of the Schedule that `name` names: its id, `Schedule/<id>`, or what its actor is called, if unique."""
    return _lookup(store, "Schedule", name, lambda schedule: schedule_names(store, schedule))


def service_id(store: Store, name: str) -> str:
    """The id of the HealthcareService that `name` names: its id, `HealthcareService/<id>`, or its name, if unique."""
    return _lookup(store, "HealthcareService", name, service_names)


def patient_id(store: Store, name: str) -> str:
    """The id of the Patient that `name` names: its id, `Patient/<id>`, or its name, if unique."""
    return _lookup(store, "Patient", name, resource_names)


def appointment_id(store: Store, name: str) -> str:
    """The id of the Appointment that `name` names: its id or `Appointment/<id>`."""
    return _lookup(store, "Appointment", name, lambda _: iter(()))


def schedule_names(store: Store, schedule: Json) -> Iterator[str]:
    """What a Schedule may be called, the best to show first."""
    for actor in _objects(schedule.get("actor")):
        yield from _texts(actor.get("display"))
        reference = actor.get("reference")
        found = store.read(reference) if isinstance(reference, str) else None
        yield from resource_names(found or {})
    yield from _texts(schedule.get("comment"))


def service_names(service: Json) -> Iterator[str]:
    """What a HealthcareService may be called, the best to show first."""
    yield from _texts(service.get("name"))
    for concept in _objects(service.get("type")):
        yield from _texts(concept.get("text"))
        for coding in _objects(concept.get("coding")):
            yield from _texts(coding.get("display"))


def show(names: Iterable[str], id: str) -> str:
    """The first name, or the id where there is none."""
    return next(iter(names), id)


def resource_names(resource: Json) -> Iterator[str]:
    """The names of an actor or a patient, whose elements nobody has judged."""
    name: Any = resource.get("name")
    yield from _texts(name)
    for one in _objects(name):
        yield from _texts(one.get("text"))
        parts = [text for key in ("prefix", "given") for word in _list(one.get(key)) for text in _texts(word)]
        yield from _texts(" ".join([*parts, *_texts(one.get("family"))]))
    for device_name in _objects(resource.get("deviceName")):
        yield from _texts(device_name.get("name"))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []  # type: ignore[reportUnknownVariableType]


def _objects(value: Any) -> list[Json]:
    """The objects of a list, nothing for anything else."""
    return [one for one in _list(value) if isinstance(one, dict)]


def _texts(value: Any) -> list[str]:
    """The value if it is a text that says something."""
    return [value] if isinstance(value, str) and value.strip() else []


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _lookup(store: Store, kind: str, name: str, names_of: Callable[[Json], Iterator[str]]) -> str:
    bare = name.removeprefix(f"{kind}/")
    if "/" not in bare and store.read(f"{kind}/{bare}") is not None:
        return bare
    called: dict[str, set[str]] = {}
    shown: dict[str, str] = {}
    for resource in store.resources(kind):
        id: str = resource["id"]
        called.setdefault(_plain(id), set()).add(id)
        for other in names_of(resource):
            called.setdefault(_plain(other), set()).add(id)
            shown.setdefault(id, other)
    found = called.get(_plain(bare), set())
    if len(found) == 1:
        return next(iter(found))
    noun = _NOUNS[kind]
    if found:
        ids = ", ".join(sorted(found))
        raise AmbiguousName(f"'{name}' is the name of several {noun}s: {ids}. Give one of these ids.")
    near = _near(_plain(bare), called)
    named = [f"{id} ({shown[id]})" if id in shown else id for id in near]
    if named:
        raise NameNotFound(f"No {noun} is called '{name}'. Did you mean {' or '.join(named)}?")
    there = sorted({id for ids in called.values() for id in ids})
    raise NameNotFound(f"No {noun} is called '{name}'. {_there(kind, there)}")


def _there(kind: str, ids: Sequence[str]) -> str:
    """What could have been meant instead, or how it comes there."""
    if not ids:
        return f"There is no {kind} at all: give a calendar that has one, or fill the ledger by slotwright ledger load."
    some = ", ".join(ids[:10])
    there = f"There are: {some}." if len(ids) <= 10 else f"There are {len(ids):,}: {some}, …."
    return f"{there} slotwright list shows those of a ledger." if kind == "Appointment" else there


def _near(name: str, called: dict[str, set[str]]) -> list[str]:
    """The ids whose names come nearest, at most three."""
    import difflib

    close = difflib.get_close_matches(name, called, n=6, cutoff=0.6)
    close += [one for one in called if len(name) > 2 and name in one and one not in close]
    ids: dict[str, None] = {}
    for one in close:
        ids.update(dict.fromkeys(sorted(called[one])))
    return list(ids)[:3]
