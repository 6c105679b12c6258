"""Placements as visits of the store's schedules, and the proposals that book them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...solver.plan.problem import Plan
from .. import urls
from ..booking import with_details
from ..instants import utc_text
from ..mapping import Part, ProposalWriter
from ..operations.call import Call
from ..prepared import Examined, Service
from ..references import Json
from .compiling import Compiled
from .requests import Wanted


class Visit(NamedTuple):
    """A request at a time, in minutes, and whom each of its pools gives (None: gone without)."""

    wanted: Wanted
    service: Service
    start: int
    end: int
    chosen: tuple[Examined | None, ...]

    @property
    def schedules(self) -> tuple[Examined, ...]:
        """The schedules that take part, in the order of the pools."""
        return tuple(one for one in self.chosen if one is not None)

    @property
    def is_move(self) -> bool:
        """Is it a booking that stands elsewhere?"""
        booking = self.wanted.booking
        if booking is None:
            return False
        return (self.start, [one.id for one in self.schedules]) != (booking.start, booking.held)


def visits_of(compiled: Compiled, plan: Plan) -> list[Visit | None]:
    """The visit of each request of the problem; None: not served."""
    found: list[Visit | None] = []
    for entry, placement in zip(compiled.entries, plan, strict=True):
        if placement is None:
            found.append(None)
            continue
        start = compiled.problem.ticks[placement.tick]
        chosen = tuple(
            None if choice is None else pool[choice]
            for pool, choice in zip(entry.pools, placement.choices[: len(entry.pools)], strict=True)
        )
        found.append(Visit(entry.wanted, entry.service, start, start + entry.duration, chosen))
    return found


def identifier(request_id: str) -> Json:
    """By this a booking is known as that of a request, so that booking it again replays."""
    return {"system": urls.PLAN_REQUEST, "value": request_id}


def call_of(visit: Visit, who: str | None) -> Call:
    """The operation that books the visit, or moves its booking there."""
    booking = visit.wanted.booking
    if booking is None:
        return Call("Appointment/$book", body=proposal(visit), who=who)
    schedules = [{"name": "schedule", "valueReference": {"reference": f"Schedule/{one.id}"}} for one in visit.schedules]
    start = {"name": "start", "valueDateTime": utc_text(visit.start)}
    body = {"resourceType": "Parameters", "parameter": [start, *schedules]}
    return Call(f"Appointment/{booking.appointment}/$reschedule", body=body, who=who)


def proposal(visit: Visit) -> Json:
    """The Appointment that `$book` takes."""
    wanted = visit.wanted
    parts = [
        Part(f"Schedule/{one.id}", one.actors[0], one.rules.footprint, one.rules.capacity) for one in visit.schedules
    ]
    written = ProposalWriter(visit.service.resource).write(visit.start, parts)
    made = with_details(written, patient=wanted.patient, comment=wanted.comment, identifiers=[identifier(wanted.id)])
    if wanted.priority:
        made["priority"] = wanted.priority
    return made


def by_id(visits: Sequence[Visit | None]) -> dict[str, Visit]:
    """The visits by the ids of their requests."""
    return {one.wanted.id: one for one in visits if one is not None}
