"""The checker of histories: what it accepts, what it must reject, and both against trying every order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, permutations
from typing import Any

import pytest
from serializability import (
    Answer,
    Booking,
    Event,
    Kind,
    Model,
    Piece,
    Row,
    State,
    Undecided,
    Verdict,
    check,
    matches,
    partition,
    without_answer,
)

NINE: Piece = ("a", 540, 570)
HALF_PAST: Piece = ("a", 570, 600)
DONE = Answer("done")


def made(id: str) -> Answer:
    return Answer("made", id)


def busy(piece: Piece, booking: str | None = None, status: str = "busy") -> Row:
    return Row(*piece, status, booking)


def refused_for(*pieces: Piece) -> Answer:
    return Answer("unavailable", calendar=pieces[0][0], rows=tuple(busy(piece) for piece in pieces))


def seen(*rows: Row) -> Answer:
    return Answer("seen", rows=tuple(sorted(rows)))


def call(process: str, start: int, end: int, kind: Kind, answer: Answer, **asked: Any) -> Event:
    return Event(process, start, end, kind, answer=answer, **asked)


def book(process: str, start: int, end: int, answer: Answer, *pieces: Piece, key: str | None = None) -> Event:
    return call(process, start, end, "book", answer, pieces=pieces or (NINE,), key=key)


def read(process: str, start: int, end: int, *rows: Row, calendars: tuple[str, ...] = ("a",)) -> Event:
    return call(process, start, end, "read", seen(*rows), calendars=calendars)


def cancel(process: str, start: int, end: int, booking: str, answer: Answer = DONE) -> Event:
    return call(process, start, end, "cancel", answer, booking=booking)


STANDING = Booking("x", "book", "booked", (NINE,), None, (NINE,))
HELD = Booking("h", "hold", "pending", (NINE,), "K", (NINE,))

GOOD: dict[str, list[Event]] = {
    "one after the other": [
        book("p", 0, 1, made("1")),
        book("q", 2, 3, refused_for(NINE)),
        cancel("p", 4, 5, "1"),
        book("q", 6, 7, made("2")),
        cancel("p", 8, 9, "1", Answer("refused", status="cancelled")),
    ],
    "the later call wins the race": [book("p", 0, 10, refused_for(NINE)), book("q", 5, 9, made("1"))],
    "a reader beside a write sees it or not": [
        book("p", 0, 10, made("1")),
        read("q", 1, 2),
        read("q", 3, 4, busy(NINE, "1")),
        read("r", 1, 4),
    ],
    "a repeat answers the same booking": [
        book("p", 0, 1, made("1"), key="K"),
        book("q", 2, 3, Answer("replayed", "1", "booked", rows=(busy(NINE, "1"),)), key="K"),
        cancel("q", 4, 5, "1"),
        book("p", 6, 7, made("2"), key="K"),
    ],
    "another time under the same identifier": [
        book("p", 0, 1, made("1"), key="K"),
        book("p", 2, 3, Answer("taken"), HALF_PAST, key="K"),
    ],
    "a hold confirmed, then not again": [
        call("p", 0, 1, "hold", made("1"), pieces=(NINE,)),
        read("q", 2, 3, busy(NINE, "1", "busy-tentative")),
        call("p", 4, 5, "confirm", DONE, booking="1"),
        call("p", 6, 7, "confirm", Answer("refused", status="booked"), booking="1"),
        read("q", 8, 9, busy(NINE, "1")),
    ],
    "moved, and the old time given to another": [
        book("p", 0, 1, made("1")),
        call("p", 2, 3, "reschedule", DONE, booking="1", pieces=(HALF_PAST,)),
        book("q", 4, 5, made("2")),
        call("p", 6, 7, "reschedule", refused_for(NINE), booking="1", pieces=(NINE,)),
    ],
    "moved by a part of its own length": [
        book("p", 0, 1, made("1")),
        call("p", 2, 3, "reschedule", DONE, booking="1", pieces=(("a", 550, 580),)),
    ],
    "nothing there": [cancel("p", 0, 1, "nobody", Answer("missing"))],
    "a killed booking that happened": [
        without_answer(book("p", 0, 1, made("1"), key="K")),
        book("q", 2, 3, refused_for(NINE)),
        book("p", 4, 5, Answer("replayed", "1", "booked"), key="K"),
    ],
    "a killed booking that never happened": [
        without_answer(book("p", 0, 1, made("1"), key="K")),
        book("q", 2, 3, made("2")),
        book("p", 4, 5, refused_for(NINE), key="K"),
    ],
    "a killed booking that happened late": [
        without_answer(book("p", 0, 1, made("1"))),
        read("q", 2, 3),
        read("q", 4, 5, busy(NINE, "9")),
        cancel("q", 6, 7, "9"),
    ],
    "a killed cancel that happened": [
        book("p", 0, 1, made("1")),
        without_answer(cancel("p", 2, 3, "1")),
        book("q", 4, 5, made("2")),
        cancel("p", 6, 7, "1", Answer("refused", status="cancelled")),
    ],
}

BAD: dict[str, list[Event]] = {
    "double booking": [book("p", 0, 5, made("1")), book("q", 1, 6, made("2"))],
    "double booking of times that overlap": [
        book("p", 0, 5, made("1")),
        book("q", 1, 6, made("2"), ("a", 560, 590)),
    ],
    "lost update: two moves of one booking, the later acknowledged, the earlier seen": [
        book("p", 0, 1, made("1")),
        call("p", 2, 3, "reschedule", DONE, booking="1", pieces=(HALF_PAST,)),
        call("q", 4, 5, "reschedule", DONE, booking="1", pieces=(("a", 600, 630),)),
        read("p", 6, 7, busy(HALF_PAST, "1")),
    ],
    "write skew: each holds one schedule and gets both": [
        read("p", 0, 1, calendars=("a", "b")),
        book("p", 2, 9, made("1"), NINE, ("b", 540, 570)),
        book("q", 2, 9, made("2"), ("b", 540, 570), ("c", 540, 570)),
        book("r", 2, 9, made("3"), ("c", 540, 570), NINE),
        read("p", 10, 11, busy(NINE, "1"), busy(("b", 540, 570), "1"), calendars=("a", "b")),
    ],
    "write skew: each refused for the other": [
        book("p", 0, 9, Answer("unavailable", calendar="b"), NINE, ("b", 540, 570)),
        book("q", 0, 9, Answer("unavailable", calendar="a"), ("b", 540, 570), NINE),
    ],
    "stale read after an acknowledgement": [book("p", 0, 1, made("1")), read("q", 2, 3)],
    "two readers see two bookings in opposite order": [
        book("p", 0, 20, made("1")),
        book("q", 0, 20, made("2"), HALF_PAST),
        read("r", 1, 2, busy(NINE, "1")),
        read("s", 1, 2, busy(HALF_PAST, "2")),
    ],
    "seen, then unseen, then seen": [
        book("p", 0, 20, made("1")),
        read("r", 1, 2, busy(NINE, "1")),
        read("s", 3, 4),
        read("r", 5, 6, busy(NINE, "1")),
    ],
    "cancelled booking seen again": [
        book("p", 0, 1, made("1")),
        cancel("p", 2, 3, "1"),
        read("q", 4, 5, busy(NINE, "1")),
    ],
    "cancelled twice": [book("p", 0, 1, made("1")), cancel("p", 2, 5, "1"), cancel("q", 2, 5, "1")],
    "refused although free": [book("p", 0, 1, refused_for(NINE))],
    "refused for a booking made later": [book("p", 0, 1, refused_for(NINE)), book("q", 2, 3, made("1"))],
    "refused, naming what was cancelled": [
        book("p", 0, 1, made("1")),
        cancel("p", 2, 3, "1"),
        book("p", 4, 5, made("2"), ("a", 550, 580)),
        book("q", 6, 7, refused_for(NINE)),
    ],
    "acknowledged booking lost": [book("p", 0, 1, made("1")), book("q", 2, 3, made("2"))],
    "a repeat made a second booking": [
        book("p", 0, 1, made("1"), ("c", 0, 30), key="K"),
        book("p", 2, 3, made("2"), ("c", 0, 30), key="K"),
    ],
    "a repeat answers another's booking": [
        book("p", 0, 1, made("1"), key="K"),
        book("q", 2, 3, made("2"), HALF_PAST, key="L"),
        book("p", 4, 5, Answer("replayed", "2", "booked"), key="K"),
    ],
    "the same id twice": [book("p", 0, 1, made("1")), book("q", 2, 3, made("1"), HALF_PAST)],
    "moved, but the old time is still taken": [
        book("p", 0, 1, made("1")),
        call("p", 2, 3, "reschedule", DONE, booking="1", pieces=(HALF_PAST,)),
        book("q", 4, 5, refused_for(NINE)),
    ],
    "moved, but the new time is given away": [
        book("p", 0, 1, made("1")),
        call("p", 2, 3, "reschedule", DONE, booking="1", pieces=(HALF_PAST,)),
        book("q", 4, 5, made("2"), HALF_PAST),
    ],
    "half of a booking over two schedules": [
        book("p", 0, 9, made("1"), NINE, ("b", 540, 570)),
        read("q", 1, 2, busy(NINE, "1"), calendars=("a", "b")),
    ],
    "a killed booking seen, and then never": [
        without_answer(book("p", 0, 1, made("1"), key="K")),
        read("q", 2, 3, busy(NINE, "9")),
        book("p", 4, 5, made("2"), key="K"),
    ],
    "a killed booking cannot happen before it was asked for": [
        read("q", 0, 1, busy(NINE, "9")),
        without_answer(book("p", 2, 3, made("1"))),
    ],
    "a killed cancel happens once at most": [
        book("p", 0, 1, made("1")),
        without_answer(cancel("p", 2, 3, "1")),
        book("q", 4, 5, made("2")),
        book("q", 6, 7, made("3")),
    ],
    "a hold that blocks nobody": [call("p", 0, 1, "hold", made("1"), pieces=(NINE,)), book("q", 2, 3, made("2"))],
    "confirmed out of nothing": [call("p", 0, 1, "confirm", DONE, booking="1")],
}


@pytest.mark.parametrize("name", GOOD)
def test_accepts(name: str) -> None:
    verdict = check(GOOD[name])
    assert verdict, verdict.explanation
    assert {event for event in GOOD[name] if event.end is not None} <= set(verdict.order)


@pytest.mark.parametrize("name", BAD)
def test_rejects(name: str) -> None:
    verdict = check(BAD[name])
    assert not verdict
    assert "no order is possible" in verdict.explanation


def test_standing_bookings_count() -> None:
    assert check([book("p", 0, 1, refused_for(NINE))], initial=[STANDING])
    assert not check([book("p", 0, 1, made("1"))], initial=[STANDING])
    held = Answer("replayed", "h", "pending", rows=(busy(NINE, "h", "busy-tentative"),))
    assert check([call("p", 0, 1, "hold", held, pieces=(NINE,), key="K")], initial=[HELD])
    assert check([book("p", 0, 1, Answer("taken"), key="K")], initial=[HELD])


@pytest.mark.parametrize(("capacity", "accepted"), [(1, False), (2, False), (3, True), (4, True)])
def test_capacity(capacity: int, accepted: bool) -> None:
    history = [book(f"p{number}", 0, 9, made(str(number))) for number in range(3)]
    assert bool(check(history, {"a": capacity})) == accepted


def test_capacity_counts_at_each_instant() -> None:
    """Two short bookings one after the other take one of two places, so a long one fits beside them."""
    history = [
        book("p", 0, 1, made("1"), ("a", 0, 30)),
        book("p", 2, 3, made("2"), ("a", 30, 60)),
        book("p", 4, 5, made("3"), ("a", 0, 60)),
        book("p", 6, 7, refused_for(("a", 0, 30), ("a", 0, 60)), ("a", 10, 20)),
    ]
    assert check(history, {"a": 2})


def test_calendars_are_judged_apart_unless_something_connects_them() -> None:
    apart = [book("p", 0, 1, made("1")), book("p", 2, 3, made("2"), ("b", 0, 30))]
    assert len(partition(apart)) == 2
    assert len(partition([*apart, read("q", 4, 5, calendars=("a", "b"))])) == 1
    same_key = [book("p", 0, 1, made("1"), key="K"), book("p", 2, 3, Answer("taken"), ("b", 0, 30), key="K")]
    assert len(partition(same_key)) == 1 and check(same_key)


def test_the_explanation_says_what_should_have_been_answered() -> None:
    verdict = check(BAD["acknowledged booking lost"])
    assert "1 of 2 calls" in verdict.explanation
    assert "unavailable" in verdict.explanation


def test_the_limit_is_said_and_not_taken_for_a_verdict() -> None:
    unheard = [without_answer(book("p", 0, 1, made(str(n)), ("a", n, n + 1))) for n in range(12)]
    with pytest.raises(Undecided):
        check([*unheard, book("q", 2, 3, refused_for(("a", 50, 60)), ("a", 50, 60))], limit=500)


def test_an_event_without_an_answer_has_no_end() -> None:
    with pytest.raises(ValueError, match="neither"):
        Event("p", 0, 1, "read")
    with pytest.raises(ValueError, match="before it starts"):
        read("p", 1, 0)


# --- against real sequential runs, and against trying every order ------------


def sequential(seed: int, length: int, processes: int = 4, calendars: str = "ab", keys: str = "KL") -> list[Event]:
    """What the model answers to random calls one after the other, each interval stretched around its call."""
    rng = random.Random(seed)
    model = Model({"a": 2})
    state: State = {}
    free_from = {f"p{number}": 0 for number in range(processes)}
    events: list[Event] = []
    for moment in range(0, 10 * length, 10):
        process = rng.choice(sorted(free_from))
        if free_from[process] > moment:
            continue
        wish = Event(
            process,
            rng.randint(max(free_from[process], moment - 60), moment),
            None,
            **_wish(rng, state, calendars, keys),
        )
        answer, state = model.apply(state, wish, f"{calendars}{moment}")
        events.append(replace(wish, end=moment + rng.randint(0, 40), answer=answer))
        free_from[process] = moment + 41
    return events


def _wish(rng: random.Random, state: State, calendars: str, keys: str) -> dict[str, Any]:
    start = rng.randrange(0, 40, 10)
    pieces = tuple((calendar, start, start + 20) for calendar in calendars if rng.random() < 0.6)
    pieces = pieces or ((calendars[0], start, start + 20),)
    booking = rng.choice([*state, *state, f"nobody-{calendars}"])
    kind: Kind = rng.choice(["book", "book", "hold", "confirm", "cancel", "reschedule", "read"])
    if kind in ("book", "hold"):
        return {"kind": kind, "pieces": pieces, "key": rng.choice([None, *keys])}
    if kind == "read":
        return {"kind": kind, "calendars": tuple(calendars)}
    return {"kind": kind, "booking": booking, "pieces": pieces if kind == "reschedule" else ()}


@pytest.mark.parametrize("seed", range(20))
def test_accepts_what_really_ran_one_after_the_other(seed: int) -> None:
    verdict = check(sequential(seed, 200), {"a": 2})
    assert verdict, verdict.explanation


@pytest.mark.parametrize("seed", range(20))
def test_accepts_it_too_when_some_answers_were_never_heard(seed: int) -> None:
    rng = random.Random(seed)
    history = sequential(seed, 80)
    unheard = set(rng.sample(range(len(history)), 4))
    verdict = check([without_answer(one) if n in unheard else one for n, one in enumerate(history)], {"a": 2})
    assert verdict, verdict.explanation


def test_a_history_of_thousands_of_calls_is_judged() -> None:
    history = [
        event
        for number in range(20)
        for event in sequential(number, 400, processes=8, calendars=chr(ord("c") + number), keys=chr(ord("C") + number))
    ]
    assert len(history) > 4000 and len(partition(history)) >= 20
    assert check(history)
    lost = next(n for n, one in enumerate(history) if one.kind == "cancel" and one.answer == DONE and n > 2000)
    assert not check([*history[:lost], *history[lost + 1 :]])


def by_every_order(history: Sequence[Event], capacities: dict[str, int]) -> bool:
    """The definition, word by word: any subset of the unheard calls, any order, real time, the model's answers."""
    heard = [event for event in history if event.end is not None]
    unheard = [event for event in history if event.end is None]
    ids = {one.answer.booking for one in heard if one.answer and one.answer.booking}
    ids |= {row.booking for one in heard if one.answer for row in one.answer.rows or () if row.booking}
    ids |= {one.booking for one in heard if one.booking}
    subsets = (some for size in range(len(unheard) + 1) for some in combinations(unheard, size))
    return any(
        _is_right(order, Model(capacities), sorted(one for one in ids if one))
        for some in subsets
        for order in permutations([*heard, *some])
        if _in_real_time(order)
    )


def _in_real_time(order: Sequence[Event]) -> bool:
    return not any(
        later.end is not None and later.end < earlier.start
        for place, earlier in enumerate(order)
        for later in order[place + 1 :]
    )


def _is_right(order: Sequence[Event], model: Model, ids: Sequence[str], state: State | None = None) -> bool:
    state = state or {}
    if not order:
        return True
    first, rest = order[0], order[1:]
    new_ids = [*ids, f"?{len(rest)}"] if first.answer is None else [first.answer.booking or "?"]
    for new_id in new_ids:
        answer, after = model.apply(state, first, new_id)
        if matches(first.answer, answer) and _is_right(rest, model, ids, after):
            return True
    return False


def garbled(rng: random.Random, history: Sequence[Event]) -> list[Event]:
    """One answer exchanged for that of another call, or one interval moved, or an answer unheard."""
    events = list(history)
    place = rng.randrange(len(events))
    event = events[place]
    choice = rng.randrange(3)
    if choice == 0:
        other = rng.choice([one for one in events if one.kind == event.kind])
        events[place] = replace(event, end=event.end or event.start, answer=other.answer) if other.answer else event
    elif choice == 1 and event.end is not None:
        shift = rng.choice([-80, -40, 40, 80])
        events[place] = replace(event, start=event.start + shift, end=event.end + shift)
    else:
        events[place] = without_answer(event)
    return events


def test_says_what_trying_every_order_says() -> None:
    verdicts: list[bool] = []
    for seed in range(800):
        rng = random.Random(seed)
        history = sequential(seed, 12, processes=4)[:6]
        for _ in range(rng.randrange(4)):
            history = garbled(rng, history)
        verdict: Verdict = check(history, {"a": 2})
        assert bool(verdict) == by_every_order(history, {"a": 2}), (seed, [str(event) for event in history])
        verdicts.append(bool(verdict))
    assert 200 < sum(verdicts) < 700  # both verdicts occur often
