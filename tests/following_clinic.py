"""A small clinic whose calendars change in every way, by two handles of one ledger, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from slotwright.io import Call, Ledger, desk, invoke, open_ledger
from slotwright.io.errors import NotFound
from slotwright.io.ledger.jobs import Job
from slotwright.io.ledger.transaction import Transaction
from slotwright.io.operations.write import work_of
from slotwright.io.store import Store
from slotwright.solver.errors import ConflictError, NotFoundError
from strategies import Dice
from support import (
    HOLD_EXPIRES_URL,
    Resource,
    appointment,
    closed,
    hours,
    parameters,
    practitioner,
    schedule,
    service,
    service_type,
    slot,
)

Query = dict[str, str | list[str]]
Answers = list[tuple[int, Resource]]

OPENING = datetime(2026, 3, 16, 8, tzinfo=UTC)
"""A Monday."""
SERVICES = ("checkup", "group", "rare")
NAMES = ("a", "b", "c")


def services() -> list[Resource]:
    """One with buffers and holds of ten minutes, one for three at once, one that is booked at most twice a day."""
    return [
        service(params=parameters(duration=30, bufferAfter=10, alignmentInterval=10, holdDuration=10)),
        service("group", params=parameters(duration=60, slotCapacity=3, alignmentInterval=30)),
        service("rare", params=parameters(duration=20, bookingLimit=(2, 1, "d"), alignmentInterval=20)),
    ]


def clinic() -> list[Resource]:
    return [
        *services(),
        *(practitioner(one) for one in NAMES),
        *(schedule(one, services=SERVICES) for one in NAMES),
    ]


def written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def question(service: str, *pools: str, hours: int = 4, **more: str) -> Query:
    return {
        "start": written(OPENING),
        "end": written(OPENING + timedelta(hours=hours)),
        "service-type-reference": f"HealthcareService/{service}",
        "schedule": [",".join(f"Schedule/{one}" for one in pool.split(",")) for pool in pools],
        "_count": "30",
        **more,
    }


QUESTIONS: tuple[Query, ...] = (
    *(question("checkup", one) for one in NAMES),
    *(question("group", one) for one in NAMES),
    question("rare", "a", hours=12),
    question("rare", "b,c"),
    question("checkup", "a,b,c", "b,c", combinations="2"),
    {**question("checkup", "a", hours=3), "occurrence-count": "2"},
    {**question("rare", "c", hours=3), "occurrence-count": "3"},
)


def ask(store: Store) -> Answers:
    return [invoke(store, "Appointment/$find", query=one) for one in QUESTIONS]


def compare(expected: Answers, found: Answers, steps: list[str]) -> None:
    for query, one, right in zip(QUESTIONS, found, expected, strict=True):
        assert one == right, (query, steps)


class Desk:
    """Two handles of one ledger: `follower` is asked after every step, `other` writes as another process would."""

    def __init__(self, path: Path, dice: Dice) -> None:
        self.path = path
        self.dice = dice
        self.clock = OPENING - timedelta(hours=6)
        self.follower = self.opened()
        self.follower.load(clinic())
        self.other = self.opened()
        self.steps: list[str] = []
        self.inside: Answers | None = None
        """What the last move saw at its end, from inside its transaction."""

    def opened(self) -> Ledger:
        return open_ledger(self.path, clock=lambda: self.clock, identity="following")

    def close(self) -> None:
        self.follower.close()
        self.other.close()

    @property
    def writer(self) -> Ledger:
        return self.dice.pick((self.follower, self.other, self.other))

    def step(self) -> None:
        weights = [move for weight, move in MOVES for _ in range(weight)]
        move = self.dice.pick(weights)
        self.steps.append(move.__name__)
        self.inside = None
        move(self)

    def check(self) -> None:
        """The follower answers as one who sees the ledger for the first time."""
        with self.opened() as fresh:
            expected = ask(fresh)
        compare(expected, ask(self.follower), self.steps)
        if self.inside is not None:
            compare(expected, self.inside, self.steps)

    # Operations

    def proposal(self) -> Resource | None:
        status, bundle = invoke(self.other, "Appointment/$find", query=self.dice.pick(QUESTIONS))
        return self.dice.pick(bundle["entry"])["resource"] if status == 200 and "entry" in bundle else None

    def operate(self, operation: str, body: Resource | None = None) -> None:
        invoke(self.writer, operation, body=body)

    def book(self) -> None:
        offer = self.proposal()
        if offer is not None:
            self.operate("Appointment/$book", offer)

    def hold(self) -> None:
        offer = self.proposal()
        if offer is not None:
            minutes = {"name": "hold-minutes", "valuePositiveInt": self.dice.pick((1, 20, 60))}
            parameter = [{"name": "appointment", "resource": offer}, minutes]
            self.operate("Appointment/$hold", {"resourceType": "Parameters", "parameter": parameter})

    def appointment(self, *statuses: str) -> Resource | None:
        found = [one for one in self.other.resources("Appointment") if one["status"] in statuses]
        return self.dice.pick(found) if found else None

    def confirm(self) -> None:
        held = self.appointment("pending")
        if held is not None:
            code = {"name": "occurrences", "valueCode": self.dice.pick(("this", "all"))}
            body = {"resourceType": "Parameters", "parameter": [code]}
            self.operate(f"Appointment/{held['id']}/$confirm", body)

    def cancel(self) -> None:
        one = self.appointment("pending", "booked")
        if one is not None:
            self.operate(f"Appointment/{one['id']}/$cancel")

    def reschedule(self) -> None:
        one = self.appointment("pending", "booked")
        if one is not None:
            at = OPENING + timedelta(minutes=20 * self.dice.number(0, 20))
            parameter: list[Resource] = [{"name": "start", "valueDateTime": written(at)}]
            for name in self.dice.several(NAMES, 1, 2):
                parameter.append({"name": "schedule", "valueReference": {"reference": f"Schedule/{name}"}})
            body = {"resourceType": "Parameters", "parameter": parameter}
            self.operate(f"Appointment/{one['id']}/$reschedule", body)

    # At the desk

    def status(self) -> None:
        one = self.appointment("booked", "arrived")
        if one is not None:
            with suppress(ConflictError, NotFound):
                desk.set_status(self.writer, one["id"], self.dice.pick(tuple(desk.MOVES)))

    def window(self) -> tuple[int, int]:
        start = int(OPENING.timestamp() * 1000) + 600_000 * self.dice.number(0, 18)
        return start, start + 600_000 * self.dice.number(1, 6)

    def shut(self) -> None:
        with suppress(NotFound):
            desk.close(self.writer, self.dice.pick(NAMES), *self.window())

    def reopen(self) -> None:
        with suppress(NotFoundError):
            desk.reopen(self.writer, self.dice.pick(NAMES), *self.window())

    # Resources

    def slot(self) -> Resource:
        dice = self.dice
        start = OPENING + timedelta(minutes=5 * dice.number(-6, 40))
        end = start + timedelta(minutes=dice.pick((0, 5, 30, 90, -5, 2000)))
        statuses = ("busy", "busy", "busy-tentative", "busy-unavailable", "free", "entered-in-error")
        more: dict[str, Any] = {}
        if dice.chance(40):
            more["serviceType"] = [service_type(dice.pick(SERVICES))]
        capacity = dice.pick((None, 2, 5))
        id, name = f"s{dice.number(0, 5)}", dice.pick(NAMES)
        return slot(id, name, written(start), written(end), dice.pick(statuses), capacity=capacity, **more)

    def put_slot(self) -> None:
        self.writer.put(self.slot())

    def stored_slot(self) -> Resource | None:
        found = list(self.other.resources("Slot"))
        return self.dice.pick(found) if found else None

    def move_slot(self) -> None:
        one = self.stored_slot()
        if one is not None:
            reference = f"Schedule/{self.dice.pick(NAMES)}"
            self.writer.put({**one, "schedule": {"reference": reference}})

    def delete_slot(self) -> None:
        one = self.stored_slot()
        if one is not None:
            self.writer.delete(f"Slot/{one['id']}")

    def loose(self) -> Resource:
        """An Appointment that no operation made, which refers to some of the Slots there are."""
        dice = self.dice
        known = [one["id"] for one in self.other.resources("Slot")] or ["s0"]
        slots = dice.several([*known, "s0", "s1"], 0, 2)
        status = dice.pick(("booked", "pending", "pending", "cancelled", "noshow"))
        ends = written(self.clock + timedelta(minutes=dice.number(-5, 30))) if dice.chance(60) else None
        id = f"loose{dice.number(0, 2)}"
        return appointment(id, slots, service=dice.pick(SERVICES), status=status, hold_expires=ends)

    def put_appointment(self) -> None:
        self.writer.put(self.loose())

    def change_appointment(self) -> None:
        """By a plain write, whatever made it."""
        one = self.appointment("booked", "pending", "arrived", "cancelled")
        if one is None:
            return
        over, again = {"status": "cancelled"}, {"status": "booked"}
        changes: tuple[Resource, ...] = (over, again, {"slot": []}, {"serviceType": []})
        change = self.dice.pick(changes)
        if self.dice.chance(30):
            extra = {"url": HOLD_EXPIRES_URL, "valueInstant": written(self.clock + timedelta(minutes=7))}
            change = {"status": "pending", "extension": [extra]}
        self.writer.put({name: value for name, value in {**one, **change}.items() if value})

    def delete_appointment(self) -> None:
        one = self.appointment("booked", "pending", "cancelled", "noshow")
        if one is not None:
            self.writer.delete(f"Appointment/{one['id']}")

    def load(self) -> None:
        several = [self.slot(), self.slot(), self.loose(), self.loose(), *services()]
        self.writer.load(list({(one["resourceType"], one["id"]): one for one in several}.values()))

    def put_patient(self) -> None:
        self.writer.put({"resourceType": "Patient", "id": "p", "active": self.dice.chance(50)})

    def erase(self) -> None:
        self.writer.put({"resourceType": "Patient", "id": "p"})
        self.writer.erase("Patient/p", "asked for")

    def put_practitioner(self) -> None:
        self.writer.put(practitioner(self.dice.pick(NAMES), self.dice.pick(("Etc/UTC", "Europe/Vienna", "nowhere"))))

    def put_schedule(self) -> None:
        dice = self.dice
        open_from = hours("mon tue wed", f"{dice.number(7, 9):02}:00:00", "18:00:00")
        layers = (
            (),
            (parameters(availability=[open_from]),),
            (parameters(availability=[closed("2026-03-16T09:00:00Z", "2026-03-16T09:40:00Z")]),),
            (parameters(slotCapacity=2),),
        )
        name = dice.pick(NAMES)
        made = schedule(name, *deepcopy(dice.pick(layers)), services=dice.several(SERVICES, 2, 3))
        self.writer.put({**made, "active": not dice.chance(10)})

    def delete_schedule(self) -> None:
        self.writer.delete(f"Schedule/{self.dice.pick(NAMES)}")

    def put_service(self) -> None:
        changed = self.dice.pick(services())
        if self.dice.chance(50):
            changed["extension"][0]["extension"] += parameters(bufferBefore=10)["extension"]
        if self.dice.chance(30):
            changed["availableTime"] = [
                {"daysOfWeek": ["mon"], "availableStartTime": "08:30:00", "availableEndTime": "11:00:00"}
            ]
        self.writer.put(changed)

    # Time, and a write that comes to nothing

    def tick(self) -> None:
        self.clock += timedelta(minutes=self.dice.pick((1, 5, 10, 30, -15)))

    def within(self) -> None:
        """Searched before and after a change in one transaction, some changes taken back."""
        offer, ledger = self.proposal(), self.writer
        changes: list[Callable[[Transaction], object]] = [
            lambda tx: tx.put(self.slot()),
            lambda tx: tx.put(self.dice.pick((*services(), schedule("a", services=SERVICES)))),
        ]
        if offer is not None:
            changes.append(work_of(Call("Appointment/$book", body=offer)))
        for change in self.dice.several(changes, 1, 3):
            before, after = (Job(lambda tx: ask(tx.state)) for _ in range(2))
            between = Job(_then_ask(change), dry_run=self.dice.chance(50))
            ledger.run([before, between, after])
            self.inside = after.outcome()


def _then_ask(change: Callable[[Transaction], object]) -> Callable[[Transaction], Answers]:
    def work(tx: Transaction) -> Answers:
        change(tx)
        tx.finish("put", {"who": None}, None)
        return ask(tx.state)

    return work


MOVES: tuple[tuple[int, Callable[[Desk], None]], ...] = (
    (8, Desk.book),
    (6, Desk.hold),
    (3, Desk.confirm),
    (3, Desk.cancel),
    (3, Desk.reschedule),
    (2, Desk.status),
    (2, Desk.shut),
    (2, Desk.reopen),
    (3, Desk.put_slot),
    (2, Desk.move_slot),
    (2, Desk.delete_slot),
    (3, Desk.put_appointment),
    (3, Desk.change_appointment),
    (2, Desk.delete_appointment),
    (1, Desk.load),
    (1, Desk.put_patient),
    (1, Desk.erase),
    (1, Desk.put_practitioner),
    (2, Desk.put_schedule),
    (1, Desk.delete_schedule),
    (1, Desk.put_service),
    (5, Desk.tick),
    (4, Desk.within),
)
