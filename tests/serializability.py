"""Judges a recorded concurrent history of bookings: is it as if the calls had been made one at a time?

`check` looks for a total order of the calls in which none comes before a call that had ended before it began, and in
which the sequential model below gives every answer that was recorded (strict serializability). The search is Wing and
Gong's with Lowe's memo of configurations. Calls that read or are refused change nothing, so the first place where
their answer is right is as good as any. A call whose answer never came may have been carried out at any time since its
start, or never.

Calendars that no call, booking or identifier connects are judged apart: each call belongs to one part, and real time
orders what is left, so an order of the whole exists iff each part has one.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

Kind = Literal["book", "hold", "confirm", "cancel", "reschedule", "read"]
Word = Literal["made", "replayed", "taken", "unavailable", "done", "refused", "missing", "seen"]
Piece = tuple[str, int, int]
"""A stretch of a calendar: calendar, start, end."""


class Row(NamedTuple):
    """An occupied stretch, as a read or a refusal shows it."""

    calendar: str
    start: int
    end: int
    status: str
    booking: str | None = None
    """None where it is not known whose it is; it is not compared then."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered. A field that is None was not recorded, and is not compared."""

    word: Word
    booking: str | None = None
    status: str | None = None
    """Of the booking: in "refused" and "replayed"."""
    calendar: str | None = None
    """The first calendar without room: in "unavailable"."""
    rows: tuple[Row, ...] | None = None
    """In any order: what a read saw, what meets the time of a refused booking, what a replayed booking takes."""


@dataclass(frozen=True, slots=True)
class Event:
    """One call. Times are of one clock that all callers share; `end` is None if the caller never heard an answer."""

    process: str
    start: int
    end: int | None
    kind: Kind
    pieces: tuple[Piece, ...] = ()
    booking: str | None = None
    key: str | None = None
    calendars: tuple[str, ...] = ()
    answer: Answer | None = None

    def __post_init__(self) -> None:
        if (self.end is None) != (self.answer is None):
            raise ValueError("a call has both an end and an answer, or neither")
        if self.end is not None and self.end < self.start:
            raise ValueError("a call ends before it starts")

    def __str__(self) -> str:
        asked = [part for part in (self.booking, self.key, *self.pieces, *self.calendars) if part is not None]
        words = " ".join(str(part) for part in asked)
        return f"{self.process} [{self.start}, {self.end}] {self.kind} {words} -> {self.answer}"


class Booking(NamedTuple):
    """A booking as it stands, and the request that made it, for repeats."""

    id: str
    kind: Kind
    status: str
    pieces: tuple[Piece, ...]
    key: str | None
    proposal: tuple[Piece, ...]

    def rows(self) -> Iterator[Row]:
        if self.status in ("booked", "pending"):
            word = "busy" if self.status == "booked" else "busy-tentative"
            for calendar, start, end in self.pieces:
                yield Row(calendar, start, end, word, self.id)


State = dict[str, Booking]


@dataclass(frozen=True, slots=True)
class Model:
    """The ledger, one call at a time. A calendar takes as many bookings at once as its capacity says, one if absent."""

    capacities: Mapping[str, int] = field(default_factory=dict[str, int])

    def apply(self, state: State, event: Event, new_id: str) -> tuple[Answer, State]:
        """The answer, and the state after it: the very same object if nothing changes."""
        if event.kind in ("book", "hold"):
            return self._make(state, event, new_id)
        if event.kind == "read":
            rows = sorted(row for row in _rows(state) if row.calendar in event.calendars)
            return Answer("seen", rows=tuple(rows)), state
        booking = state.get(event.booking or "")
        if booking is None:
            return Answer("missing"), state
        if event.kind == "confirm":
            if booking.status != "pending":
                return Answer("refused", status=booking.status), state
            return Answer("done"), state | {booking.id: booking._replace(status="booked")}
        if booking.status not in ("booked", "pending"):
            return Answer("refused", status=booking.status), state
        if event.kind == "cancel":
            return Answer("done"), state | {booking.id: booking._replace(status="cancelled")}
        refused = self._in_the_way(state, event.pieces, booking.id)
        if refused is not None:
            return refused, state
        return Answer("done"), state | {booking.id: booking._replace(pieces=event.pieces)}

    def _make(self, state: State, event: Event, new_id: str) -> tuple[Answer, State]:
        proposal = tuple(sorted(event.pieces))
        if event.key is not None:
            for booking in state.values():
                if booking.key == event.key and booking.status != "cancelled":
                    if booking.kind == event.kind and booking.proposal == proposal:
                        rows = tuple(sorted(booking.rows()))
                        return Answer("replayed", booking.id, booking.status, rows=rows), state
                    return Answer("taken"), state
        refused = self._in_the_way(state, event.pieces)
        if refused is not None:
            return refused, state
        if new_id in state:
            return Answer("made"), state  # an id given twice is never right
        status = "booked" if event.kind == "book" else "pending"
        made = Booking(new_id, event.kind, status, event.pieces, event.key, proposal)
        return Answer("made", new_id), state | {new_id: made}

    def _in_the_way(self, state: State, pieces: Sequence[Piece], ignored: str | None = None) -> Answer | None:
        for calendar, start, end in pieces:
            met = [
                row
                for row in _rows(state)
                if row.calendar == calendar and row.start < end and start < row.end and row.booking != ignored
            ]
            instants = {max(start, row.start) for row in met}
            most = max((sum(row.start <= instant < row.end for row in met) for instant in instants), default=0)
            if most >= self.capacities.get(calendar, 1):
                return Answer("unavailable", calendar=calendar, rows=tuple(sorted(met)))
        return None


def _rows(state: State) -> Iterator[Row]:
    return (row for booking in state.values() for row in booking.rows())


def matches(recorded: Answer | None, given: Answer) -> bool:
    """Does the answer given agree with what was recorded of it?"""
    if recorded is None:
        return True
    if recorded.word != given.word or (recorded.word == "made" and given.booking is None):
        return False
    pairs = (
        (recorded.booking, given.booking),
        (recorded.status, given.status),
        (recorded.calendar, given.calendar),
    )
    return all(said is None or said == right for said, right in pairs) and _same_rows(recorded.rows, given.rows or ())


def _same_rows(recorded: tuple[Row, ...] | None, given: tuple[Row, ...]) -> bool:
    if recorded is None:
        return True
    named = {row for row in recorded if row.booking is not None}
    return named <= set(given) and sorted(row[:4] for row in recorded) == sorted(row[:4] for row in given)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether there is an order; if so the order, if not the best attempt and where it got stuck."""

    accepted: bool
    order: tuple[Event, ...]
    explanation: str = ""

    def __bool__(self) -> bool:
        return self.accepted


class Undecided(Exception):
    """More configurations than the limit allows."""


def check(
    history: Iterable[Event],
    capacities: Mapping[str, int] | None = None,
    initial: Iterable[Booking] = (),
    *,
    limit: int = 1_000_000,
) -> Verdict:
    """Judge a history; `initial` are the bookings stored before it. Raises Undecided beyond `limit` configurations."""
    model = Model(dict(capacities or {}))
    order: list[Event] = []
    known, standing = list(history), list(initial)
    guesses = _guesses(known, standing)
    for events, bookings in partition(known, standing):
        verdict = _Search(model, events, bookings, guesses, limit).run()
        if not verdict:
            return verdict
        order += verdict.order
    return Verdict(True, tuple(order))


def partition(events: Sequence[Event], initial: Sequence[Booking] = ()) -> list[tuple[list[Event], list[Booking]]]:
    """The parts that no calendar, booking or identifier connects."""
    parents: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        parents.setdefault(node, node)
        while parents[node] != node:
            parents[node] = node = parents[parents[node]]
        return node

    guesses = _guesses(events, initial)
    touched = [[*_touches(event), *(("booking", one) for one in guesses.get(id(event), ()))] for event in events]
    standing = [list(_touches_of_booking(booking)) for booking in initial]
    for nodes in (*touched, *standing):
        for node in nodes:
            parents[root(node)] = root(nodes[0])
    parts: dict[tuple[str, str], tuple[list[Event], list[Booking]]] = {}
    for event, nodes in zip(events, touched):
        parts.setdefault(root(nodes[0]) if nodes else ("", ""), ([], []))[0].append(event)
    for booking, nodes in zip(initial, standing):
        parts.setdefault(root(nodes[0]), ([], []))[1].append(booking)
    return list(parts.values())


def _touches(event: Event) -> Iterator[tuple[str, str]]:
    rows = (event.answer.rows or ()) if event.answer else ()
    bookings = {event.booking, event.answer.booking if event.answer else None, *(row.booking for row in rows)}
    calendars = {*event.calendars, *(piece[0] for piece in event.pieces), *(row.calendar for row in rows)}
    yield from (("calendar", one) for one in calendars)
    yield from (("booking", one) for one in bookings if one is not None)
    if event.key is not None:
        yield "key", event.key


def _touches_of_booking(booking: Booking) -> Iterator[tuple[str, str]]:
    yield "booking", booking.id
    yield from (("calendar", piece[0]) for piece in booking.pieces)
    if booking.key is not None:
        yield "key", booking.key


def _guesses(events: Sequence[Event], initial: Sequence[Booking]) -> dict[int, list[str]]:
    """For each unheard call that may have made a booking (by `id`), the fitting bookings that no other call made."""
    makers = [event for event in events if event.end is None and event.kind in ("book", "hold")]
    if not makers:
        return {}
    made = {one.answer.booking for one in events if one.answer and one.answer.word == "made"}
    made |= {booking.id for booking in initial}
    moved = {one.booking for one in events if one.kind == "reschedule"}
    keys: dict[str, set[str | None]] = {}
    places: dict[str, set[Piece]] = {}
    for one in events:
        if one.booking is not None:
            keys.setdefault(one.booking, set())
        if one.answer is None:
            continue
        if one.answer.booking is not None:
            keys.setdefault(one.answer.booking, set()).add(one.key)
        for row in one.answer.rows or ():
            if row.booking is not None:
                keys.setdefault(row.booking, set())
                places.setdefault(row.booking, set()).add((row.calendar, row.start, row.end))
    orphans = [booking for booking in keys if booking not in made]
    return {
        id(maker): [
            one
            for one in orphans
            if keys[one] <= {maker.key} and (one in moved or places.get(one, set()) <= set(maker.pieces))
        ]
        for maker in makers
    }


class _Link(NamedTuple):
    """A list of calls that shares its beginning with others."""

    last: Event
    before: _Link | None


class _Configuration(NamedTuple):
    done: int
    """A bit for each call with an answer, by start."""
    guessed: int
    """A bit for each call without one that is taken to have happened."""
    state: State
    order: _Link | None
    length: int


class _Search:
    def __init__(
        self,
        model: Model,
        events: Sequence[Event],
        initial: Sequence[Booking],
        guesses: Mapping[int, Sequence[str]],
        limit: int,
    ) -> None:
        self.model = model
        self.known = sorted((event for event in events if event.end is not None), key=lambda event: event.start)
        self.unknown = sorted((event for event in events if event.end is None), key=lambda event: event.start)
        self.state: State = {booking.id: booking for booking in initial}
        self.limit = limit
        self.new_ids = [[*guesses.get(id(event), ()), _new_id(event)] for event in self.unknown]

    def run(self) -> Verdict:
        everything = (1 << len(self.known)) - 1
        best = _Configuration(0, 0, self.state, None, 0)
        stack = [best]
        met: set[tuple[int, int, frozenset[Booking]]] = set()
        while stack:
            here = self._settle(stack.pop())
            if here.length > best.length:
                best = here
            if here.done == everything:
                return Verdict(True, tuple(_listed(here)))
            steps = list(self._steps(here))
            if len(steps) > 1:  # the others need not be remembered: they lead to one that is, or nowhere
                mark = (here.done, here.guessed, frozenset(here.state.values()))
                if mark in met:
                    continue
                met.add(mark)
                if len(met) > self.limit:
                    raise Undecided(f"more than {self.limit} configurations")
            stack += reversed(steps)
        return Verdict(False, tuple(_listed(best)), self._explain(best))

    def _settle(self, here: _Configuration) -> _Configuration:
        """Take everything that may come now, is right now, and changes nothing: it need not wait."""
        done, order, length = here.done, here.order, here.length
        moved = True
        while moved:
            moved = False
            for index in self._next(done):
                event = self.known[index]
                answer, state = self.model.apply(here.state, event, _new_id(event))
                if state is here.state and matches(event.answer, answer):
                    done |= 1 << index
                    order, length, moved = _Link(event, order), length + 1, True
        return here._replace(done=done, order=order, length=length)

    def _steps(self, here: _Configuration) -> Iterator[_Configuration]:
        """What may come now and changes the state: first those with answers, by their end, then the guesses."""
        horizon = None
        for index in self._next(here.done):
            event = self.known[index]
            horizon = event.end if horizon is None else min(horizon, event.end or 0)
            answer, state = self.model.apply(here.state, event, _new_id(event))
            if state is not here.state and matches(event.answer, answer):
                order = _Link(event, here.order)
                yield _Configuration(here.done | 1 << index, here.guessed, state, order, here.length + 1)
        for index, event in enumerate(self.unknown):
            if horizon is not None and event.start > horizon:
                break
            if not here.guessed >> index & 1:
                for new_id in self.new_ids[index]:
                    _, state = self.model.apply(here.state, event, new_id)
                    if state is not here.state:
                        order = _Link(event, here.order)
                        yield _Configuration(here.done, here.guessed | 1 << index, state, order, here.length)

    def _next(self, done: int) -> list[int]:
        """The calls with answers before which no other must come, by end."""
        first = (~done & (done + 1)).bit_length() - 1
        horizon: int | None = None
        found: list[tuple[int, int]] = []
        for index in range(first, len(self.known)):
            event = self.known[index]
            if horizon is not None and event.start > horizon:
                break
            if not done >> index & 1:
                assert event.end is not None
                horizon = event.end if horizon is None else min(horizon, event.end)
                heapq.heappush(found, (event.end, index))
        return [index for _, index in heapq.nsmallest(len(found), found)]

    def _explain(self, best: _Configuration) -> str:
        lines = [f"no order is possible; the longest attempt holds {best.length} of {len(self.known)} calls, then"]
        for index in self._next(best.done):
            event = self.known[index]
            answer, _ = self.model.apply(best.state, event, _new_id(event))
            lines.append(f"  {event}\n    but it should be {answer}")
        lines.append("the last calls of the attempt:")
        lines += [f"  {event}" for event in _listed(best)[-8:]]
        return "\n".join(lines)


def _new_id(event: Event) -> str:
    return (event.answer.booking if event.answer else None) or f"?{id(event)}"


def _listed(here: _Configuration) -> list[Event]:
    order: list[Event] = []
    node: _Link | None = here.order
    while node is not None:
        order.append(node.last)
        node = node.before
    return order[::-1]


def without_answer(event: Event) -> Event:
    """The same call by a caller who was killed before the answer came."""
    return replace(event, end=None, answer=None)
