"""A store with busy time laid over it, for one search: nothing is written."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from ...solver.capacity import Claim
from .. import mapping
from ..mapping import SlotRows, UnusableSlot
from ..prepared import Prepared, Service
from ..references import Json, Target, target
from ..store import Store
from .availability import with_hours
from .slots import Given, slots_of


class WithBusy:
    """What `store` says, and the busy time and weekly hours of some feeds."""

    is_writable = False

    def __init__(self, store: Store, rows: Mapping[str, SlotRows], changed: Mapping[Target, Json]) -> None:
        self._store = store
        self._rows = rows
        self._changed = changed
        self.prepared = Prepared(self)

    @staticmethod
    def over(store: Store, given: Sequence[Given]) -> WithBusy:
        """The store with these feeds over it."""
        slots: dict[str, list[Json]] = {}
        changed: dict[Target, Json] = {}
        for one in given:
            slots.setdefault(one.schedule_id, []).extend(slots_of(one))
            name = Target("Schedule", one.schedule_id)
            schedule = changed.get(name) or store.read(str(name))
            if one.feed.hours and schedule is not None:
                changed[name] = with_hours(schedule, one.feed.hours)
        changed |= {Target("Slot", slot["id"]): slot for several in slots.values() for slot in several}
        rows = {id: mapping.slot_rows(several, {}) for id, several in slots.items()}
        return WithBusy(store, rows, changed)

    def now(self) -> datetime:
        return self._store.now()

    @contextmanager
    def reading(self) -> Generator[WithBusy]:
        with self._store.reading() as state:
            yield WithBusy(state, self._rows, self._changed)

    def read(self, reference: str) -> Json | None:
        found = target(reference)
        changed = None if found is None else self._changed.get(found)
        return self._store.read(reference) if changed is None else changed

    def resources(self, kind: str) -> Iterator[Json]:
        own = {name.id: one for name, one in self._changed.items() if name.type == kind}
        yield from (one for one in self._store.resources(kind) if one["id"] not in own)
        yield from own.values()

    def kinds(self) -> list[str]:
        return sorted({*self._store.kinds(), *(name.type for name in self._changed)})

    def claims(self, schedule_id: str, service: Service) -> list[Claim]:
        found = self._store.claims(schedule_id, service)
        rows = self._rows.get(schedule_id)
        return found if rows is None else [*found, *mapping.claims_of(rows.rows, service.id, service.codings, {})]

    def users_of(self, slot_id: str) -> list[Json]:
        return self._store.users_of(slot_id)

    def unusable(self, schedule_id: str) -> Sequence[UnusableSlot]:
        return self._store.unusable(schedule_id)
