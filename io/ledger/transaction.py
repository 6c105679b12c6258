"""One write: resources put and deleted, what is derived from them kept in step, entries appended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from .. import mapping
from ..errors import VersionConflict
from ..instants import utc_text_ms
from ..references import Json, Target, target
from .database import Database, EntryRow, ResourceRow, SavepointName
from .derived import Derived
from .entries import ORIGIN, Change, new_id, sealed
from .state import State


class Mark(NamedTuple):
    """Where a transaction stands, to come back to it."""

    name: SavepointName
    last: EntryRow | None


class Transaction:
    """What an operation writes with; lives from BEGIN to COMMIT.

    Changes are visible at once to whoever reads through it. `append` closes the entry they belong to.
    """

    def __init__(self, state: State, identity: str, last: EntryRow | None, clock: datetime) -> None:
        self.state = state
        self._derived = Derived(state)
        self._identity = identity
        self.last = last
        self._changes: list[Change] = []
        self._made = 0
        self._touched: set[Target] = set()
        """All that was written, Slots and Appointments left out."""
        self._last_lapse: EntryRow | None = None
        self.notes_only = False
        """Whether something was noted that is worth a commit without an entry: what was loaded, and was there."""
        self.now_ms, self._now_text = -(2**62), ""
        self.set_clock(clock)

    def set_clock(self, clock: datetime) -> None:
        """Take a reading of the clock; the time of the last entry wins if that is later (model 6)."""
        self._clock_ms = int(clock.timestamp() * 1000)
        before = self.now_ms
        self.now_ms = max(self._clock_ms, self.last.time if self.last is not None else self._clock_ms)
        if self.now_ms != before:
            self._now_text = utc_text_ms(self.now_ms)

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_ms / 1000, UTC)

    @property
    def seq(self) -> int:
        """The number of the entry being written."""
        return (self.last.seq if self.last is not None else 0) + 1

    # Reading

    def read(self, reference: str) -> Json | None:
        return self.state.read(reference)

    def resources(self, kind: str) -> list[Json]:
        return list(self.state.resources(kind))

    def slots_of(self, schedule_id: str) -> list[Json]:
        """The Slots of a schedule that count."""
        return self.state.slots_of(schedule_id)

    # Writing

    def new_id(self) -> str:
        self._made += 1
        return new_id(self._identity, self.seq, self._made)

    def create(self, resource: Json) -> Json:
        """Store a resource under a new id; what `meta` and `id` it has are dropped."""
        rest = {name: value for name, value in resource.items() if name not in ("resourceType", "id", "meta")}
        return self.put({"resourceType": resource["resourceType"], "id": self.new_id(), **rest})

    def put(
        self,
        resource: Json,
        *,
        expected: int | None = None,
    ) -> Json:
        """Store a resource with an id; returns it as stored, with its version and time.

        `expected` is the version it must have now, 0 for none.
        """
        kind, id = resource["resourceType"], resource["id"]
        row = self.state.database.resource(kind, id)
        self._check_version(kind, id, row, expected)
        version = 1 if row is None else row.version + 1
        given: Any = resource.get("meta")
        meta: Json = {
            **(given if isinstance(given, dict) else {}),
            "versionId": str(version),
            "lastUpdated": self._now_text,
        }
        rest = {name: value for name, value in resource.items() if name not in ("resourceType", "id", "meta")}
        stored: Json = {"resourceType": kind, "id": id, "meta": meta, **rest}
        content = orjson.dumps(stored)
        self._record(Target(kind, id), version, content, row)
        old = None if row is None or row.content is None else orjson.loads(row.content)
        self._derived.change(kind, id, old, stored)
        return stored

    def put_booking(self, appointment: Json, slots: Sequence[Json]) -> list[Json]:
        """Store an Appointment and its Slots, all with new ids and judged; returns them as stored."""
        stored = self._put_new([appointment, *slots])
        self._derived.change("Appointment", appointment["id"], None, stored[0], fresh=True)
        self._derived.add_slots(stored[1:], stored[0], appointment["id"])
        return stored

    def put_slots(self, slots: Sequence[Json], appointment: Json) -> list[Json]:
        """Store Slots with new ids, judged for this Appointment, which is stored already; returns them as stored."""
        stored = self._put_new(slots)
        self._derived.add_slots(stored, appointment, appointment["id"])
        return stored

    def _put_new(self, resources: Sequence[Json]) -> list[Json]:
        """Store resources whose ids are new, in as few statements as can be."""
        seq, place = self.seq, len(self._changes)
        self.state.prepared.forget_claims()
        stored: list[Json] = []
        bodies: list[tuple[int, bytes]] = []
        rows: list[tuple[str, str, int, int, int]] = []
        for resource in resources:
            place += 1
            kind, id = resource["resourceType"], resource["id"]
            made: Json = {"resourceType": kind, "id": id, "meta": None, **resource}
            made["meta"] = {"versionId": "1", "lastUpdated": self._now_text}
            content = orjson.dumps(made)
            number = Database.number(seq, place)
            stored.append(made)
            bodies.append((number, content))
            rows.append((kind, id, 1, number, seq))
            self._changes.append(Change(f"{kind}/{id}", 1, sha256(content).hexdigest()))
        self.state.database.add_bodies(bodies)
        self.state.database.add_resources(rows)
        return stored

    def delete(self, reference: str, *, expected: int | None = None) -> None:
        """Delete a resource; nothing happens if there is none."""
        found = target(reference)
        row = None if found is None else self.state.database.resource(found.type, found.id)
        if found is not None:
            self._check_version(found.type, found.id, row, expected)
        if found is None or row is None or row.content is None:
            return
        self._record(found, row.version + 1, None, row)
        self._derived.change(found.type, found.id, orjson.loads(row.content), None)

    def check_version(self, name: Target, expected: int | None) -> None:
        """Raises VersionConflict if a resource has another version than expected, 0 for none."""
        self._check_version(name.type, name.id, self.state.database.resource(name.type, name.id), expected)

    def _check_version(self, kind: str, id: str, row: ResourceRow | None, expected: int | None) -> None:
        current = row.version if row is not None and row.content is not None else 0
        if expected is not None and expected != current:
            there = f"has version {current}" if current else "does not exist"
            raise VersionConflict(f"{kind}/{id} {there}, expected version {expected}.")

    def _record(self, name: Target, version: int, content: bytes | None, row: ResourceRow | None) -> None:
        database = self.state.database
        number = None
        if content is not None:
            number = database.add_body(self.seq, len(self._changes) + 1, content)
        self._changes.append(Change(str(name), version, None if content is None else sha256(content).hexdigest()))
        database.set_resource(name.type, name.id, version, number, self.seq if row is None else row.origin)
        if name.type not in ("Slot", "Appointment"):
            self._touched.add(name)
        self.state.changed(name)

    # Entries

    def append(self, kind: str, input: Json | bytes) -> None:
        """Close the entry: everything put and deleted since the last one is its doing."""
        content = input if isinstance(input, bytes) else orjson.dumps(input, option=orjson.OPT_PASSTHROUGH_DATACLASS)
        prev = ORIGIN if self.last is None else self.last.hash
        stepped_back = self._clock_ms if self._clock_ms < self.now_ms else None
        row = sealed(self.seq, self.now_ms, stepped_back, kind, content, self._changes, prev)
        self.state.database.add_body(row.seq, 0, content)
        self.state.database.add_entry(row)
        self.last = row
        self._changes = []
        self._made = 0

    def lapse(self) -> Mark | None:
        """Record the holds that have lapsed (model 16), an entry each. To be followed by `finish`."""
        lapsed = self.state.database.lapsed(self.now_ms)
        if not lapsed:
            return None
        mark = self.mark("lapses")
        for id in lapsed:
            appointment = self.read(f"Appointment/{id}")
            assert appointment is not None
            appointment["status"] = "cancelled"
            appointment["cancelationReason"] = {"text": mapping.EXPIRED}
            for slot in mapping.slot_ids(appointment):
                self.delete(f"Slot/{slot}")
            self.put(appointment)
            self.append("lapse", {"who": None, "operation": f"Appointment/{id}"})
        self._last_lapse = self.last
        return mark

    def finish(self, kind: str, input: Json | bytes, lapses: Mark | None) -> None:
        """Close the entry, if anything was written; if not, the lapses wait for a write that does."""
        if self._changes:
            self.append(kind, input)
        if lapses is not None:
            if self.last is self._last_lapse:
                self.undo(lapses)
            else:
                self.keep(lapses)

    # Coming back

    def mark(self, name: SavepointName = "job") -> Mark:
        """To be called between entries."""
        self.state.database.savepoint(name)
        return Mark(name, self.last)

    def keep(self, mark: Mark) -> None:
        self.state.database.keep(mark.name)

    def undo(self, mark: Mark) -> None:
        """Back to the mark: nothing since then has happened."""
        self.state.database.undo(mark.name)
        self.abandon(mark.last)

    def abandon(self, last: EntryRow | None) -> None:
        """Forget everything after an entry; the database is, or will be, back there too."""
        self.last = last
        self.notes_only = False
        self._changes = []
        self._made = 0
        for name in self._touched:
            self.state.changed(name)
        self.state.prepared.forget_claims()
