"""Regions: who is freed together, how sizes follow what is proven, and that all is a matter of the seed."""

from __future__ import annotations

from math import log

import pytest
from instances import plan_instance
from plan_draws import drawn
from plans import problem as reference
from slotwright.solver.plan.part import Cutter, Standing, standing
from slotwright.solver.plan.problem import PlanProblem
from slotwright.solver.plan.regions import DAY, Kind, Region, Regions
from slotwright.solver.plan.table import Table, make_table


@pytest.fixture(scope="module")
def table() -> Table:
    return make_table(reference(plan_instance(200, 0.95, 1)))


def nobody(problem: PlanProblem, table: Table) -> Standing:
    return standing(table, (None,) * len(problem.requests))


def regions(table: Table, seed: int, count: int) -> list[Region]:
    made = Regions(Cutter(table), seed)
    found = [made.next(nobody(table.problem, table)) for _ in range(count)]
    return [region for region in found if region is not None]


def test_sizes_follow_what_is_proven() -> None:
    kind = Kind(1)
    kind.learn(60, 0.0, 1.0, is_proven=True)
    assert kind.size == pytest.approx(84)
    # What was freed counts, not what was wanted.
    kind.learn(50, 0.0, 1.0, is_proven=True)
    assert kind.size == pytest.approx(84)
    kind.learn(80, 0.0, 1.0, is_proven=False)
    assert kind.size == pytest.approx(64)
    kind.learn(64, 0.0, 1.0, is_proven=True)
    assert kind.size == pytest.approx(64 * 1.06)
    for _ in range(30):
        kind.learn(round(kind.size), 0.0, 1.0, is_proven=False)
    assert kind.size == 12
    assert 0.8 * log(1.06) + 0.2 * log(0.8) == pytest.approx(0, abs=0.003)


def test_what_was_earned_lately_counts_most() -> None:
    kind = Kind(1)
    kind.learn(60, 100.0, 2.0, is_proven=True)
    assert kind.earned == 50
    kind.learn(60, 0.0, 2.0, is_proven=True)
    assert kind.earned == pytest.approx(40)


def test_the_same_seed_draws_the_same_regions(table: Table) -> None:
    one, same, other = (regions(table, seed, 8) for seed in (1, 1, 2))
    assert [region.requests for region in one] == [region.requests for region in same]
    assert [region.requests for region in one] != [region.requests for region in other]
    # Every kind is tried before any is preferred: none has learned yet, so it is always the first.
    assert {region.kind.days for region in one} == {1}


def test_regions_have_the_size_and_the_days_of_their_kind(table: Table) -> None:
    minutes = table.problem.ticks
    for region in regions(table, 3, 10):
        assert len(set(region.requests)) == len(region.requests) <= 60
        days = region.kind.days
        assert days is not None
        seed = region.requests[0]
        ranges = [
            (minutes[int(table.pair_tick[low])], minutes[int(table.pair_tick[high - 1])])
            for low, high in ((table.request_pairs[one], table.request_pairs[one + 1]) for one in region.requests)
        ]
        # All could start in one stretch of so many days around a start of the seed.
        begin, end = ranges[0]
        assert all(first < end + days * DAY and last > begin - days * DAY for first, last in ranges), seed


def test_nobody_is_in_two_regions_of_a_round_or_settled(table: Table) -> None:
    made = Regions(Cutter(table), 1, settled=range(100))
    found = nobody(table.problem, table)
    one = made.next(found)
    assert one is not None
    assert min(one.requests) >= 100
    other = made.next(found, apart=one.requests)
    assert other is not None
    assert not set(one.requests) & set(other.requests)
    assert made.next(found, apart=range(100, 200)) is None


def test_linked_requests_come_together() -> None:
    together = 0
    for seed in range(10):
        problem = drawn(seed, requests=8, links=True)
        made = make_table(problem)
        for region in regions(made, seed, 4):
            for link in problem.links:
                assert (link.first in region.requests) == (link.then in region.requests)
                together += link.first in region.requests
    assert together > 10
