"""A small clinic, calls on it, and a record of what was asked and answered, for tests that disturb a ledger.

Times are minutes since midnight of one day; a visit takes half an hour on a grid of ten minutes, so that visits overlap
in many ways. What is recorded is judged by `serializability`, whose sequential model is also the oracle for a single
caller.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import slotwright.io.ledger.writing
from serializability import Answer, Event, Kind, Model, Piece, Row, State, matches
from slotwright.io import Call, invoke, open_ledger
from support import Resource, parameters, practitioner, schedule, service, service_type

DAY = datetime(2026, 3, 16, tzinfo=UTC)
LENGTH = 30
STARTS = range(540, 660, 10)
PATIENCE = 60
"""Seconds that nothing here takes, however slow the machine."""
SYSTEM = "http://example.org/booking"
_STATUS = re.compile(r"Appointment cannot be \w+ in '([a-z-]+)' status")


class Failed(Exception):
    """A call that was answered with an error of the ledger: what became of it is not known."""

    def __init__(self, status: int, text: str, diagnostics: str) -> None:
        super().__init__(f"{status} {text}: {diagnostics}")
        self.status = status
        self.text = text


def clinic(schedules: Iterable[str] = "ab", capacities: Mapping[str, int] | None = None) -> list[Resource]:
    made: list[Resource] = [service("checkup", params=parameters(duration=LENGTH, alignmentInterval=10))]
    for one in schedules:
        stated = [parameters(slotCapacity=capacities[one])] if capacities and one in capacities else []
        made += [practitioner(one), schedule(one, *stated)]
    return made


def instant(minute: int) -> str:
    return f"{DAY + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%S}.000Z"


def minute(instant: str) -> int:
    return int((datetime.fromisoformat(instant) - DAY).total_seconds()) // 60


def at(start: int, *schedules: str) -> tuple[Piece, ...]:
    """A visit at a time on some schedules."""
    return tuple((one, start, start + LENGTH) for one in schedules)


def proposal(pieces: Sequence[Piece], key: str | None = None) -> Resource:
    made: Resource = {
        "resourceType": "Appointment",
        "status": "proposed",
        "serviceType": [service_type("checkup")],
        "participant": [
            {"actor": {"reference": f"Practitioner/{one}"}, "status": "needs-action"} for one, *_ in pieces
        ],
        "contained": [
            {
                "resourceType": "Slot",
                "schedule": {"reference": f"Schedule/{one}"},
                "status": "busy",
                "start": instant(start),
                "end": instant(end),
            }
            for one, start, end in pieces
        ],
    }
    if key is not None:
        made["identifier"] = [{"system": SYSTEM, "value": key}]
    return made


def call_of(event: Event) -> Call:
    """The request of a call."""
    if event.kind in ("book", "hold"):
        return Call(f"Appointment/${event.kind}", body=proposal(event.pieces, event.key))
    operation = f"Appointment/{event.booking}/${event.kind}"
    if event.kind != "reschedule":
        return Call(operation)
    times = [{"name": "start", "valueDateTime": instant(event.pieces[0][1])}]
    places = [{"name": "schedule", "valueReference": {"reference": f"Schedule/{one}"}} for one, *_ in event.pieces]
    return Call(operation, body={"resourceType": "Parameters", "parameter": [*times, *places]})


def row_of(slot: Resource) -> Row:
    """A Slot; its id stands in the place of the booking's, which the Slot does not know."""
    reference = slot["schedule"]["reference"].removeprefix("Schedule/")
    return Row(reference, minute(slot["start"]), minute(slot["end"]), slot["status"], slot["id"])


def answer_of(event: Event, status: int, resource: Resource) -> tuple[Answer, list[str]]:
    """What was answered, rows with ids of Slots; and the Slots of the booking that it speaks of. Raises Failed."""
    kind = event.kind
    if resource["resourceType"] == "OperationOutcome":
        (issue,) = resource["issue"]
        return _refusal(status, issue), []
    if kind == "cancel":
        assert (resource["id"], resource["status"]) == (event.booking, "cancelled")
        return Answer("done"), []
    appointment, *slots = [entry["resource"] for entry in resource["entry"]]
    assert [one["resourceType"] for one in slots] == ["Slot"] * len(slots) and appointment[
        "resourceType"
    ] == "Appointment"
    ids = [one["id"] for one in slots]
    if status == 201:
        return Answer("made", appointment["id"]), ids
    assert status == 200, status
    if kind in ("book", "hold"):
        rows = tuple(row_of(one) for one in slots)
        return Answer("replayed", appointment["id"], appointment["status"], rows=rows), ids
    assert appointment["id"] == event.booking
    return Answer("done"), ids


def _refusal(status: int, issue: Resource) -> Answer:
    text = issue["details"]["text"]
    if status >= 500:
        raise Failed(status, text, issue.get("diagnostics", ""))
    if text == "Requested time slot is not available":
        said = orjson.loads(issue["diagnostics"])
        calendar = said["schedule"].removeprefix("Schedule/")
        return Answer("unavailable", calendar=calendar, rows=tuple(_blocking(calendar, said["blockingSlots"])))
    if text == "Identifier already used by another appointment":
        return Answer("taken")
    if status == 404:
        return Answer("missing")
    found = _STATUS.fullmatch(text)
    assert found is not None, (status, issue)
    return Answer("refused", status=found[1])


def _blocking(calendar: str, slots: Iterable[Resource]) -> Iterator[Row]:
    for one in slots:
        id = one["reference"].removeprefix("Slot/")
        yield Row(calendar, minute(one["start"]), minute(one["end"]), one["status"], id)


class Caller:
    """Makes calls on a ledger and records them; with a log each is noted before and after, so that a killed caller
    leaves what it had asked for and what it had heard."""

    def __init__(self, ledger: Any, name: str, log: str | os.PathLike[str] | None = None) -> None:
        self.ledger = ledger
        self.name = name
        self.events: list[Event] = []
        self.slots: dict[str, str] = {}
        """The booking of each Slot heard of."""
        self._log = None if log is None else os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def call(self, kind: Kind, **asked: Any) -> Event:
        """Make a call; raises Failed if the ledger fails, and then keeps it as one without an answer."""
        event = Event(self.name, time.monotonic_ns(), None, kind, **asked)
        place = len(self.events)
        self.events.append(event)
        self._note(event)
        if kind == "read":
            (calendar,) = event.calendars
            rows = (row_of(one) for one in self.ledger.slots_of(calendar))
            answer, slots = Answer("seen", rows=tuple(rows)), []
        else:
            call = call_of(event)
            answer, slots = answer_of(event, *invoke(self.ledger, call.operation, body=call.body))
        event = replace(event, end=time.monotonic_ns(), answer=answer)
        booking = answer.booking or event.booking
        if booking is not None:
            self.slots.update(dict.fromkeys(slots, booking))
        self.events[place] = event
        self._note(event, slots)
        return event

    def _note(self, event: Event, slots: Sequence[str] = ()) -> None:
        if self._log is not None:
            os.write(self._log, orjson.dumps([event, slots], default=list) + b"\n")

    def close(self) -> None:
        if self._log is not None:
            os.close(self._log)
            self._log = None


def read_log(path: str | os.PathLike[str]) -> tuple[list[Event], dict[str, str]]:
    """The calls that a caller noted, and the booking of each Slot that it heard of."""
    events: list[Event] = []
    slots: dict[str, str] = {}
    with suppress(FileNotFoundError), open(path, "rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break  # killed while writing it
            noted, heard = orjson.loads(line)
            event = _event(noted)
            if event.answer is not None:
                events.pop()
                booking = event.answer.booking or event.booking
                slots.update({one: booking for one in heard if booking is not None})
            events.append(event)
    return events, slots


def _event(noted: Resource) -> Event:
    answer = noted.pop("answer")
    noted["pieces"] = tuple((one, start, end) for one, start, end in noted["pieces"])
    noted["calendars"] = tuple(noted["calendars"])
    if answer is not None:
        rows = answer.pop("rows")
        answer = Answer(**answer, rows=None if rows is None else tuple(Row(*row) for row in rows))
    return Event(**noted, answer=answer)


def resolved(events: Iterable[Event], slots: Mapping[str, str]) -> list[Event]:
    """The history with rows that name bookings instead of Slots, where the booking of a Slot is known."""
    made: list[Event] = []
    for event in events:
        if event.answer is not None and event.answer.rows is not None:
            rows = tuple(row._replace(booking=slots.get(row.booking or "")) for row in event.answer.rows)
            event = replace(event, answer=replace(event.answer, rows=rows))
        made.append(event)
    return made


def wish(rng: random.Random, mine: Sequence[str], schedules: str, key: str) -> dict[str, Any]:
    """A random call; `mine` are bookings that it may be about."""
    kinds: list[Kind] = ["book", "hold", "confirm", "cancel", "reschedule", "read"]
    (kind,) = rng.choices(kinds, [40, 15, 8, 15, 10, 12] if mine else [60, 30, 0, 0, 0, 10])
    if kind == "read":
        return {"kind": kind, "calendars": (rng.choice(schedules),)}
    asked: dict[str, Any] = {"kind": kind}
    if kind in ("book", "hold", "reschedule"):
        asked["pieces"] = at(rng.choice(STARTS), *rng.sample(schedules, rng.choice([1, 1, 2])))
    if kind in ("book", "hold"):
        asked["key"] = key
    else:
        asked["booking"] = rng.choice(mine)
    return asked


class Owner:
    """Draws random calls about bookings of its own; a cancelled one is rarely spoken of again."""

    def __init__(self, name: str, seed: int, schedules: str, bookings: Iterable[str] = ()) -> None:
        self.bookings = list(bookings)
        self._rng = random.Random(seed)
        self._schedules = schedules
        self._name = name
        self._drawn = 0

    def wish(self) -> dict[str, Any]:
        self._drawn += 1
        return wish(self._rng, self.bookings, self._schedules, f"{self._name}-{self._drawn}")

    def heard(self, event: Event) -> None:
        if event.answer is None:
            return
        if event.answer.word == "made" and event.answer.booking is not None:
            self.bookings.append(event.answer.booking)
        elif event.booking in self.bookings and event.kind == "cancel" and self._rng.random() < 0.8:
            self.bookings.remove(event.booking)


def work(
    path: str, log: str, name: str, seed: int, calls: int, schedules: str, bookings: Sequence[str] = (), **options: Any
) -> None:
    """A process that makes random calls until it is done, or killed. It opens the ledger anew now and then.

    `filled` is a clinic to load first; `wal_most` is the number of pages of the log above which it is moved into the
    file.
    """
    rng = random.Random(seed)
    owner = Owner(name, seed, schedules, bookings)
    if "wal_most" in options:
        slotwright.io.ledger.writing._WAL_MOST = options["wal_most"]  # type: ignore[reportPrivateUsage]
    made = 0
    while made < calls:
        with open_ledger(path) as ledger:
            if "filled" in options:
                ledger.load(options["filled"])
            caller = Caller(ledger, name, log)
            for _ in range(min(rng.choice([3, 30, 300]), calls - made)):
                owner.heard(caller.call(**owner.wish()))
                made += 1
            caller.close()


def contend(path: str, log: str, name: str, barrier: Any, calls: Sequence[Mapping[str, Any]]) -> None:
    """A process that makes the calls it was given, each at the same time as the others."""
    with open_ledger(path) as ledger:
        caller = Caller(ledger, name, log)
        for asked in calls:
            barrier.wait(PATIENCE)
            caller.call(**asked)
        caller.close()


def processes() -> Any:
    """What starts processes that have all this imported already, in milliseconds."""
    os.environ["PYTHONPATH"] = os.pathsep.join([os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")])
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["campaign"])
    return context


def run_processes(context: Any, target: Callable[..., None], arguments: Sequence[tuple[Any, ...]]) -> None:
    """A process for each tuple of arguments; returns when all are done, and raises if one fails or takes too long.

    One that takes too long says on stderr where it is.
    """
    started = [context.Process(target=_entry, args=(target, *one), daemon=True) for one in arguments]
    for one in started:
        one.start()
    deadline = time.monotonic() + PATIENCE
    for one in started:
        one.join(max(deadline - time.monotonic(), 0))
    late = [one.pid for one in started if one.is_alive()]
    for pid in late:
        os.kill(pid, signal.SIGABRT)
    for one in started:
        one.join()
    codes = [one.exitcode for one in started]
    if any(codes):
        raise AssertionError(f"processes ended with {codes}; took too long: {late}")


def _entry(target: Callable[..., None], *arguments: Any) -> None:
    faulthandler.enable()
    target(*arguments)


# --- what is in a ledger, against the model ----------------------------------

Content = dict[str, tuple[str, tuple[Piece, ...]]]


def content(ledger: Any) -> Content:
    """Status and time of every Appointment; and no Slot too many, none too few, each as its Appointment says."""
    slots: dict[str, Resource] = {one["id"]: one for one in ledger.resources("Slot")}
    found: Content = {}
    for one in ledger.resources("Appointment"):
        pieces: list[Piece] = []
        for reference in one["slot"]:
            slot = slots.pop(reference["reference"].removeprefix("Slot/"), None)
            assert (slot is None) == (one["status"] == "cancelled"), one
            if slot is not None:
                row = row_of(slot)
                assert row.status == {"booked": "busy", "pending": "busy-tentative"}[one["status"]]
                pieces.append(row[:3])
        found[one["id"]] = (one["status"], tuple(sorted(pieces)))
    assert not slots, f"Slots of no Appointment: {sorted(slots)}"
    return found


def content_of(state: State) -> Content:
    """What a ledger in this state holds."""
    return {
        one.id: (one.status, () if one.status == "cancelled" else tuple(sorted(one.pieces))) for one in state.values()
    }


class Mirror:
    """The model beside a ledger with one caller at a time: every answer is compared, and what is stored."""

    def __init__(self, capacities: Mapping[str, int] | None = None) -> None:
        self.model = Model(dict(capacities or {}))
        self.state: State = {}

    def answered(self, event: Event) -> None:
        answer, state = self.model.apply(self.state, event, (event.answer and event.answer.booking) or "")
        recorded = event.answer
        if recorded is not None and recorded.rows is not None:  # rows name Slots here, not bookings
            recorded = replace(recorded, rows=tuple(row._replace(booking=None) for row in recorded.rows))
        assert matches(recorded, answer), f"{event}\nshould have been answered {answer}"
        self.state = state

    def found(self, there: Content, unheard: Sequence[Event] = ()) -> int:
        """Compare with what is stored, after a call (or a bundle of calls) whose answer was not heard: all of it or
        nothing happened. Returns how many of them did."""
        if there == content_of(self.state):
            return 0
        new_ids = iter([id for id in there if id not in self.state])
        state = self.state
        for event in unheard:
            new_id = next(new_ids, "") if event.kind in ("book", "hold") else ""
            _, state = self.model.apply(state, event, new_id)
        expected = content_of(state)
        assert there == expected, _difference(there, expected, content_of(self.state))
        self.state = state
        return len(unheard)


def _difference(there: Content, after: Content, before: Content) -> str:
    lost = {id: one for id, one in before.items() if id not in there}
    odd = {id: one for id, one in there.items() if one != after.get(id) and one != before.get(id)}
    return f"lost: {lost}\nneither as before nor as after the call: {odd}"
