"""Calendars: FHIR resources loaded into memory, read-only."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property

from ..solver.capacity import Claim
from . import mapping
from .bundles import Resources, references
from .collector import collector_paused
from .errors import LoadError, LoadWarning
from .mapping import SlotRows, UnusableSlot
from .prepared import Prepared, Service
from .references import Json, Target, target
from .resources import fault, is_plain_slot
from .sources import Source, read_documents

Clock = Callable[[], datetime]

_NOWHERE = Target("", "")
_RELATIVE = re.compile(r"[A-Z][A-Za-z]+/[^/\s]+(/_history/[^/\s]+)?")


class Calendar:
    """Resources in memory, a `Store` for every operation that reads.

    `warnings` are sentences about what was loaded but deserves a look, such as dangling references.
    """

    is_writable = False

    def __init__(self, resources: dict[str, dict[str, Json]], warnings: Sequence[str], clock: Clock) -> None:
        self._resources = resources
        self._clock = clock
        self.warnings = tuple(warnings)
        self._slot_rows: dict[str, SlotRows] = {}
        self.prepared = Prepared(self)

    def now(self) -> datetime:
        return self._clock()

    @contextmanager
    def reading(self) -> Generator[Calendar]:
        """What is in memory does not change."""
        yield self

    def read(self, reference: str) -> Json | None:
        found = target(reference)
        return None if found is None else self._resources.get(found.type, {}).get(found.id)

    def resources(self, kind: str) -> Iterator[Json]:
        return iter(self._resources.get(kind, {}).values())

    def kinds(self) -> list[str]:
        return sorted(self._resources)

    def claims(self, schedule_id: str, service: Service) -> list[Claim]:
        return mapping.claims_of(self._rows(schedule_id).rows, service.id, service.codings, self._appointments)

    def unusable(self, schedule_id: str) -> Sequence[UnusableSlot]:
        return self._rows(schedule_id).unusable

    def users_of(self, slot_id: str) -> list[Json]:
        """The Appointments that refer to a Slot."""
        return list(self._appointments.get(slot_id, ()))

    def _rows(self, schedule_id: str) -> SlotRows:
        if schedule_id not in self._slot_rows:
            self._slot_rows[schedule_id] = mapping.slot_rows(self._slots.get(schedule_id, ()), self._appointments)
        return self._slot_rows[schedule_id]

    @cached_property
    def _slots(self) -> dict[str, list[Json]]:
        slots: dict[str, list[Json]] = {}
        for slot in self.resources("Slot"):
            schedule = target(slot["schedule"]["reference"])
            if schedule is not None and schedule.type == "Schedule":
                slots.setdefault(schedule.id, []).append(slot)
        return slots

    @cached_property
    def _appointments(self) -> dict[str, list[Json]]:
        appointments: dict[str, list[Json]] = {}
        for appointment in self.resources("Appointment"):
            for id in mapping.slot_ids(appointment):
                appointments.setdefault(id, []).append(appointment)
        return appointments


def open_calendar(
    sources: Iterable[Source] | Source,
    *,
    clock: Clock | None = None,
    progress: Callable[[int], None] | None = None,
) -> Calendar:
    """Load FHIR R4 resources.

    Parameters
    ----------
    sources
        Paths of files or folders (Bundle JSON of any type, single resources, NDJSON, gzip of these, Parquet tables
        that `export_tables` wrote, CSV tables of schedules, hours and bookings, `-` for standard input), or resources
        as dicts; both may be mixed. Dicts are copied.
    clock
        What gives the current time, aware; the machine's by default.
    progress
        Called now and then with the number of resources read so far.

    Raises
    ------
    LoadError
        For what cannot be loaded, with the file and the line or entry: unreadable JSON, a resource that is not
        FHIR, a dangling `urn:uuid`, the same type and id twice with different content.

    Dangling references of other kinds are a `LoadWarning` each, and listed in `Calendar.warnings`.
    """
    resources, found = read_resources(sources, progress=progress)
    for text in found:
        warnings.warn(text, LoadWarning, stacklevel=2)
    return Calendar(resources, found, clock or _machine_clock)


def read_resources(
    sources: Iterable[Source] | Source,
    *,
    progress: Callable[[int], None] | None = None,
    stored: Callable[[], Iterable[Json]] | None = None,
    is_stored: Callable[[Target], bool] | None = None,
    rules: Callable[[], Iterable[Json]] | None = None,
) -> tuple[dict[str, dict[str, Json]], list[str]]:
    """Resources by type and id, and a sentence for each reference that leads nowhere.

    `stored` gives what is there already, for `ifNoneExist`; `is_stored` asks whether a resource is; `rules` gives the
    schedules, services and actors there are already, for tables of bookings. Raises LoadError.
    """
    with collector_paused():
        try:
            resources = _load(_several(sources), progress or _silent, stored, rules)
            return resources, _dangling(resources, is_stored or (lambda _: False))
        except RecursionError as error:
            raise LoadError("A document is nested too deeply to hold FHIR resources.") from error


def _silent(_: int) -> None:
    """Nobody watches."""


def _several(sources: Iterable[Source] | Source) -> Iterable[Source]:
    """One source alone is a list of one; a dict is a resource, and no list of its keys."""
    if isinstance(sources, str | os.PathLike | dict):
        return [sources]  # type: ignore[reportReturnType]
    return sources


def _machine_clock() -> datetime:
    return datetime.now(UTC)


def _load(
    sources: Iterable[Source],
    progress: Callable[[int], None],
    stored: Callable[[], Iterable[Json]] | None,
    rules: Callable[[], Iterable[Json]] | None,
) -> dict[str, dict[str, Json]]:
    resources: dict[str, dict[str, Json]] = {}
    places: dict[tuple[str, str], str] = {}

    def everything() -> Iterator[Json]:
        yield from (resource for by_id in resources.values() for resource in by_id.values())
        if stored is not None:
            yield from stored()

    def known() -> Calendar:
        merged: dict[str, dict[str, Json]] = {}
        for one in rules() if rules is not None else ():
            merged.setdefault(one["resourceType"], {})[one["id"]] = one
        for kind, by_id in resources.items():
            merged[kind] = merged.get(kind, {}) | by_id
        return Calendar(merged, (), _machine_clock)

    loaded = Resources(fault).expand(read_documents(sources, known), everything)
    for count, (resource, place) in enumerate(loaded, start=1):
        if count % 4096 == 0:
            progress(count)
        kind, id = resource["resourceType"], resource["id"]
        by_id = resources.setdefault(kind, {})
        earlier = by_id.setdefault(id, resource)
        if earlier is resource:
            places[kind, id] = place
        elif earlier != resource:
            raise LoadError(
                f"{kind}/{id} stands twice with different content: in {places[kind, id]} and in {place}. "
                "Remove one of them, or give it an id of its own."
            )
    return resources


def _dangling(resources: dict[str, dict[str, Json]], is_stored: Callable[[Target], bool]) -> list[str]:
    """A sentence for each literal reference that leads nowhere, in order of first mention."""
    missing: dict[str, list[str]] = {}
    schedules = resources.get("Schedule", {})
    for kind, by_id in resources.items():
        for id, resource in by_id.items():
            if kind == "Slot" and is_plain_slot(resource):
                reference = resource["schedule"]["reference"]
                if reference[:9] == "Schedule/" and reference[9:] in schedules:
                    continue
            for reference in references(resource):
                if _is_dangling(resources, kind, reference) and not is_stored(target(reference) or _NOWHERE):
                    missing.setdefault(reference, []).append(f"{kind}/{id}")
    return [_dangling_text(name, by) for name, by in missing.items()]


def _is_dangling(resources: dict[str, dict[str, Json]], kind: str, reference: str) -> bool:
    """Does it lead nowhere? Other servers' resources are no matter of ours, unless a Slot belongs to one."""
    if _RELATIVE.fullmatch(reference):
        found = target(reference)
        return found is not None and found.id not in resources.get(found.type, {})
    return reference[:4].lower() == "urn:" or (kind == "Slot" and "/Schedule/" in reference)


def _dangling_text(name: str, by: Sequence[str]) -> str:
    others = len(set(by)) - 1
    who = f"{by[0]} and {others} more refer" if others else f"{by[0]} refers"
    return f"{who} to {name}, which is not among the resources loaded."
