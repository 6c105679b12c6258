"""Why a request has no place, in words: names of schedules and requests, and local times."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from ...solver.civil import Zone, iso_date
from ...solver.plan.check import chosen_lanes
from ...solver.plan.explain import (
    Apart,
    Free,
    LeftOut,
    NoCandidate,
    OutsideWindows,
    QuotaFull,
    Reason,
    Taken,
    Tied,
    Unserved,
    explain,
    left_out,
)
from ...solver.plan.problem import Plan
from .. import names
from ..errors import Refusal
from ..prepared import Examined
from ..store import Store
from .compiling import Compiled, Entry, Untied
from .requests import Wanted
from .visits import Visit

_NAMED = 8
_POOL = re.compile(r"Parameters\.schedule\[(\d+)\](?:\.part\[(\d+)\])?(.*)")


class Words:
    """Speaks of one round: its problem and its plan."""

    def __init__(self, store: Store, compiled: Compiled, plan: Plan) -> None:
        self._store = store
        self._compiled = compiled
        self._plan = plan

    def refusal(self, wanted: Wanted, error: Refusal) -> str:
        """What `$find` says, with the places as the row names them."""
        pools = [*wanted.pools, *(pool for pool, _ in wanted.optional)]
        pools = [tuple(one for one in pool if one in wanted.pinned) or pool for pool in pools]
        places: list[str] = []
        for expression in error.expression:
            match = _POOL.fullmatch(expression)
            if match is not None:
                places.append(f"Schedule/{pools[int(match[1])][int(match[2] or 0)]}{match[3]}")
            else:
                path = expression.removeprefix("Parameters.service-type-reference")
                places.append(f"HealthcareService/{wanted.service}{path}")
        row = f"Row {wanted.row}: " if wanted.row else ""
        where = f" ({', '.join(places)})" if places else ""
        return f"{row}{error.text}{where}."

    def untied(self, one: Untied) -> str:
        if one.is_circle:
            row = f"Row {one.wanted.row}: " if one.wanted.row else ""
            return f"{row}after: by way of request '{one.first}' it comes after itself. Take one of them out."
        return f"It comes after request '{one.first}', which cannot be planned."

    def unserved(self, place: int) -> str:
        """Why the request at this place of the problem is not served."""
        entry = self._compiled.entries[place]
        impossible = self._impossible(entry, self._compiled.problem.requests[place].starts)
        if impossible is not None:
            return impossible
        found = self._explained[place]
        said = self._reason(found.reason, entry)
        if found.conflict is not None and len(found.conflict) > 1:
            said += f" No plan serves all of {self._ids(found.conflict)}."
        return said

    def partly(self, place: int, visit: Visit) -> str | None:
        """What the visit of the request at this place goes without, and why."""
        pools = (*visit.wanted.pools, *(pool for pool, _ in visit.wanted.optional))
        gone = [
            f"{' or '.join(pool)} ({self._missing(self._left_out[place, role])})"
            for role, (pool, one) in enumerate(zip(pools, visit.chosen, strict=True))
            if one is None
        ]
        return f"It goes without {', '.join(gone)}." if gone else None

    @cached_property
    def _left_out(self) -> dict[tuple[int, int], LeftOut]:
        return {(one.request, one.role): one for one in left_out(self._compiled.problem, self._plan)}

    def _missing(self, one: LeftOut) -> str:
        """Why a role is left out that is not required."""
        request = self._compiled.problem.requests[one.request]
        role = request.roles[one.role]
        ways = [choice for choice in role.choices if choice.lane in one.open and not self._is_there(one, choice.lane)]
        if ways:
            is_dear = all(choice.preference + choice.move >= (role.absent or 0) for choice in ways)
            return "it would cost no less" if is_dear else "free: the planner stopped before"
        others = {request for lane in one.blocked for request in lane.by} - {one.request}
        if others:
            return f"taken by {self._ids(sorted(others))}"
        return "already part of it" if one.open or one.blocked else "not free then"

    def _is_there(self, one: LeftOut, lane: int) -> bool:
        """Is whom the lane stands for in another role of the visit?"""
        problem, placement = self._compiled.problem, self._plan[one.request]
        assert placement is not None, "only of visits that are served"
        taking_part = chosen_lanes(problem.requests[one.request], placement)
        return problem.lanes[lane].actor in {problem.lanes[other].actor for other in taking_part}

    @cached_property
    def _explained(self) -> dict[int, Unserved]:
        return {one.request: one for one in explain(self._compiled.problem, self._plan)}

    def _reason(self, reason: Reason, entry: Entry) -> str:
        match reason:
            case OutsideWindows():
                return "No start on the grid lies in its windows."
            case NoCandidate():
                return "Nothing free: at every start one actor would be needed twice."
            case Tied(first):
                return f"It comes after request '{self._id(first)}', which is not placed."
            case Apart(firsts):
                return f"At every free start it would be too early or too late after {self._ids(firsts)}."
            case QuotaFull(_, requests):
                return f"Booking limits leave no start: {self._ids(requests)} use them up."
            case Taken(starts, requests):
                count = f"its {len(starts)} possible starts are" if len(starts) > 1 else "its only possible start is"
                return f"In this plan {count} taken by {self._ids(requests)}."
            case Free(placement, worth):
                at = local_text(self._compiled.problem.ticks[placement.tick], entry.wanted.zone)
                why = "its costs exceed its weight" if worth <= 0 else "the planner stopped before it"
                return f"It would fit at {at} and be worth {worth:,}: {why}."

    def _id(self, place: int) -> str:
        return self._compiled.entries[place].wanted.id

    def _ids(self, several: Sequence[int]) -> str:
        """The requests, not endlessly."""
        named = [f"'{self._id(one)}'" for one in several[:_NAMED]]
        more = f" and {len(several) - _NAMED} more" if len(several) > _NAMED else ""
        return f"request{'' if len(several) == 1 else 's'} {', '.join(named)}{more}"

    def _impossible(self, entry: Entry, starts: int) -> str | None:
        """Why there is no candidate even without any other request, as a find would say."""
        if not entry.allowed:
            _, high = entry.wanted.bounds()
            if high is not None and high <= self._compiled.earliest:
                return "Its windows are over."
            return "No start on the grid lies in its windows."
        required = len(entry.wanted.pools)
        for pool, free in zip(entry.pools[:required], entry.free, strict=False):
            if not free:
                members = ", ".join(map(self._name, pool))
                which = members if len(pool) == 1 else f"The pool of {members}"
                return f"Nothing free: {which} leaves no start in its windows."
        if entry.wanted.patient is not None and not entry.free[-1]:
            patient = entry.wanted.patient
            return f"{patient.get('display', patient['reference'])} is elsewhere at all starts in its windows."
        if not starts:
            counts = " and ".join(str(bits.bit_count()) for bits in self._required(entry))
            return f"Nothing free: its pools leave {counts} starts in its windows, but none is common to all."
        return None

    def _required(self, entry: Entry) -> Sequence[int]:
        return entry.free[: len(entry.wanted.pools)]

    def _name(self, one: Examined) -> str:
        return f"{names.show(names.schedule_names(self._store, one.resource), one.id)} ({one.id})"


def local_text(minute: int, zone: Zone) -> str:
    """`2026-03-10 09:00 EDT`."""
    local = zone.local(minute)
    hour, rest = divmod(local.second // 60, 60)
    return f"{iso_date(local.day)} {hour:02}:{rest:02} {zone.abbreviation(minute)}"
