"""Schedules examined for a service, and their compiled calendars: what a store keeps between operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..solver.availability import Opening, Piece, Rules, Weekly, expand_hours
from ..solver.calendar import Admission, CompiledCalendar
from ..solver.capacity import Claim
from ..solver.grid import Axis, Grid
from . import mapping
from .mapping import Codings, PeriodMs
from .parameters import Layer, ParameterFault, Resolved, read_schedule, read_service, resolve
from .references import Json, Target, target
from .store import Store
from .zones import Zones

_BLOCK = 32 * 1440
"""Axes begin and end at multiples of this many minutes, so that nearby searches share one."""

_AXIS_MOST = 8 * _BLOCK
"""An axis grows with what is asked, up to this; a search elsewhere starts a new one."""

_NEAR_MOST = 4096
"""Expanded hours of single months that are kept."""


@dataclass(eq=False)
class Service:
    """A HealthcareService and its layer of parameters."""

    resource: Json
    layer: Layer | ParameterFault

    @property
    def id(self) -> str:
        return self.resource["id"]

    @property
    def is_active(self) -> bool:
        return self.resource.get("active") is not False

    @cached_property
    def codings(self) -> Codings:
        return mapping.service_codings(self.resource)


class Examined:
    """One Schedule seen from one service. What can fail is computed when it is asked for, and kept."""

    def __init__(self, store: Store, service: Service, resource: Json) -> None:
        self._store = store
        self.service = service
        self.resource = resource
        self.id: str = resource["id"]
        self.is_active = resource.get("active") is not False
        self.actors: list[Json] = resource.get("actor") or []
        self.compiled: CompiledCalendar | None = None
        self.claims: dict[str, Claim] = {}
        """By label what `compiled` was made of, where it follows its store."""
        self.opening: Opening | None = None
        """That of the last question."""

    @property
    def actor(self) -> Target | None:
        """The resource whose parameters come last."""
        return target(self.actors[0].get("reference")) if self.actors else None

    @cached_property
    def actor_key(self) -> Target | str:
        """Who or what is occupied: type and id, or the schedule itself where its actor has no reference."""
        return target(self.actors[0].get("reference")) or f"Schedule/{self.id}"

    @cached_property
    def parameters(self) -> Resolved | ParameterFault:
        layer = self.service.layer
        if isinstance(layer, ParameterFault):
            return layer
        zones = self._store.prepared.zones
        try:
            naming, general = read_schedule(self.resource, self.service.id, zones)
            reference = self.actors[0].get("reference") if self.actors else None
            actor = self._store.read(reference) if reference else None
            return resolve(layer, naming, general, actor, zones)
        except ParameterFault as fault:
            return fault

    @property
    def resolved(self) -> Resolved:
        """The parameters, known to be sound. Raises the fault otherwise."""
        if isinstance(self.parameters, ParameterFault):
            raise self.parameters
        return self.parameters

    @cached_property
    def is_schedulable(self) -> bool:
        return mapping.is_schedulable(self.resource, self.service.id)

    @cached_property
    def horizon(self) -> PeriodMs:
        return mapping.period_ms(self.resource.get("planningHorizon"), self.resolved.timezone.zone)

    @cached_property
    def rules(self) -> Rules:
        return mapping.rules_of(self.resolved, self.horizon, schedule_id=self.id, service_id=self.service.id)


class Prepared:
    """Everything derived from a store's resources, by schedule and service.

    `note` is told of every calendar that is compiled, with the claims it is made of.
    """

    def __init__(self, store: Store, note: Callable[[Examined, Sequence[Claim]], None] | None = None) -> None:
        self._store = store
        self._note = note
        self.zones = Zones()
        # What is not there is asked for anew each time: any number of names could be asked for.
        self._services: dict[str, Service] = {}
        self._examined: dict[tuple[str, str], Examined] = {}
        self._of_actor: dict[Target, set[tuple[str, str]]] = {}
        self._compiled: dict[str, dict[str, Examined]] = {}
        """By schedule and service, those that have a compiled calendar."""
        self._axes: dict[Grid, Axis] = {}
        self._hours: dict[tuple[tuple[Weekly, ...] | None, str, Axis], list[Piece]] = {}
        self._near: dict[tuple[tuple[Weekly, ...] | None, str, int, int], list[Piece]] = {}

    def service(self, id: str) -> Service | None:
        """The HealthcareService with this id, or None."""
        if id not in self._services:
            resource = self._store.read(f"HealthcareService/{id}")
            if resource is None:
                return None
            self._services[id] = Service(resource, self._layer(resource))
        return self._services[id]

    def _layer(self, service: Json) -> Layer | ParameterFault:
        try:
            return read_service(service, self.zones)
        except ParameterFault as fault:
            return fault

    def examine(self, schedule_id: str, service: Service) -> Examined | None:
        """The Schedule with this id as the service sees it, or None."""
        key = schedule_id, service.id
        if key not in self._examined:
            resource = self._store.read(f"Schedule/{schedule_id}")
            if resource is None:
                return None
            examined = self._examined[key] = Examined(self._store, service, resource)
            if examined.actor is not None:
                self._of_actor.setdefault(examined.actor, set()).add(key)
        return self._examined[key]

    def axis(self, grid: Grid, start: int, end: int) -> Axis:
        """An axis of the grid that covers [start, end)."""
        axis = self._axes.get(grid)
        if axis is None or not axis.start <= start <= end <= axis.end:
            low, high = start // _BLOCK * _BLOCK, -(-end // _BLOCK) * _BLOCK
            if axis is not None and max(high, axis.end) - min(low, axis.start) <= _AXIS_MOST:
                low, high = min(low, axis.start), max(high, axis.end)
            if axis is not None:
                self._hours = {key: hours for key, hours in self._hours.items() if key[2] is not axis}
            axis = self._axes[grid] = Axis.over(grid, low, high)
        return axis

    def calendar(self, examined: Examined, axis: Axis, now_ms: int) -> CompiledCalendar:
        """The schedule's compiled calendar over the axis, at this time."""
        compiled = examined.compiled
        if compiled is None or compiled.axis is not axis:
            rules = examined.rules
            claims = self._store.claims(examined.id, examined.service)
            compiled = CompiledCalendar(rules, axis, self._expanded(rules, axis), claims, now_ms=now_ms)
            examined.compiled = compiled
            self._compiled.setdefault(examined.id, {})[examined.service.id] = examined
            if self._note is not None:
                self._note(examined, claims)
        return compiled.at(now_ms)

    @property
    def is_empty(self) -> bool:
        """Has nothing been looked up yet?"""
        return not self._services and not self._examined

    @property
    def has_compiled(self) -> bool:
        return bool(self._compiled)

    def compiled(self, schedule_id: str) -> list[Examined]:
        """The schedule as seen from each service for which its calendar is compiled."""
        return list(self._compiled.get(schedule_id, {}).values())

    def admission(self, examined: Examined, low: int, high: int, claims: Sequence[Claim]) -> Admission:
        """What one question in [low, high) is put to, with the claims that matter for it."""
        opening = examined.opening
        if opening is None or not opening.holds(low, high):
            opening = examined.opening = self._opening(examined.rules, low, high)
        free = [Piece(claim.start, claim.end, claim.label) for claim in claims if claim.free and claim.relevant]
        return Admission(examined.rules, opening.with_free(free), claims)

    def _opening(self, rules: Rules, low: int, high: int) -> Opening:
        start, end = low // _BLOCK * _BLOCK, -(-high // _BLOCK) * _BLOCK
        key = rules.weekly, rules.zone.name, start, end
        hours = self._near.get(key)
        if hours is None:
            if len(self._near) >= _NEAR_MOST:
                self._near.clear()
            hours = self._near[key] = expand_hours(rules.weekly, rules.zone, start, end)
        return Opening.of(rules, hours, start, end)

    def forget(self, name: Target) -> None:
        """A resource has changed: the rules that come from it are read anew when they are asked for.

        What Slots and Appointments mean for calendars that are compiled already is not looked at here.
        """
        if self.is_empty:
            return
        gone = self._of_actor.get(name, set()).copy()
        if name.type == "Schedule":
            gone |= {key for key in self._examined if key[0] == name.id}
        elif name.type == "HealthcareService":
            self._services.pop(name.id, None)
            gone |= {key for key in self._examined if key[1] == name.id}
        for key in gone:
            self._drop(self._examined.pop(key))
        if gone:
            self._hours.clear()  # those that nobody has any more would stay for ever

    def _drop(self, examined: Examined) -> None:
        schedule_id, service_id = examined.id, examined.service.id
        if examined.actor is not None:
            keys = self._of_actor[examined.actor]
            keys.discard((schedule_id, service_id))
            if not keys:
                del self._of_actor[examined.actor]
        of_schedule = self._compiled.get(schedule_id, {})
        of_schedule.pop(service_id, None)
        if not of_schedule:
            self._compiled.pop(schedule_id, None)

    def forget_claims(self) -> None:
        """Stored Slots or Appointments have changed in some way."""
        for of_schedule in self._compiled.values():
            for examined in of_schedule.values():
                examined.compiled = None
                examined.claims = {}
        self._compiled.clear()

    def _expanded(self, rules: Rules, axis: Axis) -> list[Piece]:
        # Many schedules share the hours of their service: expand them once.
        key = rules.weekly, rules.zone.name, axis
        if key not in self._hours:
            self._hours[key] = expand_hours(rules.weekly, rules.zone, axis.start, axis.end)
        return self._hours[key]
