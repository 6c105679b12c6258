"""Reference instances written for others: the files say what the instance says."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import plan_files
import pytest
from instances import NOW, PlanInstance, instant, minute, plan_instance, proposals
from instances import PLAN_FIRST_DAY as FIRST_DAY
from plan_files import Visit, schedule_id
from plans import problem
from slotwright.io import invoke, open_calendar
from slotwright.io.plans.compiling import compile_plan
from slotwright.io.plans.requests import Wanted, read_requests
from slotwright.io.plans.tables import read_rows
from slotwright.solver.plan.problem import PlanProblem

SCRIPT = Path(plan_files.__file__).parent / "instances.py"


@pytest.fixture(scope="module", params=[2, 3])
def instance(request: pytest.FixtureRequest) -> PlanInstance:
    return plan_instance(60, 0.95, 1, pools=request.param, sites=1)


def test_a_find_offers_the_free_starts_of_every_resource(instance: PlanInstance) -> None:
    calendar = open_calendar(plan_files.resources(instance))
    assert calendar.warnings == ()
    first, last = minute(FIRST_DAY), minute(FIRST_DAY.replace(day=FIRST_DAY.day + 5))
    for wanted in instance.wanted[:12]:
        for need in wanted.needs:
            for resource in need.resources[:3]:
                query: dict[str, str | list[str]] = {
                    "start": instant(first),
                    "end": instant(last),
                    "service-type-reference": f"HealthcareService/{Visit.of(wanted).id}",
                    "schedule": f"Schedule/{schedule_id(instance, resource)}",
                    "_count": "1000",
                }
                status, bundle = invoke(calendar, "Appointment/$find", query=query, now=NOW)
                assert status == 200
                assert [start for start, _ in proposals(bundle)] == [
                    at
                    for at in instance.ticks
                    if instance.is_free(resource, at - need.before, at + wanted.duration + need.after)
                ]


def test_rows_give_every_choice_the_value_of_the_instance(instance: PlanInstance) -> None:
    for wanted in instance.wanted:
        row = plan_files.request_row(instance, wanted)
        assert tuple(row) == plan_files.COLUMNS
        pools = [pool.split(",") for pool in str(row["schedules"]).split(";")]
        assert pools == [[schedule_id(instance, one) for one in need.resources] for need in wanted.needs]
        pairs = [one.split(":") for one in str(row["preferred_schedules"]).split(";") if one]
        weights = {name: int(weight) for name, weight in pairs}
        best = max(weights.values(), default=0)
        for name, cost in zip(pools[0], wanted.needs[0].costs, strict=True):
            assert int(str(row["weight"])) - (best - weights.get(name, 0)) == wanted.weight - cost
        bounds = [[at.split("/")[0], at.split("/")[1]] for at in str(row["windows"]).split(";")]
        minutes = [tuple(int(datetime.fromisoformat(at).timestamp()) // 60 for at in pair) for pair in bounds]
        assert tuple(minutes) == wanted.windows
        assert int(datetime.fromisoformat(str(row["due"])).timestamp()) // 60 == wanted.due


def offers(problem: PlanProblem, place: int, name_of: Callable[[int], str]) -> dict[tuple[int, int, str], int]:
    """What a request may choose: minute, role and schedule, and what is left of its weight in role 0."""
    request = problem.requests[place]
    ticks = [tick for tick in range(len(problem.ticks)) if request.starts >> tick & 1]
    lateness = dict(zip(ticks, request.lateness or [0] * len(ticks), strict=True))
    found: dict[tuple[int, int, str], int] = {}
    for number, role in enumerate(request.roles):
        for choice in role.choices:
            for tick in ticks:
                if problem.lanes[choice.lane].starts >> tick & 1:
                    value = request.weight - lateness[tick] - choice.preference if number == 0 else -choice.preference
                    found[problem.ticks[tick], number, name_of(choice.lane)] = value
    # Starts at which a pool has nobody are of no use.
    there = {key[:2] for key in found}
    whole = {at for at, _ in there if all((at, number) in there for number in range(len(request.roles)))}
    return {key: value for key, value in found.items() if key[0] in whole}


def test_requests_planned_over_the_files_are_those_of_the_instance(instance: PlanInstance, tmp_path: Path) -> None:
    plan_files.write_fhir(instance, tmp_path)
    store = open_calendar(str(tmp_path / plan_files.CALENDAR), clock=lambda: NOW)
    wanted = [
        one for one in read_requests(store, read_rows(str(tmp_path / plan_files.REQUESTS))) if isinstance(one, Wanted)
    ]
    assert len(wanted) == len(instance.wanted)
    compiled = compile_plan(store, wanted, now_ms=int(NOW.timestamp() * 1000))
    places = {one.wanted.id: place for place, one in enumerate(compiled.entries)}
    expected = problem(instance)

    def stored(lane: int) -> str:
        found = compiled.lanes[lane]
        assert found is not None
        return found.id

    for number, one in enumerate(instance.wanted):
        drawn = offers(expected, number, lambda lane: schedule_id(instance, expected.lanes[lane].resource))
        assert offers(compiled.problem, places[one.id], stored) == drawn


def test_the_script_writes_json_and_fhir(tmp_path: Path) -> None:
    asked = ["40", "0.6", "3", "--sites", "1", "-o", str(tmp_path / "one.json"), "--fhir", str(tmp_path / "fhir")]
    done = subprocess.run([sys.executable, str(SCRIPT), *asked], capture_output=True, text=True, check=True, timeout=60)
    made = plan_instance(40, 0.6, 3, sites=1)
    assert done.stdout == f"{made.name}\n"
    assert json.loads((tmp_path / "one.json").read_text()) == json.loads(json.dumps(made.as_json()))
    with (tmp_path / "fhir" / "requests.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["request_id"] for row in rows] == [one.id for one in made.wanted]
    assert len(list(open_calendar(str(tmp_path / "fhir" / "calendar.ndjson")).resources("Schedule"))) == 20


@pytest.mark.parametrize(
    ("asked", "said"), [(["300", "0.6", "1", "-o", "x"], "--sites"), (["200", "0.6", "1"], "say where to")]
)
def test_what_cannot_be_drawn_is_wrong_use(asked: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *asked], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2 and said in done.stderr
