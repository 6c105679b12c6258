"""`$find` gives exactly the offers of the brute-force oracle, in its order, whatever the engine.

Problems come from two sources: hypothesis, which shrinks what fails to something small, and numbered ones, which are
more varied. SLOTWRIGHT_EXAMPLES sets how many there are of each.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from oracle import Offer, find_all
from slotwright.io import invoke, open_calendar
from slotwright.solver.problem import Engine
from strategies import SERVICE, Problem, numbered_problem, problems
from support import parameters, schedule, service, slot

EXAMPLES = int(os.environ.get("SLOTWRIGHT_EXAMPLES", "100"))
CHUNK = 15
OUTSIDE = (
    "Search range ends before schedule planning horizon starts",
    "Search range starts after schedule planning horizon ends",
)


def offers_of_oracle(problem: Problem) -> list[Offer]:
    return find_all(
        problem.resources,
        service=problem.service,
        pools=problem.pools,
        start=problem.start,
        end=problem.end,
        now=problem.now,
        count=problem.count,
        combinations=problem.combinations,
        occurrences=problem.occurrences,
        ignore=problem.ignore,
    )


ENGINES: tuple[Engine, ...] = ("auto", "cp-sat")


def offers_found(problem: Problem, engine: Engine) -> list[Offer]:
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
    status, answer = invoke(
        open_calendar(problem.resources), "Appointment/$find", query=query, now=problem.now, engine=engine
    )
    if status == 400:
        # The oracle models no check; no schedule of a pool that is outside its horizon has anything to offer.
        assert answer["issue"][0]["details"]["text"] in OUTSIDE, answer
        return []
    assert status == 200, answer
    offers: list[Offer] = []
    for entry in answer.get("entry", []):
        visits = [one for one in entry["resource"]["contained"] if one["status"] == "busy"]
        names = tuple(one["schedule"]["reference"].removeprefix("Schedule/") for one in visits)
        assert all(one["start"] == entry["resource"]["start"] for one in visits)
        offers.append((entry["resource"]["start"], names))
    return offers


def check(problem: Problem) -> None:
    expected = offers_of_oracle(problem)
    for engine in ENGINES:
        assert offers_found(problem, engine) == expected, engine


@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(problems())
def test_find_agrees_with_the_oracle(problem: Problem) -> None:
    check(problem)


@pytest.mark.parametrize("first", range(0, EXAMPLES, CHUNK))
def test_find_agrees_with_the_oracle_on_numbered_problems(first: int) -> None:
    for seed in range(first, min(first + CHUNK, EXAMPLES)):
        try:
            check(numbered_problem(seed))
        except Exception as error:
            error.add_note(f"numbered_problem({seed})")
            raise


@pytest.mark.parametrize(("capacity", "length", "after"), [(1, 168, 0), (1, 169, 0), (2, 169, 0), (2, 168, 60)])
def test_weeks_of_a_series_that_meet(capacity: int, length: int, after: int) -> None:
    grid = parameters(
        duration=(length, "h"), bufferAfter=after, alignmentInterval=60, slotCapacity=capacity, timezone="Etc/UTC"
    )
    resources = [
        service(SERVICE, params=grid),
        schedule("a"),
        slot("1", "a", "2026-03-16T08:00Z", "2026-03-16T08:30Z", capacity=2),
    ]
    check(
        Problem(
            resources=resources,
            service=SERVICE,
            pools=[["a"]],
            start="2026-03-16T08:00Z",
            end="2026-03-23T09:00Z",
            now=datetime(2026, 3, 1, tzinfo=UTC),
            count=20,
            combinations=1,
            occurrences=2,
            ignore=None,
        )
    )
