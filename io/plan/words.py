"""Why a request has no place, in words: names of schedules and requests, and local times."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...solver.plan.problem import Plan
from .. import names
from ..errors import Refusal
from ..prepared import Examined
from ..store import Store
from .compiling import Compiled, Entry, Untied
from .requests import Wanted

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
        for link in self._compiled.problem.links:
            if link.then == place and self._plan[link.first] is None:
                return f"It comes after request '{self._compiled.entries[link.first].wanted.id}', which is not placed."
        return "All its candidates are taken in this plan."

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
