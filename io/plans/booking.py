"""`--book`: the visits of a plan written into a ledger, in groups whose transactions stay short.

What belongs together is one bundle, accepted or refused whole: a move and whatever takes the time it leaves, and
requests tied by precedence. Each booking bears its request's id, so that writing it again replays.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ..ledger.ledger import Ledger
from ..operations import Call, invoke_all
from ..references import Json, child, children
from .compiling import Fixed
from .requests import Wanted
from .visits import Visit, call_of

AIM_S = 0.2
"""How long a transaction should take: what is asked for is at most half a second, and machines are not alike."""

_FIRST, _MOST = 8, 512


class Written(NamedTuple):
    """How one visit was written: the Appointment as stored, or why it was refused."""

    visit: Visit
    appointment: Json | None
    refusal: str | None = None


def groups_of(visits: Sequence[Visit]) -> list[list[Visit]]:
    """The visits to write, in bundles: those tied together, in the order of their requests."""
    parent = list(range(len(visits)))

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for one, other in _ties(visits):
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    groups: defaultdict[int, list[Visit]] = defaultdict(list)
    for place, visit in enumerate(visits):
        groups[root(place)].append(visit)
    return list(groups.values())


def _ties(visits: Sequence[Visit]) -> Iterator[tuple[int, int]]:
    place = {visit.wanted.id: number for number, visit in enumerate(visits)}
    for number, visit in enumerate(visits):
        for gap in visit.wanted.after:
            if gap.request in place:
                yield place[gap.request], number
    takers: defaultdict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for number, visit in enumerate(visits):
        for name, start, end in _takes(visit):
            takers[name].append((start, end, number))
    for several in takers.values():
        several.sort()
    for number, visit in enumerate(visits):
        for name, start, end in _leaves(visit):
            for begin, finish, other in takers.get(name, ()):
                if begin >= end:
                    break
                if finish > start and other != number:
                    yield number, other


def _takes(visit: Visit) -> Iterator[tuple[str, int, int]]:
    for one in visit.schedules:
        foot = one.rules.footprint
        yield one.id, visit.start - foot.before, visit.end + foot.after
    if visit.wanted.patient is not None:
        yield visit.wanted.patient["reference"], visit.start, visit.end


def _leaves(visit: Visit) -> Iterator[tuple[str, int, int]]:
    """What a booking has taken so far, on each schedule as far as its longest buffers reach."""
    booking = visit.wanted.booking
    if booking is None:
        return
    for id in booking.held:
        yield id, *booking.reach
    if visit.wanted.patient is not None:
        yield visit.wanted.patient["reference"], booking.start, booking.end


def write(
    ledger: Ledger,
    visits: Sequence[Visit],
    *,
    who: str | None = None,
    written: Callable[[Written], None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Book the visits, and move what has moved. `written` is told of each as soon as its transaction is flushed.

    A group of transactions that took long is followed by a smaller one, down to single bundles; Ctrl-C between two
    leaves everything told of as it is.
    """
    waiting = groups_of([visit for visit in visits if visit.wanted.booking is None or visit.is_move])
    size = float(_FIRST)
    while waiting:
        taken = _head(waiting, int(size))
        calls = [_call(group, who) for group in taken]
        begun = clock()
        answers = invoke_all(ledger, calls)
        took = max(clock() - begun, 1e-6)
        count = sum(map(len, taken))
        size = min(max(count * min(AIM_S / took, 2), 1), _MOST)
        for group, (status, resource) in zip(taken, answers, strict=True):
            for one in _outcomes(group, status, resource):
                written(one)


def _head(waiting: list[list[Visit]], most: int) -> list[list[Visit]]:
    """Whole groups from the head, up to `most` visits but at least one group; they are taken off."""
    count = size = 0
    while count < len(waiting) and (not count or size + len(waiting[count]) <= most):
        size += len(waiting[count])
        count += 1
    taken, waiting[:count] = waiting[:count], []
    return taken


def _call(group: Sequence[Visit], who: str | None) -> Call | list[Call]:
    calls = [call_of(visit, who) for visit in group]
    return calls[0] if len(calls) == 1 else calls


def _outcomes(group: Sequence[Visit], status: int, resource: Json) -> Iterator[Written]:
    if status >= 400:
        text = str(child(children(resource, "issue")[0], "details").get("text", ""))
        for visit in group:
            yield Written(visit, None, text)
        return
    bundles = [resource] if len(group) == 1 else [entry["resource"] for entry in children(resource, "entry")]
    for visit, bundle in zip(group, bundles, strict=True):
        stored = (entry["resource"] for entry in children(bundle, "entry"))
        yield Written(visit, next(one for one in stored if one["resourceType"] == "Appointment"))


def fixed_by(wanted: Wanted, appointment: str, start: int, end: int) -> Fixed:
    """The request as one that is booked already."""
    return Fixed(appointment, start, end, wanted.after, wanted.zone)
