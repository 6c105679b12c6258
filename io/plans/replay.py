"""Every visit of a plan judged again as `$book` would judge it, one after the other; nothing of the planner is asked.

What `$find` offers `$book` accepts, and what a plan shows must be accepted too: so each visit is put to the compiled
calendars' rule of admission, and its Slots are then claimed on them. That the order does not matter follows from the
rules: claims of one minute are judged by their number and their smallest tolerance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from ...solver.calendar import CompiledCalendar
from ...solver.capacity import Claim
from .compiling import Compiled, Fixed
from .fields import Gap
from .requests import Booking, Wanted
from .visits import Visit, by_id


def replay(
    compiled: Compiled,
    visits: Sequence[Visit | None],
    *,
    fixed: Mapping[str, Fixed] | None = None,
) -> dict[str, str]:
    """What is wrong with each visit, by the id of its request; empty: all could be booked as they are."""
    asked = {(one.id, visit.service.id) for visit in visits if visit is not None for one in visit.schedules}
    calendars = _Calendars({key: compiled.calendars[key] for key in sorted(asked)})
    taken: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    faults: dict[str, str] = {}
    placed = by_id(visits)
    for visit in placed.values():
        fault = (
            _of_request(visit, compiled.earliest)
            or _of_links(visit, placed, fixed or {})
            or calendars.fault(visit)
            or _of_patient(compiled, visit, taken)
        )
        if fault is not None:
            faults[visit.wanted.id] = fault
            continue
        calendars.claim(visit)
        if visit.wanted.patient is not None:
            taken[visit.wanted.patient["reference"]].append((visit.start, visit.end))
    return faults


class _Calendars:
    """Copies of the compiled calendars that some visit asks, made when one first comes near."""

    def __init__(self, compiled: Mapping[tuple[str, str], CompiledCalendar]) -> None:
        self._compiled = compiled
        self._copies: dict[tuple[str, str], CompiledCalendar] = {}
        self._services: defaultdict[str, list[str]] = defaultdict(list)
        for schedule, service in compiled:
            self._services[schedule].append(service)

    def _copy(self, key: tuple[str, str]) -> CompiledCalendar:
        if key not in self._copies:
            self._copies[key] = self._compiled[key].copy(with_starts=False)
        return self._copies[key]

    def fault(self, visit: Visit) -> str | None:
        """Would one of its schedules refuse it?"""
        for one in visit.schedules:
            if not self._copy((one.id, visit.service.id)).is_open(visit.start):
                return f"Schedule/{one.id} is not open for it"
        return None

    def claim(self, visit: Visit) -> None:
        """What booking it stores: the visit at the capacity of each schedule, buffers at 1, for every service."""
        for one in visit.schedules:
            foot, capacity = one.rules.footprint, one.rules.capacity
            for service in self._services[one.id]:
                calendar = self._copy((one.id, service))
                label = f"request {visit.wanted.id}"
                books = service == visit.service.id
                calendar.add(Claim(visit.start, visit.end, label, capacity, booking=books))
                if foot.before:
                    calendar.add(Claim(visit.start - foot.before, visit.start, label))
                if foot.after:
                    calendar.add(Claim(visit.end, visit.end + foot.after, label))


def _of_request(visit: Visit, earliest: int) -> str | None:
    """Is it what the request asks for?"""
    wanted, start, end = visit.wanted, visit.start, visit.end
    if start < earliest:
        return "it starts before the earliest start"
    if wanted.windows and not any(low <= start and end <= high for low, high in wanted.windows):
        return "it lies in none of the windows"
    if wanted.release is not None and start < wanted.release:
        return "it starts before the release"
    if wanted.deadline is not None and end > wanted.deadline:
        return "it ends after the deadline"
    if wanted.pinned_start is not None and start != wanted.pinned_start:
        return "it does not start when it has to"
    pools = [*wanted.pools, *(pool for pool, _ in wanted.optional)]
    if len(visit.chosen) != len(pools) or None in visit.chosen[: len(wanted.pools)]:
        return "a pool gives nobody"
    for pool, one in zip(pools, visit.chosen, strict=True):
        pinned = wanted.pinned.intersection(pool)
        if one is not None and one.id not in (pinned or pool):
            return f"Schedule/{one.id} is not asked for"
    if len({one.actor_key for one in visit.schedules}) < len(visit.schedules):
        return "one actor is used twice"
    return None if wanted.booking is None else _of_booking(visit, wanted.booking)


def _of_booking(visit: Visit, booking: Booking) -> str | None:
    if visit.start != booking.start and not booking.moves_time:
        return "its time may not be changed"
    if [one.id for one in visit.schedules] != booking.held and not booking.moves_schedule:
        return "its schedules may not be changed"
    return None


def _of_links(visit: Visit, placed: Mapping[str, Visit], fixed: Mapping[str, Fixed]) -> str | None:
    """Does it keep its distance to the requests that it comes after, or that are booked already and come after it?"""
    wanted = visit.wanted
    for gap in wanted.after:
        first = placed.get(gap.request) or fixed.get(gap.request)
        if first is None or not _keeps(gap, (first.start, first.end), (visit.start, visit.end), wanted):
            return f"it does not follow request {gap.request} as asked"
    for id, then in fixed.items():
        for gap in then.after:
            if gap.request == wanted.id and not _keeps(gap, (visit.start, visit.end), (then.start, then.end), wanted):
                return f"request {id} does not follow it as asked"
    return None


def _keeps(gap: Gap, first: tuple[int, int], then: tuple[int, int], wanted: Wanted) -> bool:
    between = then[0] - first[1]
    if between < gap.least or (gap.most is not None and between > gap.most):
        return False
    return not gap.same_day or wanted.zone.local_day(first[0]) == wanted.zone.local_day(then[0])


def _of_patient(compiled: Compiled, visit: Visit, taken: Mapping[str, list[tuple[int, int]]]) -> str | None:
    """Is the patient elsewhere?"""
    if visit.wanted.patient is None:
        return None
    patient = visit.wanted.patient["reference"]
    stays = [*((one.start, one.end) for one in compiled.busy.meeting(patient, visit.start, visit.end))]
    stays += [piece for piece in taken.get(patient, ()) if piece[0] < visit.end and visit.start < piece[1]]
    return f"{patient} is elsewhere" if stays else None
