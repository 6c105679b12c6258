"""Calendars stay compiled while the ledger is written to, and answer as if they were compiled anew."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from following_clinic import NAMES, OPENING, QUESTIONS, SERVICES, Desk, ask, clinic, compare, written
from slotwright.io import desk, invoke, open_ledger
from slotwright.io.ledger import following
from slotwright.io.plans.compiling import compile_plan
from slotwright.io.plans.requests import Wanted, read_requests
from slotwright.solver.calendar import CompiledCalendar
from strategies import Dice
from support import Resource, appointment, parameters, practitioner, schedule, service, service_type, slot

EXAMPLES = int(os.environ.get("SLOTWRIGHT_EXAMPLES", "60")) // 10
STEPS = 60


@pytest.mark.parametrize("seed", range(EXAMPLES))
def test_who_follows_answers_as_one_who_sees_the_ledger_for_the_first_time(seed: int, tmp_path: Path) -> None:
    played = Desk(tmp_path / "ledger", Dice(random.Random(f"following {seed}").randint))
    try:
        for _ in range(STEPS):
            played.step()
            played.check()
    finally:
        played.close()


# --- what is kept --------------------------------------------------------------


class Watched:
    """A ledger that is searched, another handle that writes to it, and the calendars that are compiled."""

    def __init__(self, path: Path) -> None:
        self.clock = OPENING - timedelta(hours=1)
        self.ledger = open_ledger(path, clock=lambda: self.clock)
        self.other = open_ledger(path, clock=lambda: self.clock)
        self.kept: dict[tuple[str, str], CompiledCalendar] = {}

    def calendars(self) -> dict[tuple[str, str], CompiledCalendar]:
        compare(ask(self.other), ask(self.ledger), [])
        found: dict[tuple[str, str], CompiledCalendar] = {}
        with self.ledger.reading() as state:
            for name in NAMES:
                for one in state.prepared.compiled(name):
                    assert one.compiled is not None
                    found[name, one.service.id] = one.compiled
        return found

    def remember(self) -> None:
        self.kept = self.calendars()

    def renewed(self) -> set[tuple[str, str]]:
        """Those that were compiled since they were remembered."""
        now = self.calendars()
        assert now.keys() == self.kept.keys()
        return {key for key, one in now.items() if one is not self.kept[key]}

    def ask(self, operation: str, body: Resource | None = None) -> list[Resource]:
        status, answer = invoke(self.other, operation, body=body)
        assert status in (200, 201), answer
        return [one["resource"] for one in answer["entry"]] if answer["resourceType"] == "Bundle" else [answer]

    def offer(self) -> Resource:
        return invoke(self.ledger, "Appointment/$find", query=QUESTIONS[0])[1]["entry"][0]["resource"]


@pytest.fixture(name="watched")
def watched_fixture(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path / "ledger")
    watched.ledger.load(clinic())
    yield watched
    watched.ledger.close()
    watched.other.close()


def test_no_operation_makes_anything_be_compiled_anew(watched: Watched) -> None:
    watched.remember()
    booked = watched.ask("Appointment/$book", watched.offer())[0]
    held = [watched.ask("Appointment/$hold", watched.offer())[0] for _ in range(2)]
    watched.ask(f"Appointment/{held[0]['id']}/$confirm")
    start = {"name": "start", "valueDateTime": written(OPENING + timedelta(hours=2))}
    to = {"name": "schedule", "valueReference": {"reference": "Schedule/b"}}
    moved = {"resourceType": "Parameters", "parameter": [start, to]}
    watched.ask(f"Appointment/{booked['id']}/$reschedule", moved)
    assert watched.renewed() == set()
    watched.ask(f"Appointment/{booked['id']}/$cancel")
    watched.clock += timedelta(minutes=30)
    watched.ask("Appointment/$book", watched.offer())
    assert watched.other.read(f"Appointment/{held[1]['id']}")["status"] == "cancelled"  # type: ignore[reportOptionalSubscript]
    desk.close(watched.other, "c", *(int(OPENING.timestamp() * 1000) + 3_600_000 * one for one in (0, 1)))
    desk.set_status(watched.other, held[0]["id"], "arrived")
    assert watched.renewed() == set()


def test_no_patient_and_no_slot_makes_anything_be_compiled_anew(watched: Watched) -> None:
    watched.remember()
    watched.other.put({"resourceType": "Patient", "id": "new"})
    watched.other.load([slot(f"s{one}", "a", "2026-03-16T09:00:00Z", "2026-03-16T10:00:00Z") for one in range(20)])
    watched.other.put(slot("s1", "b", "2026-03-16T09:00:00Z", "2026-03-16T10:00:00Z", "free"))
    watched.other.put(appointment("mine", ["s2", "s3"]))
    watched.other.put(appointment("mine", ["s3"], status="cancelled"))
    watched.other.delete("Slot/s2")
    assert watched.renewed() == set()


def test_a_changed_rule_concerns_only_what_follows_from_it(watched: Watched) -> None:
    watched.remember()
    watched.other.put(schedule("b", parameters(slotCapacity=2), services=SERVICES))
    assert watched.renewed() == {("b", one) for one in SERVICES}
    watched.remember()
    watched.other.put(service("group", params=parameters(duration=60, slotCapacity=2, alignmentInterval=30)))
    assert watched.renewed() == {(one, "group") for one in NAMES}
    watched.remember()
    watched.other.put(practitioner("c", "Europe/Vienna"))
    assert watched.renewed() == {("c", one) for one in SERVICES}


@pytest.mark.parametrize("change", [{"slot": [{"reference": "Slot/none"}]}, {"status": "cancelled", "slot": []}, None])
def test_an_appointment_that_lets_go_of_its_slots_is_noticed(change: Resource | None, watched: Watched) -> None:
    """Its bookings had been there when the calendars were compiled, so that no entry since then speaks of them."""
    taken = appointment("mine", ["s1", "s2"], service="rare")
    times = [f"2026-03-16T{hour}:00:00Z" for hour in ("09", "10", "11")]
    slots = [slot(f"s{one}", "a", times[one - 1], times[one], serviceType=[service_type("group")]) for one in (1, 2)]
    watched.other.load([*slots, taken])
    full = invoke(watched.ledger, "Appointment/$find", query=QUESTIONS[6])
    assert full[0] == 200 and "entry" not in full[1], "two a day are the most"
    watched.remember()
    if change is None:
        watched.other.delete("Appointment/mine")
    else:
        watched.other.put({**taken, **change})
    assert "entry" in invoke(watched.ledger, "Appointment/$find", query=QUESTIONS[6])[1]
    assert watched.renewed() == set()


def test_a_great_many_changes_are_seen_too(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_MOST", 5)
    watched.remember()
    watched.other.load([slot(f"s{one}", "a", "2026-03-16T09:00:00Z", "2026-03-16T10:00:00Z") for one in range(6)])
    assert watched.renewed() == watched.kept.keys()


def test_what_cannot_be_followed_leaves_nothing_half_done(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.remember()
    watched.ask("Appointment/$book", watched.offer())

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(CompiledCalendar, "add", fail)
        with pytest.raises(MemoryError):
            watched.ledger.read("Patient/p")
    assert watched.renewed() == watched.kept.keys()


def test_what_is_not_there_takes_no_memory_and_may_come(watched: Watched) -> None:
    unknown = {**QUESTIONS[0], "service-type-reference": "HealthcareService/new"}
    assert invoke(watched.ledger, "Appointment/$find", query=unknown)[0] == 400
    with watched.ledger.reading() as state:
        assert state.prepared.is_empty
    nowhere = {**QUESTIONS[0], "schedule": "Schedule/new"}
    assert invoke(watched.ledger, "Appointment/$find", query=nowhere)[0] == 400
    watched.other.load([service("new"), practitioner("new"), schedule("new", services=["new", "checkup"])])
    for query in (nowhere, {**nowhere, **unknown, "schedule": "Schedule/new"}):
        assert "entry" in invoke(watched.ledger, "Appointment/$find", query=query)[1]


def test_a_plan_is_of_one_state(watched: Watched) -> None:
    """What is booked while it is made is met when it is booked, and does not stand in its calendars."""
    row = {"request_id": "r", "service": "checkup", "schedules": "a", "windows": "2026-03-16"}
    with watched.ledger.reading() as state:
        found = [one for one in read_requests(state, [row]) if isinstance(one, Wanted)]
        compiled = compile_plan(state, found, now_ms=int(watched.clock.timestamp() * 1000))
    calendar = compiled.calendars["a", "checkup"]
    watched.ask("Appointment/$book", watched.offer())
    watched.calendars()
    assert list(calendar.claims()) == []
