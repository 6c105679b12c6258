"""`$find` on a ledger answers as on a calendar of the same resources, and as the brute-force oracle."""

from __future__ import annotations

import os
import random
from datetime import datetime
from pathlib import Path

import pytest
from ledger_pair import Pair, Query
from ledger_play import Player
from ledger_table import make_table
from slotwright.io import invoke, open_calendar, open_ledger
from strategies import Dice, Problem, numbered_problem
from support import Resource, appointment, practitioner, schedule, service, slot

EXAMPLES = int(os.environ.get("SLOTWRIGHT_EXAMPLES", "60"))
CHUNK = 20
BOOKINGS = 4


def query_of(problem: Problem) -> dict[str, str | list[str]]:
    query: dict[str, str | list[str]] = {
        "start": problem.start,
        "end": problem.end,
        "service-type-reference": f"HealthcareService/{problem.service}",
        "schedule": [",".join(f"Schedule/{name}" for name in pool) for pool in problem.pools],
        "_count": str(problem.count),
        "combinations": str(problem.combinations),
    }
    if problem.occurrences is not None:
        query["occurrence-count"] = str(problem.occurrences)
    if problem.ignore is not None:
        query["ignore-appointment"] = f"Appointment/{problem.ignore}"
    return query


def numbered(first: int) -> range:
    return range(first, min(first + CHUNK, EXAMPLES))


@pytest.mark.parametrize("first", range(0, EXAMPLES, CHUNK))
def test_find_on_a_ledger_is_find_on_a_calendar(first: int, tmp_path: Path) -> None:
    """Larger problems, without bookings."""
    for seed in numbered(first):
        problem = numbered_problem(seed)
        query = query_of(problem)
        calendar = open_calendar(problem.resources)
        with open_ledger(tmp_path / str(seed), clock=lambda: problem.now) as ledger:  # noqa: B023
            ledger.load(problem.resources)
            answer = invoke(ledger, "Appointment/$find", query=query)
        assert answer == invoke(calendar, "Appointment/$find", query=query, now=problem.now), (
            f"numbered_problem({seed})"
        )


@pytest.mark.parametrize("first", range(0, EXAMPLES, CHUNK))
def test_find_is_right_after_random_bookings_too(first: int, tmp_path: Path) -> None:
    """Each search of a pair is compared with that of a calendar and with the oracle."""
    for seed in numbered(first):
        dice = Dice(random.Random(f"find {seed}").randint)
        table = make_table(dice)
        pair = Pair(tmp_path / str(seed), table.resources, table.frame.now)
        player = Player(pair, table, dice)
        try:
            for _ in range(BOOKINGS):
                player.find_and_book()
                player.tick()
                pair.find({**player.query(), **ignoring(player)})
            pair.finish()
        except Exception as error:
            error.add_note(f"{seed}\n{pair.history()}")
            raise


def ignoring(player: Player) -> Query:
    key = player.appointment("booked", "pending")
    known = f"Appointment/{key}" in player.pair.state.resources
    return {"ignore-appointment": f"Appointment/{key}"} if known and player.dice.chance(50) else {}


@pytest.mark.parametrize(
    ("clock", "offered"),
    [("2026-03-10T12:09:59.999Z", False), ("2026-03-10T12:10:00.000Z", True), ("2026-03-10T12:10:00.001Z", True)],
)
def test_a_lapsed_hold_is_free_for_find_before_any_write(clock: str, offered: bool, tmp_path: Path) -> None:
    """Model 16: until then a read shows pending; every operation judges as if the lapse were recorded."""
    resources: list[Resource] = [
        service(),
        practitioner("a"),
        schedule("a"),
        slot("1", "a", "2026-03-16T09:00Z", "2026-03-16T09:30Z", "busy-tentative"),
        appointment("x", ["1"], status="pending", hold_expires="2026-03-10T12:10:00.000Z"),
    ]
    query: Query = {
        "start": "2026-03-16T09:00Z",
        "end": "2026-03-16T09:30Z",
        "service-type-reference": "HealthcareService/checkup",
        "schedule": "Schedule/a",
    }
    now = datetime.fromisoformat("2026-03-10T12:00Z")
    with open_ledger(tmp_path / "ledger", clock=lambda: now) as ledger:
        ledger.load(resources)
        before = ledger.last
        now = datetime.fromisoformat(clock)
        status, answer = invoke(ledger, "Appointment/$find", query=query)
        assert (status, "entry" in answer) == (200, offered)
        shown = ledger.read("Appointment/x")
        assert shown is not None and shown["status"] == "pending"
        assert ledger.last == before
