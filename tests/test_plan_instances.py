"""The reference instances of the planner's benchmarks: what their generator promises."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise

import orjson
import pytest
from instances import PLAN_DAYS, PlanInstance, plan_instance
from plans import problem


@pytest.fixture(scope="module", params=[2, 3])
def instance(request: pytest.FixtureRequest) -> PlanInstance:
    return plan_instance(200, 0.95, 1, pools=request.param)


def test_an_instance_is_frozen() -> None:
    text = orjson.dumps(plan_instance(200, 0.95, 1).as_json(), option=orjson.OPT_SORT_KEYS)
    assert sha256(text).hexdigest() == "b9583b8939d4bac2b200cf18ee5b3314b3431326f686a71eb4a89085051be896"


def test_calendars_are_booked_until_the_load_is_reached(instance: PlanInstance) -> None:
    pools = len(instance.wanted[0].needs)
    size = len(instance.opened) // pools
    for kind in range(pools):
        rows = range(kind * size, (kind + 1) * size)
        opened = sum(high - low for row in rows for low, high in instance.opened[row])
        booked = sum(high - low for row in rows for low, high in instance.booked[row])
        demand = sum(one.duration + one.needs[kind].before + one.needs[kind].after for one in instance.wanted)
        assert 0.95 <= demand / (opened - booked) < 1.0


def test_bookings_lie_in_open_time_and_do_not_overlap(instance: PlanInstance) -> None:
    for opened, booked in zip(instance.opened, instance.booked, strict=True):
        assert all(any(low <= start and end <= high for low, high in opened) for start, end in booked)
        assert all(one[1] <= other[0] for one, other in pairwise(booked))
    assert len(instance.ticks) == PLAN_DAYS * 36


def test_a_problem_offers_exactly_the_free_starts(instance: PlanInstance) -> None:
    made = problem(instance)
    for lane in made.lanes:
        foot = lane.footprint
        for place, at in enumerate(instance.ticks):
            is_free = instance.is_free(lane.resource, at - foot.before, at + foot.reach)
            assert bool(lane.starts >> place & 1) == is_free
    for one, request in zip(instance.wanted, made.requests, strict=True):
        allowed = [at for place, at in enumerate(made.ticks) if request.starts >> place & 1]
        assert allowed == [
            at for at in made.ticks if any(low <= at and at + one.duration <= high for low, high in one.windows)
        ]
        assert list(request.lateness) == [one.lateness(at) for at in allowed]
