"""From a store to what is drawn: timelines of schedules, the heat map and the use of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ...solver import intervals
from ...solver.civil import Zone, weekday
from ..references import Json
from ..rows import schedulable_services
from ..store import Store
from .capacity import heat_map, utilisation
from .data import Layer, Row, Timeline, View
from .offers import offers
from .opened import Opened, Window, look
from .words import plain, service_title


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look at.

    Attributes
    ----------
    schedules
        Ids, in the order of the rows; pools as in `$find`.
    zone
        Whose days and hours are shown.
    first_day, days
        Local days since 1970-01-01: one, or seven from a Monday on.
    weeks
        So many weeks, from the Monday of the first day on, are counted for the heat map and the utilisation.
    service
        The service whose hours and offers are shown; None: all hours and no offers.
    together
        Whether the offers are of one find that needs every pool, or of each schedule by itself.
    only_ahead
        Whether only starts from now on are offered.
    """

    schedules: Sequence[Sequence[str]]
    zone: Zone
    first_day: int
    days: int = 1
    weeks: int = 4
    service: str | None = None
    together: bool = False
    only_ahead: bool = False
    with_patients: bool = True

    def ids(self) -> list[str]:
        return list(dict.fromkeys(one for pool in self.schedules for one in pool))

    def bounds(self, first: int, days: int) -> tuple[int, int]:
        """Local days as minutes [start, end)."""
        begin, end = (self.zone.day_start_ms(first + more) for more in (0, days))
        return begin // 60_000, -(-end // 60_000)


Progress = Callable[[int, int], None]
"""Is told how many looks at a schedule are done, of how many."""


def view(store: Store, wanted: Wanted, progress: Progress | None = None) -> View:
    """Timeline, heat map and utilisation: each looks at every schedule."""
    monday = wanted.first_day - weekday(wanted.first_day)
    start, end = wanted.bounds(monday, 7 * wanted.weeks)
    window = Window(start, end, _now_ms(store), wanted.with_patients)
    several: list[Opened] = []
    schedules = _schedules(store, wanted)
    total = 2 * len(schedules)
    for one in schedules:
        several.append(look(store, one, window, wanted.service))
        if progress is not None:
            progress(len(several), total)
    return View(
        timeline(store, wanted, progress and (lambda done, of: progress(of + done, total))),
        heat_map(several, start, end, wanted.zone),
        tuple(utilisation(one, of_all_services=wanted.service is None) for one in several),
        None if wanted.service is None else service_title(store, wanted.service),
    )


def timeline(store: Store, wanted: Wanted, progress: Progress | None = None) -> Timeline:
    """The schedules over the days, all layers."""
    start, end = wanted.bounds(wanted.first_day, wanted.days)
    window = Window(start, end, _now_ms(store), wanted.with_patients)
    offered, notes = _offers(store, wanted, window)
    rows: list[Row] = []
    schedules = _schedules(store, wanted)
    for one in schedules:
        found = look(store, one, window, wanted.service)
        rows.append(_row(store, found, offered.get(one["id"], ()), notes.get(one["id"], "")))
        if progress is not None:
            progress(len(rows), len(schedules))
    return Timeline(tuple(rows), start, end, wanted.zone)


def schedule_ids(store: Store, service_id: str | None = None) -> list[str]:
    """All schedules that are not inactive, of a service or at all: by the type of their actor, then as stored."""
    found = [
        one
        for one in store.resources("Schedule")
        if one.get("active") is not False and (service_id is None or service_id in schedulable_services(one))
    ]
    return [one["id"] for one in sorted(found, key=_actor_type)]


_FIRST = ("Practitioner", "PractitionerRole", "Location", "Device")


def _actor_type(schedule: Json) -> tuple[int, str]:
    actors: list[Json] = schedule.get("actor") or [{}]
    kind = str(actors[0].get("reference", "")).partition("/")[0]
    return (_FIRST.index(kind) if kind in _FIRST else len(_FIRST)), kind


def _schedules(store: Store, wanted: Wanted) -> list[Json]:
    found = (store.read(f"Schedule/{id}") for id in wanted.ids())
    return [one for one in found if one is not None]


def _now_ms(store: Store) -> int:
    return int(store.now().timestamp() * 1000)


def _offers(store: Store, wanted: Wanted, window: Window) -> tuple[dict[str, list[Layer]], dict[str, str]]:
    """By schedule, and for those that `$find` refuses the reason."""
    if wanted.service is None:
        return {}, {}
    earliest = -(-window.now_ms // 60_000) if wanted.only_ahead else None
    if wanted.together:
        found, note = offers(store, wanted.service, wanted.schedules, window, earliest)
        return found, dict.fromkeys(wanted.ids(), plain(note))
    offered: dict[str, list[Layer]] = {}
    notes: dict[str, str] = {}
    for id in wanted.ids():
        found, note = offers(store, wanted.service, [[id]], window, earliest)
        offered.update(found)
        notes[id] = plain(note)
    return offered, notes


def _row(store: Store, one: Opened, offered: Sequence[Layer], note: str) -> Row:
    layers = [*_hours(store, one), *one.closures, *one.taken, *offered]
    return Row(one.id, one.title, tuple(layers), "; ".join(dict.fromkeys(filter(None, (one.note, note)))))


def _hours(store: Store, one: Opened) -> list[Layer]:
    """Open time, cut where other services begin or end to be served."""
    edges = sorted({edge for served in one.serving for edge in served.open})
    found: list[Layer] = []
    for start, end in pairwise(edges):
        served = [each.examined.service.id for each in one.serving if intervals.covers(each.open, start, end)]
        if not served:
            continue
        label = ", ".join(service_title(store, id) for id in served)
        if found and found[-1].end == start and found[-1].label == label:
            found[-1] = replace(found[-1], end=end)
        else:
            found.append(Layer("hours", start, end, label))
    return found
