"""A small practice to plan for, and rows of requests that read like a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from plan_greedy import greedy
from slotwright.io import Calendar, Ledger, open_calendar, open_ledger
from slotwright.io.plans.answers import Answer
from slotwright.io.plans.planning import Outcome, Settings, Solver, earliest_of, make_plan
from slotwright.io.store import Store
from support import Resource, hours, parameters, practitioner, schedule, service

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
"""A Monday."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MORNING = parameters(availability=[hours("mon tue wed thu fri", "09:00:00", "12:00:00")])

Row = Mapping[str, Any]


def minute(text: str) -> int:
    """`2026-03-10T09:00` in UTC as minutes."""
    return int((datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH).total_seconds()) // 60


def at(found: int | None) -> str:
    """Minutes as `10 09:00`, the day of the month first."""
    assert found is not None
    return datetime.fromtimestamp(found * 60, UTC).strftime("%d %H:%M")


def practice(*more: Resource) -> list[Resource]:
    """Ann and Bob work in the mornings of UTC, rooms are always open; visits of half an hour on half hours."""
    return [
        service(name="Check-up"),
        *(practitioner(one) for one in ("ann", "bob")),
        *(practitioner(one, kind="Location") for one in ("room-1", "room-2")),
        *(schedule(one, MORNING) for one in ("ann", "bob")),
        *(schedule(one, actor=f"Location/{one}") for one in ("room-1", "room-2")),
        {"resourceType": "Patient", "id": "pat", "name": [{"text": "Pat Lee"}]},
        *more,
    ]


def calendar(*more: Resource) -> Calendar:
    return open_calendar(practice(*more), clock=lambda: NOW)


def ledger(tmp_path: Path, *more: Resource) -> Ledger:
    made = open_ledger(tmp_path / "practice.ledger", clock=lambda: NOW, identity="practice")
    made.load(practice(*more))
    return made


def row(request_id: str, schedules: Any = "ann", windows: Any = "2026-03-10", **more: Any) -> Row:
    return {"request_id": request_id, "service": "checkup", "schedules": schedules, "windows": windows, **more}


def plan(
    store: Store, rows: Iterable[Row], solve: Solver = greedy, *, allow_past: bool = False, **settings: Any
) -> Outcome:
    return make_plan(store, rows, solve, Settings(earliest=earliest_of(store, allow_past=allow_past), **settings))


def shown(answers: Sequence[Answer]) -> list[str]:
    """`a placed 10 09:00 ann room-1`, or `a not-placed`."""
    return [
        " ".join([one.id, one.status, *([] if one.start is None else [at(one.start)]), *one.schedules])
        for one in answers
    ]
