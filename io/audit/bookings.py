"""Bookings that the rules do not allow: over each other, in closed time, outside hours; and halves of bookings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ...solver import intervals
from ...solver.availability import Piece
from ...solver.capacity import Claim, blocked
from ...solver.civil import MINUTE_MS
from .. import mapping
from ..layers import closure_of
from ..mapping import BOOKED
from ..parameters import ParameterFault
from ..prepared import Examined, Prepared, Service
from .finding import Finding, Kind
from .stored import Booking, Taken


def of_schedule(prepared: Prepared, schedule_id: str, slots: Sequence[Taken]) -> Iterator[Finding]:
    """What does not fit among the Slots of one schedule, in order of start."""
    occupying = [one for one in slots if one.status != "free"]
    free = [one for one in slots if one.status == "free"]
    yield from _halves(schedule_id, occupying)
    yield from _conflicts(prepared, schedule_id, occupying)
    yield from _shut(prepared, schedule_id, occupying, free)


def _finding(
    kind: Kind, schedule_id: str, booking: Booking | None, slots: Sequence[Taken], text: str, *, slot: str | None = None
) -> Finding:
    start, end = min(one.start for one in slots), max(one.end for one in slots)
    reference = None if booking is None else booking.reference
    return Finding(kind, f"Schedule/{schedule_id}", reference, slot, start * MINUTE_MS, end * MINUTE_MS, text)


# Halves


def _halves(schedule_id: str, slots: Iterable[Taken]) -> Iterator[Finding]:
    for one in slots:
        if one.status in BOOKED and not one.bookings:
            text = f"{one.reference} is {one.status} and belongs to no Appointment"
            yield _finding("without-appointment", schedule_id, None, [one], text, slot=one.reference)


# Over each other


class _Clash(NamedTuple):
    """A booking and a Slot beside which it does not fit."""

    booking: Booking
    its: Taken
    other: Taken


def _conflicts(prepared: Prepared, schedule_id: str, slots: Sequence[Taken]) -> Iterator[Finding]:
    """One for each booking and all that it clashes with: with what starts before it, or is no booking itself."""
    found: dict[Booking, list[_Clash]] = {}
    for clash in _clashes(prepared, slots):
        found.setdefault(clash.booking, []).append(clash)
    for booking, clashes in found.items():
        its = list({clash.its.id: clash.its for clash in clashes}.values())
        others = list({clash.other.id: clash.other for clash in clashes}.values())
        is_exclusive = any(one.tolerance == 1 for one in (*its, *others))
        names = ", ".join(dict.fromkeys(_called(one) for one in others))
        if is_exclusive:
            yield _finding("overlap", schedule_id, booking, its, f"it overlaps {names}")
        else:
            most = min(one.tolerance for one in (*its, *others))
            text = f"more than {most} at a time: it runs together with {names}"
            yield _finding("over-capacity", schedule_id, booking, its, text)


def _called(slot: Taken) -> str:
    return slot.bookings[0].reference if slot.bookings else f"{slot.reference} ({slot.comment or slot.status})"


def _clashes(prepared: Prepared, slots: Sequence[Taken]) -> Iterator[_Clash]:
    """Each Slot judged as if those that start before it had been there already (specification, model 11)."""
    running: list[Taken] = []
    for one in slots:
        running = [other for other in running if other.end > one.start]
        beside = [other for other in running if _concern(prepared, one, other)]
        if beside:
            capacity = 1 if one.status == "busy-unavailable" else one.tolerance
            claims = [Claim(other.start, other.end, other.id, other.tolerance) for other in beside]
            full = intervals.clip(blocked(claims, capacity), one.start, one.end)
            for other in beside:
                if intervals.touches(full, max(one.start, other.start), min(one.end, other.end)):
                    yield from _told(one, other)
        running.append(one)


def _told(one: Taken, other: Taken) -> Iterator[_Clash]:
    """To the later booking; where only one of them is a booking, to that."""
    for booking in one.bookings:
        yield _Clash(booking, one, other)
    if not one.bookings:
        for booking in other.bookings:
            yield _Clash(booking, other, one)


def _concern(prepared: Prepared, one: Taken, other: Taken) -> bool:
    """Do they take time from each other: of different Appointments, and each of concern to the other's service?"""
    if set(one.bookings) & set(other.bookings):
        return False
    return _concerns(prepared, one, other.bookings) and _concerns(prepared, other, one.bookings)


def _concerns(prepared: Prepared, slot: Taken, bookings: Sequence[Booking]) -> bool:
    if not slot.concepts or not bookings:
        return True
    services = [prepared.service(id) for booking in bookings for id in booking.services]
    return any(
        service is None or mapping.concepts_concern(slot.concepts, service.id, service.codings) for service in services
    )


# In closed time


def _shut(prepared: Prepared, schedule_id: str, slots: Sequence[Taken], free: Sequence[Taken]) -> Iterator[Finding]:
    """Bookings with a Slot outside open time (specification, model 10): in a closure, or outside hours."""
    by_booking: dict[Booking, list[Taken]] = {}
    for one in slots:
        for booking in one.bookings:
            by_booking.setdefault(booking, []).append(one)
    for booking, its in by_booking.items():
        for examined in _examined(prepared, schedule_id, booking):
            yield from _shut_for(prepared, schedule_id, examined, booking, its, free)


def _examined(prepared: Prepared, schedule_id: str, booking: Booking) -> Iterator[Examined]:
    """The schedule as each service of the booking sees it, where its parameters are sound."""
    for id in booking.services:
        service = prepared.service(id)
        found = None if service is None else prepared.examine(schedule_id, service)
        if found is not None and not isinstance(found.parameters, ParameterFault):
            yield found


def _shut_for(
    prepared: Prepared,
    schedule_id: str,
    examined: Examined,
    booking: Booking,
    its: Sequence[Taken],
    free: Sequence[Taken],
) -> Iterator[Finding]:
    low, high = min(one.start for one in its), max(one.end for one in its)
    service = examined.service
    near = [_free_claim(one, service) for one in free if one.start <= high and low <= one.end]
    opened = prepared.admission(examined, low, high, near).open
    wrong = [one for one in its if not intervals.covers(opened, one.start, one.end)]
    if not wrong:
        return
    hit = [one for one in wrong if any(_meet(closure, one) for closure in _closures(examined))]
    if hit:
        names = [_named(examined, one) for one in _closures(examined) if any(_meet(one, its_own) for its_own in hit)]
        text = f"it lies in time that is closed for {service.id}: {', '.join(dict.fromkeys(names))}"
        yield _finding("closed", schedule_id, booking, hit, text)
    if len(hit) < len(wrong):
        outside = [one for one in wrong if one not in hit]
        yield _finding("outside-hours", schedule_id, booking, outside, f"it lies outside the hours for {service.id}")


def _free_claim(slot: Taken, service: Service) -> Claim:
    relevant = mapping.concepts_concern(slot.concepts, service.id, service.codings)
    return Claim(slot.start, slot.end, slot.reference, free=True, relevant=relevant)


def _closures(examined: Examined) -> list[Piece]:
    return [
        Piece(
            -(2**62) if closure.start is None else closure.start,
            2**62 if closure.end is None else closure.end,
            closure.label,
        )
        for closure in examined.rules.closures
    ]


def _named(examined: Examined, closure: Piece) -> str:
    """What a closure is described as, else where it stands."""
    return closure_of(examined, closure.label)[0] or closure.label


def _meet(closure: Piece, slot: Taken) -> bool:
    return closure.start < slot.end and slot.start < closure.end
