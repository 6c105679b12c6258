"""Schedules that can never be booked, and why: by their own state, or because their rules leave no start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...solver.availability import Piece, Weekly, expand_hours
from ...solver.calendar import CompiledCalendar
from ...solver.capacity import Claim
from ...solver.civil import DAY_MINUTES
from ...solver.grid import Axis
from .. import mapping
from ..parameters import ParameterFault
from ..prepared import Examined, Prepared, Service
from ..references import Json, children
from .finding import Finding
from .stored import Taken

LOOKED = 53 * 7 * DAY_MINUTES
"""How far ahead starts are looked for: every day of a year and every week of its zone."""

_STEP = 32 * DAY_MINUTES


class Openness:
    """Looks for a start that the rules leave, whatever is booked. Hours that schedules share are expanded once."""

    def __init__(self, prepared: Prepared, services: Sequence[Service], now: int) -> None:
        self._prepared = prepared
        self._services = services
        self._now = now
        self._hours: dict[tuple[tuple[Weekly, ...] | None, str, int, int], list[Piece]] = {}

    def of_schedule(self, schedule: Json, free: Sequence[Taken]) -> Iterator[Finding]:
        """One finding for the schedule, or one for each service that it cannot be booked for."""
        name = f"Schedule/{schedule['id']}"
        why = _why_not_at_all(schedule)
        offered = [one for one in self._services if mapping.is_schedulable(schedule, one.id)]
        if why is None and not offered:
            why = "it offers no service"
        if why is not None:
            yield Finding("never-bookable", name, None, None, None, None, why)
            return
        for service in offered:
            examined = self._prepared.examine(schedule["id"], service)
            why = None if examined is None else self._why_not(examined, free)
            if why is not None:
                yield Finding("never-bookable", name, None, None, None, None, f"for {service.id}: {why}")

    def _why_not(self, examined: Examined, free: Sequence[Taken]) -> str | None:
        if not examined.service.is_active:
            return "the service is inactive"
        if isinstance(examined.parameters, ParameterFault):
            return f"its parameters are wrong: {examined.parameters.text}"
        rules = examined.rules
        if rules.footprint.duration <= 0:
            return "a visit takes no time"
        if rules.horizon_end is not None and rules.horizon_end <= self._now:
            return "its planning horizon is over"
        low = self._now if rules.horizon_start is None else max(self._now, rules.horizon_start)
        high = low + LOOKED if rules.horizon_end is None else min(low + LOOKED, rules.horizon_end)
        foot = rules.footprint
        opened = False
        for start in range(low, high, _STEP):
            # Buffers and visits may reach beyond a step.
            begin, end = max(low, start - foot.before), min(high, start + _STEP + foot.before + foot.reach)
            calendar = self._calendar(examined, begin, end, free)
            opened = opened or bool(calendar.open)
            if calendar.starts:
                return None
        if not opened:
            return "it is never open" if rules.weekly is not None else "it is closed all the time"
        return f"no stretch of open time has a start of the grid for {foot.before + foot.reach} minutes"

    def _calendar(self, examined: Examined, low: int, high: int, free: Sequence[Taken]) -> CompiledCalendar:
        rules, service = examined.rules, examined.service
        key = rules.weekly, rules.zone.name, low, high
        if key not in self._hours:
            self._hours[key] = expand_hours(rules.weekly, rules.zone, low, high)
        claims = [
            Claim(one.start, one.end, one.reference, free=True)
            for one in free
            if one.start < high
            and low < one.end
            and mapping.concepts_concern(one.concepts, service.id, service.codings)
        ]
        return CompiledCalendar(rules, Axis.over(rules.grid, low, high), self._hours[key], claims)


def _why_not_at_all(schedule: Json) -> str | None:
    if schedule.get("active") is False:
        return "it is inactive"
    actors = children(schedule, "actor")
    return None if len(actors) == 1 else f"it has {len(actors)} actors, and needs exactly one"
