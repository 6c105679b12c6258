"""Questions that a calendar itself suggests, drawn with a seed: who does what, when something is on, and what is free.

Time and again a schedule is drawn and with it a service that it is schedulable for, a window of a day, a week or a
month around something that is stored on it, and company: others of that service. What no offer answers is drawn anew.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from ..solver.civil import DAY_MS, MINUTE_MS
from . import mapping
from .instants import utc_text_ms
from .operations import invoke
from .prepared import Service
from .references import Json
from .store import Store

KINDS = ("one schedule", "all of several", "any of several")
"""What may be asked: one schedule, several that are all needed, and pools of which one each is needed."""

TRIES = 20
"""So many draws for each question, before there is taken to be none."""

_DAYS = (1, 7, 31)
_TOGETHER_MOST, _POOL_MOST = 3, 5


class Question(NamedTuple):
    """A find: a service, pools of schedules, and a window in milliseconds since the epoch."""

    service_id: str
    pools: tuple[tuple[str, ...], ...]
    start_ms: int
    end_ms: int

    def query(self, count: int = 20) -> dict[str, str | list[str]]:
        """The parameters of `$find`."""
        return {
            "start": utc_text_ms(self.start_ms),
            "end": utc_text_ms(self.end_ms),
            "service-type-reference": f"HealthcareService/{self.service_id}",
            "schedule": [",".join(f"Schedule/{one}" for one in pool) for pool in self.pools],
            "_count": str(count),
        }


class Drawer:
    """Draws questions about a store, the same for the same seed and the same resources."""

    def __init__(self, store: Store, seed: int, now: datetime) -> None:
        self._store = store
        self._random = random.Random(f"questions {seed}")
        self._now = now
        schedules = sorted(store.resources("Schedule"), key=lambda one: str(one["id"]))
        each = ((service.id, _members(store, service, schedules)) for service in _services(store))
        self._members = {id: found for id, found in each if found}
        """The schedules of each service that can be asked for, by the type of their actor."""

        self._places = sorted(
            {(schedule, id) for id, groups in self._members.items() for group in groups.values() for schedule in group}
        )

    def members(self) -> list[tuple[str, str]]:
        """Every schedule that can be asked for, with one of its services."""
        return list(dict(reversed(self._places)).items())[::-1]

    def draw(self, kind: str, count: int) -> list[Question]:
        """As many questions of one of the KINDS, each with an offer; fewer where hardly any has one."""
        found: list[Question] = []
        misses = 0
        while self._places and len(found) < count and misses < TRIES:
            question = self._suggest(kind)
            if question is not None and offers(self._store, question, self._now, 1):
                found.append(question)
                misses = 0
            else:
                misses += 1
        return found

    def _suggest(self, kind: str) -> Question | None:
        schedule_id, service_id = self._random.choice(self._places)
        groups = self._members[service_id]
        pools = ((schedule_id,),) if kind == KINDS[0] else self._company(kind, schedule_id, groups)
        if pools is None:
            return None
        begin = self._moment(schedule_id, service_id) // DAY_MS * DAY_MS
        return Question(service_id, pools, begin, begin + self._random.choice(_DAYS) * DAY_MS)

    def _company(self, kind: str, schedule_id: str, groups: dict[str, list[str]]) -> tuple[tuple[str, ...], ...] | None:
        """Pools for one more of each type of actor; where there is but one type, for others of it."""
        own = next(name for name, group in groups.items() if schedule_id in group)
        others = [group for name, group in groups.items() if name != own]
        alike = [one for one in groups[own] if one != schedule_id]
        if kind == KINDS[1]:
            if not others:
                more = self._some(alike, self._random.randint(1, _TOGETHER_MOST - 1))
            else:
                more = [self._random.choice(group) for group in others[: _TOGETHER_MOST - 1]]
            return ((schedule_id,), *((one,) for one in more)) if more else None
        if not alike and all(len(group) == 1 for group in others):
            return None
        first = (schedule_id, *self._some(alike, _POOL_MOST - 1))
        return (first, *(self._some(pool, _POOL_MOST) for pool in others))

    def _some(self, pool: Sequence[str], most: int) -> tuple[str, ...]:
        return tuple(self._random.sample(pool, min(len(pool), most)))

    def _moment(self, schedule_id: str, service_id: str) -> int:
        """When something is stored on a schedule; now, where nothing is."""
        service = self._store.prepared.service(service_id)
        assert service is not None
        claims = sorted(self._store.claims(schedule_id, service))
        if not claims:
            return int(self._now.timestamp() * 1000)
        return self._random.choice(claims).start * MINUTE_MS


def offers(store: Store, question: Question, now: datetime, count: int) -> list[Json]:
    """What a find answers; nothing where it refuses."""
    status, bundle = invoke(store, "Appointment/$find", query=question.query(count), now=now)
    return [entry["resource"] for entry in bundle.get("entry", [])] if status == 200 else []


def _services(store: Store) -> Iterator[Service]:
    for id in sorted(str(one["id"]) for one in store.resources("HealthcareService")):
        service = store.prepared.service(id)
        if service is not None and service.is_active:
            yield service


def _members(store: Store, service: Service, schedules: Sequence[Json]) -> dict[str, list[str]]:
    """The schedules among these that have one actor and are schedulable for the service, by the type of the actor."""
    found: dict[str, list[str]] = {}
    for schedule in schedules:
        if not mapping.is_schedulable(schedule, service.id):
            continue
        examined = store.prepared.examine(schedule["id"], service)
        if examined is not None and examined.is_active and len(examined.actors) == 1:
            key = examined.actor_key
            found.setdefault(key if isinstance(key, str) else key.type, []).append(examined.id)
    return dict(sorted(found.items()))
