"""The state of the model of the ledger, writes to it, and how requests are read (operations 1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ledger_model_parameters import Refused, Resources, not_found
from ledger_model_proposals import without, written
from oracle import Resource, has_lapsed, instant


@dataclass(frozen=True)
class Made:
    """What one `$book` or `$hold` was asked for (operations 3)."""

    operation: str
    proposal: object
    identifiers: frozenset[tuple[str | None, str]]
    appointments: tuple[str, ...]


@dataclass(frozen=True)
class State:
    resources: Resources
    last: datetime
    made: tuple[Made, ...] = ()
    versions: Mapping[str, int] = field(default_factory=dict[str, int])
    loaded: Mapping[str, Resource] = field(default_factory=dict[str, Resource])
    tokens: int = 0


@dataclass(frozen=True)
class Outcome:
    status: int
    state: State
    resources: list[Resource]
    refusal: Refused | None = None


class Draft:
    """A state while it is being changed: lapses are recorded before anything else."""

    def __init__(self, state: State, clock: datetime):
        self.before = state
        self.now = max(clock, state.last)
        self.resources = dict(state.resources)
        self.versions = dict(state.versions)
        self.made = list(state.made)
        self.tokens = state.tokens
        for one in state.resources.values():
            if one["resourceType"] == "Appointment" and has_lapsed(one, self.now):
                self.put({**one, "status": "cancelled", "cancelationReason": {"text": "Hold expired"}})
                for slot in references(one):
                    if slot in self.resources:
                        self.delete(slot)

    def state(self) -> State:
        return replace(
            self.before,
            resources=self.resources,
            last=self.now,
            made=tuple(self.made),
            versions=self.versions,
            tokens=self.tokens,
        )

    def token(self) -> str:
        self.tokens += 1
        return f"~{self.tokens}~"

    def put(self, resource: Resource) -> Resource:
        reference = reference_of(resource)
        self.versions[reference] = self.versions.get(reference, 0) + 1
        meta = {"versionId": str(self.versions[reference]), "lastUpdated": written(self.now)}
        self.resources[reference] = {**without(resource, "meta"), "meta": meta}
        return self.resources[reference]

    def delete(self, reference: str) -> None:
        del self.resources[reference]
        self.versions[reference] += 1

    def with_slots(self, appointment: Resource) -> list[Resource]:
        return [appointment, *(self.resources[one] for one in references(appointment) if one in self.resources)]


def write(state: State, clock: datetime, status: int, work: Callable[[Draft], tuple[list[Resource], bool]]) -> Outcome:
    """One transaction: `work` gives the answer, and whether something is written."""
    draft = Draft(state, clock)
    try:
        resources, is_written = work(draft)
    except Refused as refusal:
        return Outcome(refusal.status, state, [], refusal)
    return Outcome(status if is_written else 200, draft.state() if is_written else state, resources)


# Writes that are no operations


def load(state: State, resources: Iterable[Resource], clock: datetime) -> State:
    """What the source has changed since it was last loaded is stored; if that changes nothing, nothing is written."""
    changed = [one for one in resources if state.loaded.get(reference_of(one)) != one]
    loaded = {**state.loaded, **{reference_of(one): one for one in changed}}
    draft = Draft(state, clock)
    stored = [one for one in changed if without(draft.resources.get(reference_of(one), {}), "meta") != one]
    for one in stored:
        draft.put(one)
    return replace(draft.state() if stored else state, loaded=loaded)


def put(state: State, resource: Resource, clock: datetime) -> State:
    draft = Draft(state, clock)
    draft.put(resource)
    return draft.state()


def delete(state: State, reference: str, clock: datetime) -> State:
    draft = Draft(state, clock)
    draft.delete(reference)
    return draft.state()


# Requests


def checked(body: Resource | None) -> Resource:
    if body is not None and body.get("resourceType") != "Parameters":
        raise Refused("Invalid request body")
    return body or {}


def named(body: Resource, name: str) -> list[Resource]:
    return [one for one in body.get("parameter", []) if one.get("name") == name]


def given(body: Resource, name: str, *kinds: str) -> list[Any]:
    return [one[kind] for one in named(body, name) for kind in kinds if kind in one]


def referred(body: Resource, name: str) -> list[str]:
    values = given(body, name, "valueReference", "valueString", "valueUri")
    return [one if isinstance(one, str) else one["reference"] for one in values]


def check_number(name: str, card: str, values: Sequence[object]) -> None:
    least = 0 if card.startswith("0") else 1
    if len(values) < least or (len(values) > 1 and not card.endswith("*")):
        raise Refused(f"Expected {card} value(s) for input parameter {name}, but {len(values)} provided")


def stored_appointment(draft: Draft, id: str) -> Resource:
    found = draft.resources.get(f"Appointment/{id}")
    if found is None:
        raise not_found()
    return found


def date_at_midnight(text: str) -> datetime | None:
    try:
        return instant(text) if len(text) == 10 else None
    except ValueError:
        return None


def reference_of(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def references(appointment: Resource) -> list[str]:
    return [one["reference"] for one in appointment.get("slot", [])]
