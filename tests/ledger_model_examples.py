"""Short ways to put the examples of the specification to the model of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ledger_model import book
from ledger_model_compare import find_proposal
from ledger_model_state import Outcome, State, load
from support import Resource, practitioner, schedule, service

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MS = timedelta(milliseconds=1)
MINUTE = timedelta(minutes=1)
NEW_YORK = "America/New_York"
TAKEN = "Identifier already used by another appointment"
CLOSED = "Requested time slot is not available"
A = "Parameters.appointment"
DAY = "2026-03-16T"


def state(*resources: Resource) -> State:
    return load(State({}, NOON), resources, NOON)


def small(*more: Resource, schedules: str = "a", params: Resource | None = None) -> State:
    """Schedules that are always open, for visits of 30 minutes on a grid of 30."""
    people = [practitioner(name) for name in schedules.split()]
    return state(service(params=params), *people, *(schedule(name) for name in schedules.split()), *more)


def proposal(on: State, start: str, schedules: str = "a", **elements: Any) -> Resource:
    """As `$find` would offer it; the start is `09:00` on one day, or a full time."""
    at = datetime.fromisoformat(start if "T" in start else f"{DAY}{start}Z")
    names = [f"Schedule/{name}" for name in schedules.split()]
    return {**find_proposal(on, "HealthcareService/checkup", names, at, NOON), **elements}


def identified(*values: str) -> dict[str, Any]:
    return {"identifier": [{"system": "http://e.org", "value": value} for value in values]}


def booked(on: State, start: str, operation: str = "$book", now: datetime = NOON, **elements: Any) -> State:
    outcome = book(on, operation, proposal(on, start, **elements), now)
    assert outcome.status == 201, outcome.refusal
    return outcome.state


def said(outcome: Outcome) -> tuple[str, list[str]]:
    assert outcome.refusal is not None
    return outcome.refusal.text, outcome.refusal.expression


def text(outcome: Outcome) -> str | None:
    """The text of the refusal, or None if there is none."""
    return outcome.refusal and outcome.refusal.text


def moved(start: str, *schedules: str) -> Resource:
    wanted = [{"name": "schedule", "valueReference": {"reference": f"Schedule/{name}"}} for name in schedules]
    at = start if "T" in start else f"{DAY}{start}:00Z"
    return {"resourceType": "Parameters", "parameter": [{"name": "start", "valueDateTime": at}, *wanted]}


def the_appointment(on: State) -> Resource:
    (found,) = [one for one in on.resources.values() if one["resourceType"] == "Appointment"]
    return found


def slots(on: State) -> list[tuple[str, str, str, str]]:
    """(schedule, start, end, status) of all, in order."""
    return sorted(
        (one["schedule"]["reference"][9:], one["start"][11:16], one["end"][11:16], one["status"])
        for one in on.resources.values()
        if one["resourceType"] == "Slot"
    )


def the_id(on: State) -> str:
    return the_appointment(on)["id"]
