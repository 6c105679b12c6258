"""The tables of docs/tables.md as a store, read where and when something of them is asked."""

from __future__ import annotations

import mmap
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from ...solver.capacity import Claim
from ...solver.runs import Columns, Flags
from ...solver.sweep import Stored
from .. import mapping
from ..arrow import arrow, compute
from ..columns import APPOINTMENTS, OTHERS, RULES, SCHEDULES, SLOTS
from ..compiled import COMPILED_FILE
from ..errors import LoadError
from ..mapping import NEVER_BOOKED, UnusableSlot
from ..prepared import Prepared, Service
from ..references import Json, target
from ..resources import fault
from ..table_reader import check_table
from .rules import RuleTable
from .slots import Appointments, ParquetColumns, SlotColumns, arrow_faults, read_compiled, read_slots

_COMPILED_MOST = 2**29
"""Minutes from the epoch up to which searches can rely on the compiled form, a thousand years."""


def is_tables(path: Path) -> bool:
    """Is it a folder with the tables of a calendar?"""
    return all((path / table.file).is_file() for table in (SCHEDULES, RULES))


class TableStore:
    """A `Store` over a folder of tables.

    Slots are columns of integers (`slots`), claims are made of them for one schedule at a time. Labels of claims are
    empty: nothing here leaves out an Appointment's Slots, or names them.

    Parameters
    ----------
    origin
        Minutes since the epoch; what is asked lies within a thousand years of it.
    now
        When holds are judged.
    """

    is_writable = False

    def __init__(self, folder: Path, origin: int, now: datetime) -> None:
        if not is_tables(folder):
            raise LoadError(
                f"{folder} holds no tables: expected {SCHEDULES.file}, {RULES.file}, {SLOTS.file} and the others, as "
                "`slotwright compile` and `slotwright ledger export --format parquet` write them."
            )
        self.folder = folder
        self.origin = origin
        self._now = now
        self._groups: dict[int, Any] = {}
        self.prepared = Prepared(self)

    def now(self) -> datetime:
        return self._now

    @property
    def now_ms(self) -> int:
        return int(self._now.timestamp() * 1000)

    @contextmanager
    def reading(self) -> Generator[TableStore]:
        yield self

    # Resources

    @cached_property
    def _schedule_file(self) -> ParquetColumns:
        file = ParquetColumns(self.folder / SCHEDULES.file)
        check_table(file.schema, SCHEDULES, file.path)
        return file

    @cached_property
    def schedule_ids(self) -> Any:
        """The ids of all Schedules; their places are their numbers."""
        ids = self._schedule_file.read("id").combine_chunks()
        return ids.cast(arrow().string()) if ids.type != arrow().string() else ids

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {id: number for number, id in enumerate(self.schedule_ids.to_pylist())}

    def number(self, schedule_id: str) -> int | None:
        return self._numbers.get(schedule_id)

    def _schedule(self, id: str) -> Json | None:
        number = self.number(id)
        if number is None:
            return None
        metadata = self._schedule_file.file.metadata
        first = 0
        for group in range(metadata.num_row_groups):
            rows = metadata.row_group(group).num_rows
            if number < first + rows:
                if group not in self._groups:
                    with arrow_faults(self._schedule_file.path):
                        table = self._schedule_file.file.read_row_group(group, columns=["resource"])
                    self._groups[group] = table.column("resource").combine_chunks()
                return self._resource(self._groups[group][number - first].as_py(), f"{SCHEDULES.file}, row {number}")
            first += rows
        return None

    def _resource(self, text: bytes | str, place: str) -> Json:
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise LoadError(f"{self.folder / place}: not readable as JSON, {error.msg}.") from error
        if not isinstance(found, dict) or not found.get("resourceType") or not found.get("id"):  # type: ignore[reportUnknownMemberType]
            raise LoadError(f"{self.folder / place}: no FHIR resource with an id.")
        resource: Json = found  # type: ignore[reportUnknownVariableType]
        problem = fault(resource)
        if problem is not None:
            raise LoadError(f"{resource['resourceType']}/{resource['id']} ({self.folder / place}) {problem}.")
        return resource

    @cached_property
    def _services(self) -> dict[str, Json]:
        """The HealthcareServices: the lines that name the type are read, and no others."""
        path = self.folder / OTHERS
        if not path.is_file() or not path.stat().st_size:
            return {}
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            lines = list(_lines_with(data, b'"HealthcareService"'))
        found = (self._resource(line, OTHERS) for line in lines)
        return {one["id"]: one for one in found if one["resourceType"] == "HealthcareService"}

    @cached_property
    def _others(self) -> dict[tuple[str, str], Json]:
        path = self.folder / OTHERS
        if not path.is_file():
            return {}
        with path.open("rb") as file:
            found = [self._resource(line, f"{OTHERS}, line {n}") for n, line in enumerate(file, 1) if line.strip()]
        return {(one["resourceType"], one["id"]): one for one in found}

    def read(self, reference: str) -> Json | None:
        found = target(reference)
        if found is None:
            return None
        if found.type == "HealthcareService":
            return self._services.get(found.id)
        return self._schedule(found.id) if found.type == "Schedule" else self._others.get(found)

    def resources(self, kind: str) -> Iterator[Json]:
        """Those of one type; Slots and Appointments stand in no list here."""
        if kind == "Schedule":
            yield from (one for id in self._numbers if (one := self._schedule(id)) is not None)
        else:
            yield from (one for (type, _), one in self._others.items() if type == kind)

    def kinds(self) -> list[str]:
        return sorted({"Schedule", *(type for type, _ in self._others)})

    # Slots

    @cached_property
    def slots(self) -> SlotColumns:
        compiled = self.folder / COMPILED_FILE
        ids = self.schedule_ids
        if compiled.is_file() and abs(self.origin) < _COMPILED_MOST:
            return read_compiled(compiled, len(ids), self.origin, self.now_ms)
        return read_slots(self.folder / SLOTS.file, ids, self.origin, self.appointments(), self.now_ms)

    def appointments(self, *, all_bookings: bool = False) -> Appointments:
        """Holds, and bookings where some booking limit asks for them."""
        path = self.folder / APPOINTMENTS.file
        none = arrow().nulls(0, arrow().string())
        found = Appointments(none, none, none, none)
        if not path.is_file():
            return found
        with ParquetColumns(path) as file:
            check_table(file.schema, APPOINTMENTS, path)
            if not file.is_null("hold_expires"):
                found = found._replace(**_holds(file.read("slots"), file.read("hold_expires")))
            if all_bookings or self.rules.have_limits:
                status, services, slots = (file.read(name) for name in ("status", "services", "slots"))
                never = compute().is_in(status.cast(arrow().string()), value_set=arrow().array(NEVER_BOOKED))
                counts = compute().invert(never)
                found = found._replace(**_bookings(slots.filter(counts), services.filter(counts)))
        return found

    @cached_property
    def rules(self) -> RuleTable:
        return RuleTable(self.folder / RULES.file, self.schedule_ids, self.prepared.zones)

    def claims(self, schedule_id: str, service: Service) -> list[Claim]:
        number = self.number(schedule_id)
        if number is None:
            return []
        slots, view = self.slots, self.view(service)
        here = slice(int(slots.first[number]), int(slots.first[number + 1]))

        def column(values: Any, default: Any) -> list[Any]:
            return [default] * (here.stop - here.start) if values is None else values[here].tolist()

        return [
            Claim(start + slots.origin, end + slots.origin, "", tolerance, free, relevant, booking)
            for start, end, tolerance, free, relevant, booking in zip(
                slots.start[here].tolist(),
                slots.end[here].tolist(),
                column(slots.tolerance, 1),
                column(slots.is_free, False),
                column(view.relevant, True),
                column(view.booking, False),
            )
        ]

    def users_of(self, slot_id: str) -> list[Json]:  # noqa: ARG002
        """None: claims have no labels here, so that nobody can ask about a Slot by its id."""
        return []

    def unusable(self, schedule_id: str) -> Sequence[UnusableSlot]:
        number = self.number(schedule_id)
        return self.slots.unusable.get(number, ()) if number is not None else ()

    def view(self, service: Service) -> View:
        """The Slots as a service sees them."""
        if service.id not in self._views:
            self._views[service.id] = View.of(self.slots, service)
        return self._views[service.id]

    @cached_property
    def _views(self) -> dict[str, View]:
        return {}


class View(NamedTuple):
    """Slots as one service sees them; `relevant` None: all, `booking` None: none counts for its booking limits."""

    slots: SlotColumns
    relevant: Flags | None
    booking: Flags | None

    @classmethod
    def of(cls, slots: SlotColumns, service: Service) -> View:
        relevant = booking = None
        if slots.types is not None:
            concern = [
                mapping.concepts_concern(orjson.loads(text) or [], service.id, service.codings)
                for text in slots.type_texts
            ]
            relevant = np.array([*concern, True])[slots.types]
        if slots.booked is not None:
            mine = [service.id in text.split(" ") for text in slots.booked_texts]
            booking = np.array([*mine, False])[slots.booked]
        return cls(slots, relevant, booking)

    def stored(self) -> Stored:
        """What the sweep takes."""
        slots = self.slots
        everything = Columns(slots.first, slots.start, slots.end, slots.tolerance)
        taken, free = everything, None
        if slots.is_free is not None:
            free = everything.kept(_both(slots.is_free, self.relevant))
            taken = everything.kept(_both(~slots.is_free, self.relevant))
        elif self.relevant is not None:
            taken = everything.kept(self.relevant)
        booked = None if self.booking is None else everything.kept(self.booking)
        return Stored(slots.origin, taken, free, booked)


def _lines_with(data: mmap.mmap, word: bytes) -> Iterator[bytes]:
    at = data.find(word)
    while at >= 0:
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        yield data[data.rfind(b"\n", 0, at) + 1 : end]
        at = data.find(word, end)


def _both(one: Flags, other: Flags | None) -> Flags:
    return one if other is None else one & other


def _holds(slots: Any, until: Any) -> dict[str, Any]:
    """Ids of Slots and when the first of their holds ends, in milliseconds."""
    is_hold = compute().is_valid(until)
    slots = slots.filter(is_hold)
    ends = until.filter(is_hold).cast(arrow().timestamp("ms", tz="UTC"), safe=False).cast(arrow().int64())
    ids = compute().list_flatten(slots).combine_chunks()
    parents = compute().list_parent_indices(slots)
    pairs = arrow().table({"id": ids, "until": ends.take(parents)})
    first = pairs.group_by("id").aggregate([("until", "min")])
    return {"held": first.column("id").combine_chunks(), "until": first.column("until_min").combine_chunks()}


def _bookings(slots: Any, services: Any) -> dict[str, Any]:
    """Ids of Slots and, for each, the ids of the services it is booked for, separated by blanks."""
    pa = arrow()
    texts = compute().binary_join(services, " ")
    ids = compute().list_flatten(slots).combine_chunks()
    found = texts.take(compute().list_parent_indices(slots)).combine_chunks()
    if len(compute().unique(ids)) != len(ids):
        merged: dict[str, str] = {}
        for id, text in zip(ids.to_pylist(), found.to_pylist()):
            merged[id] = f"{merged[id]} {text}" if id in merged else text
        ids, found = pa.array(list(merged), pa.string()), pa.array(list(merged.values()), pa.string())
    return {"booked": ids, "booked_for": found}
