"""Where a search looks: by the ledger's indexes where they lead to few resources, else at all of the type."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

import orjson

from ..instants import ceil_minute, floor_minute
from ..ledger.state import State
from ..ledger.terms import ACTOR, IDENTIFIER, IDLE, day_term, term
from ..references import Json, Target, target
from .criteria import Criterion, bounds, local, plain
from .elements import FOREVER
from .parameters import TARGETS
from .query import Search

_ACTORS = {"Schedule": ("actor",), "Appointment": ("actor", *TARGETS)}


_FEW = 5_000
"""Slots of a status that are looked up one by one; of a status that more have, any page is soon full."""


def candidates(state: State, search: Search, base: str) -> list[str] | None:
    """The ids, in order, of those among which all that are sought lie; None: no index leads there."""
    ids = _ids(state, search, base)
    return None if ids is None else sorted(set(ids))


def resources_of(state: State, kind: str, ids: list[str] | None, after: str = "") -> Iterator[Json]:
    """The resources with these ids, or all of a type, by id; only those after one id."""
    if ids is not None:
        found = (state.read(f"{kind}/{id}") for id in ids[bisect_right(ids, after) :])
        yield from (one for one in found if one is not None)
        return
    while page := state.database.page(kind, after):
        for _, content in page:
            yield orjson.loads(content)
        after = page[-1][0]


def _ids(state: State, search: Search, base: str) -> Iterable[str] | None:
    criteria = [one for one in search.criteria if one.is_plain]
    for one in criteria:
        if one.parameter.name == "_id":
            return [plain(value) for value in one.values]
    for one in criteria:
        names = _terms(search.kind, one, base)
        if names is not None:
            return [id for name in names for id in state.database.bearers(search.kind, name)]
    if search.kind == "Slot":
        return _slots(state, criteria, base)
    return _of_days(state, criteria) if search.kind == "Appointment" else None


def _terms(kind: str, one: Criterion, base: str) -> list[str] | None:
    """The terms of all that can meet the condition; None if there are no terms for it."""
    if one.parameter.name == "identifier":
        codes = [_identifier(value) for value in one.values]
        return None if None in codes else [term(IDENTIFIER, code) for code in codes if code is not None]
    if one.parameter.name in _ACTORS.get(kind, ()):
        actors = [_actor(one.parameter.name, local(plain(value), base)) for value in one.values]
        return None if None in actors else [term(ACTOR, str(actor)) for actor in actors if actor is not None]
    return None


def _identifier(value: str) -> str | None:
    """The value in `system|value`; None where it is not given, or written with escapes."""
    code = value.partition("|")[2] if "|" in value else value
    return None if "\\" in value or "|" in code else code or None


def _actor(parameter: str, value: str) -> Target | None:
    name = target(value)
    if name is None and "/" not in value and parameter in TARGETS:
        return Target(TARGETS[parameter], value)
    return name


def _of_days(state: State, criteria: list[Criterion]) -> list[str] | None:
    """Appointments by the days on which they may start."""
    span = bounds(one for one in criteria if one.parameter.name == "date")
    if span == (-FOREVER, FOREVER):
        return None
    return state.database.bearers_between("Appointment", day_term(span.low), f"{day_term(span.high)}~")


def _slots(state: State, criteria: list[Criterion], base: str) -> list[str] | None:
    """Slots of given schedules, or between given times, by their claims; and those that have none."""
    span = bounds(one for one in criteria if one.parameter.name == "start")
    asked = next((one for one in criteria if one.parameter.name == "schedule"), None)
    database = state.database
    low, high = floor_minute(span.low), ceil_minute(span.high) + 1
    found: list[str] = []
    if asked is not None:
        for schedule in _schedules(asked, base):
            found += database.slots_starting(schedule, low, high)
            found += [row.slot for row in database.unusable(schedule)]
            found += database.bearers("Slot", term(IDLE, schedule))
        return found + database.bearers("Slot", term(IDLE, ""))
    if span.low == -FOREVER or span.high == FOREVER:
        of_status = _of_status(state, criteria)
        if of_status is None:
            return None
        found += of_status
    else:
        for schedule in list(database.claimed_schedules()):
            found += database.slots_starting(schedule, low, high)
    return [*found, *database.unusable_slots(), *database.bearers_between("Slot", f"{IDLE}=", f"{IDLE}>")]


def _of_status(state: State, criteria: list[Criterion]) -> list[str] | None:
    """Slots of a status that few have."""
    asked = next((one for one in criteria if one.parameter.name == "status"), None)
    if asked is None:
        return None
    statuses = [plain(value).rpartition("|")[2] for value in asked.values]
    if "" in statuses:
        return None
    found = state.database.slots_of_status(statuses, _FEW + 1)
    return found if len(found) <= _FEW else None


def _schedules(one: Criterion, base: str) -> list[str]:
    names = (local(plain(value), base) for value in one.values)
    return [name.id if (name := target(value)) is not None else value for value in names]
