"""Request tables of plans: their columns (docs/plan.md), and each row read into what is wanted."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...solver.civil import Zone
from ...solver.errors import InvalidInputError, SlotwrightError
from ...solver.intervals import Pair
from .. import names
from ..errors import AmbiguousName, LoadError, NameNotFound
from ..local import zone_of_schedule
from ..references import Json, target
from ..store import Store
from . import fields
from .fields import Gap, TimeWish, is_absent

COLUMNS = (
    "request_id", "service", "schedules", "optional", "windows", "release", "due", "deadline", "late_per_day",
    "priority", "weight", "preferred_times", "preferred_schedules", "patient", "after", "pinned_start",
    "pinned_schedules", "comment",
)  # fmt: skip
REQUIRED = ("request_id", "service", "schedules")
FAULT, ROW = "slotwright.fault", "slotwright.row"
"""What is wrong with a row as such, found before it was read; and its number, where it is not its place."""

WEIGHTS = (4000, 2000, 1000)
"""The weight of a request of high, medium and low priority that states none."""

ABSENCE = 500
"""What going without an optional pool costs where the table does not say."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Booking:
    """A stored Appointment that may be moved, as it stands: its times, and who serves each pool (None: gone without).

    `reach` is the stretch that its Slots take, buffers included.

    `moves_time` and `moves_schedule` say which moves are allowed; `cost` is what each of them costs, `per_day` is added
    for each day begun between the two starts.
    """

    appointment: str
    start: int
    end: int
    schedules: tuple[str | None, ...]
    slots: frozenset[str]
    reach: Pair
    moves_time: bool
    moves_schedule: bool
    cost: int
    per_day: int = 0

    @property
    def held(self) -> list[str]:
        """The schedules that take part."""
        return [one for one in self.schedules if one is not None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One visit wanted: ids of what is stored, and minutes.

    `level` is 0 for high priority, 1 for medium, 2 for low; `priority` is the number as given. Visits lie inside one of
    `windows` (none: between release and deadline), buffers may reach beyond. `weights` are of preferred schedules.
    """

    row: int
    id: str
    service: str
    pools: tuple[tuple[str, ...], ...]
    zone: Zone
    weight: int
    level: int = 1
    priority: int | None = None
    optional: tuple[tuple[tuple[str, ...], int], ...] = ()
    windows: tuple[Pair, ...] = ()
    release: int | None = None
    due: int | None = None
    deadline: int | None = None
    late_per_day: int = 0
    preferred_times: tuple[TimeWish, ...] = ()
    weights: Mapping[str, int] | None = None
    patient: Json | None = None
    after: tuple[Gap, ...] = ()
    pinned_start: int | None = None
    pinned: frozenset[str] = frozenset()
    comment: str | None = None
    booking: Booking | None = None

    def bounds(self) -> tuple[int | None, int | None]:
        """The stretch in which the visit must lie, as far as the request says; None is open."""
        lows = [low for low in (self.release, self.pinned_start) if low is not None]
        highs = [high for high in (self.deadline,) if high is not None]
        if self.windows:
            lows.append(self.windows[0][0])
            highs.append(max(high for _, high in self.windows))
        return max(lows, default=None), min(highs, default=None)


class BadRow(NamedTuple):
    """A row that cannot be planned: its number, the request's id if it has one, and what is wrong."""

    row: int
    id: str
    text: str


def check_columns(found: Sequence[str], where: str, needed: Sequence[str] = REQUIRED) -> None:
    """Are these the columns of a request table? Raises LoadError."""
    for name in found:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, n=1, cutoff=0.75)
            hint = f"Did you mean '{near[0]}'?" if near else f"A table of requests has {', '.join(COLUMNS)}."
            raise LoadError(f"{where}: column '{name}' is unknown. {hint}")
        if list(found).count(name) > 1:
            raise LoadError(f"{where}: column '{name}' stands there {list(found).count(name)} times. Keep one.")
    for name in needed:
        if name not in found:
            raise LoadError(f"{where}: column '{name}' is missing. Needed are {', '.join(REQUIRED)}.")


def read_requests(store: Store, rows: Iterable[Row], *, zone: Zone | None = None) -> list[Wanted | BadRow]:
    """Each row in turn; rows are counted from 1. Local times are those of `zone`, or of the first schedule named."""
    called = _Names(store)
    found = [_Reader(store, called, row, row.get(ROW, place), zone).read() for place, row in enumerate(rows, start=1)]
    first: dict[str, int] = {}
    for place, one in enumerate(found):
        if isinstance(one, Wanted) and first.setdefault(one.id, one.row) != one.row:
            text = f"request_id '{one.id}' stands in row {first[one.id]} already. Give each request an id of its own."
            found[place] = BadRow(one.row, one.id, f"Row {one.row}: {text}")
    return found


class _Names:
    """Ids by name, each looked up once: a search by name passes over everything stored."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: dict[tuple[str, str], str | SlotwrightError] = {}

    def id(self, column: str, name: str, look_up: Callable[[Store, str], str]) -> str:
        """Raises NameNotFound or AmbiguousName, with the column."""
        key = look_up.__name__, name
        if key not in self._found:
            try:
                self._found[key] = look_up(self._store, name)
            except (NameNotFound, AmbiguousName) as error:
                self._found[key] = error
        found = self._found[key]
        if isinstance(found, str):
            return found
        raise type(found)(f"{column}: {found}") from found


class _Reader:
    """One row."""

    def __init__(self, store: Store, called: _Names, row: Row, number: int, zone: Zone | None) -> None:
        self._store = store
        self._called = called
        self._cells = {name: value for name, value in row.items() if not is_absent(value)}
        self._number = number
        self._zone = zone

    def read(self) -> Wanted | BadRow:
        id = ""
        try:
            if FAULT in self._cells:
                raise InvalidInputError(str(self._cells[FAULT]))
            if "request_id" in self._cells:
                id = fields.text("request_id", self._cells["request_id"])
            for name in REQUIRED:
                if name not in self._cells:
                    raise InvalidInputError(f"{name} is empty. Every request has {', '.join(REQUIRED)}.")
            return self._read(id)
        except SlotwrightError as error:
            return BadRow(self._number, id, f"Row {self._number}: {error}")

    def _read(self, id: str) -> Wanted:
        store = self._store
        service = self._called.id("service", fields.text("service", self._cells["service"]), names.service_id)
        pools = tuple(map(self._schedules, fields.pools("schedules", self._cells["schedules"])))
        if not pools:
            raise InvalidInputError("schedules names no schedule. Separate schedules by commas, pools by semicolons.")
        optional = tuple(
            (self._schedules(pool, "optional"), cost)
            for pool, cost in self._cell("optional", lambda c, v: fields.optional_pools(c, v, ABSENCE), ())
        )
        zone = self._zone or zone_of_schedule(store, pools[0][0], service)
        priority = self._cell("priority", lambda c, v: fields.number(c, v, most=9), None)
        level = level_of(priority)
        members = {one for pool in (*pools, *(pool for pool, _ in optional)) for one in pool}
        weights = {
            self._member("preferred_schedules", name, members): weight
            for name, weight in self._cell("preferred_schedules", fields.weights, dict[str, int]()).items()
        }
        start = self._cell("pinned_start", lambda c, v: fields.start_minute(c, v, zone), None)
        pinned = self._cell("pinned_schedules", fields.names, ())
        wanted = Wanted(
            self._number,
            id,
            service,
            pools,
            zone,
            weight=self._cell("weight", lambda c, v: fields.number(c, v, least=1), WEIGHTS[level]),
            level=level,
            priority=priority,
            optional=optional,
            windows=self._cell("windows", lambda c, v: fields.windows(c, v, zone), ()),
            release=self._cell("release", lambda c, v: fields.start_minute(c, v, zone), None),
            due=self._cell("due", lambda c, v: fields.end_minute(c, v, zone), None),
            deadline=self._cell("deadline", lambda c, v: fields.end_minute(c, v, zone), None),
            late_per_day=self._cell("late_per_day", fields.number, 0),
            preferred_times=self._cell("preferred_times", lambda c, v: fields.time_wishes(c, v, zone), ()),
            weights=weights,
            patient=self._patient(),
            after=self._cell("after", fields.gaps, ()),
            pinned_start=start,
            pinned=frozenset(self._member("pinned_schedules", name, members) for name in pinned),
            comment=self._cell("comment", fields.text, None),
        )
        _check(wanted)
        return wanted

    def _cell(self, column: str, read: Callable[[str, Any], Any], default: Any) -> Any:
        return read(column, self._cells[column]) if column in self._cells else default

    def _schedules(self, pool: Sequence[str], column: str = "schedules") -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._called.id(column, name, names.schedule_id) for name in pool))

    def _member(self, column: str, name: str, members: set[str]) -> str:
        id = self._called.id(column, name, names.schedule_id)
        if id not in members:
            raise InvalidInputError(
                f"{column} {name!r} is in none of the pools of schedules and optional. Add it to one of them."
            )
        return id

    def _patient(self) -> Json | None:
        """The reference, and the name to show where the Patient is stored."""
        if "patient" not in self._cells:
            return None
        name = fields.text("patient", self._cells["patient"])
        return patient_reference(self._store, name, lambda _, name: self._called.id("patient", name, names.patient_id))


def patient_reference(store: Store, name: str, look_up: Callable[[Store, str], str] = names.patient_id) -> Json:
    """`Patient/x` need not be stored; anything else must lead to one that is."""
    named = target(name)
    if named is not None and named.type == "Patient" and store.read(name) is None:
        return {"reference": f"Patient/{named.id}"}
    id = look_up(store, name)
    shown = next(names.resource_names(store.read(f"Patient/{id}") or {}), None)
    return {"reference": f"Patient/{id}", **({} if shown is None else {"display": shown})}


def level_of(priority: int | None) -> int:
    """High, medium, low, by FHIR's Appointment.priority, which is iCalendar's (RFC 5545, 3.8.1.9)."""
    if not priority:
        return 1
    return 0 if priority < 5 else 1 if priority == 5 else 2


def _check(wanted: Wanted) -> None:
    """What one cell says against another."""
    low, high = wanted.bounds()
    if high is None and wanted.pinned_start is None:
        raise InvalidInputError("windows and deadline are empty, so the visit could lie anywhere. Give one of them.")
    if low is not None and high is not None and low >= high:
        raise InvalidInputError("release, windows and deadline leave no time. Give a deadline after the release.")
    if any(gap.request == wanted.id for gap in wanted.after):
        raise InvalidInputError(f"after '{wanted.id}' is the request itself. Name another request.")
