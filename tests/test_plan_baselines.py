"""The other ways to plan, which the planner is measured against: each does what its name says, and plans soundly."""

from __future__ import annotations

import itertools

import pytest
from instances import TICK, Pair, PlanInstance, Wanted, plan_instance
from plan_baselines import Answer, density_greedy, first_come, highs
from plans import problem
from slotwright.solver.plan import check
from slotwright.solver.plan.problem import Placement

Taken = dict[int, list[Pair]]


@pytest.fixture(scope="module", params=[(2, 60), (3, 60)])
def instance(request: pytest.FixtureRequest) -> PlanInstance:
    pools, requests = request.param
    return plan_instance(requests, 0.9, 5, pools=pools, sites=1)


def spans(wanted: Wanted, start: int, members: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Which resource is taken from when to when."""
    return [
        (need.resources[place], start - need.before, start + wanted.duration + need.after)
        for need, place in zip(wanted.needs, members, strict=True)
    ]


def fits(instance: PlanInstance, taken: Taken, wanted: Wanted, start: int, members: tuple[int, ...]) -> bool:
    return all(
        instance.is_free(resource, low, high)
        and not any(low < other_high and other_low < high for other_low, other_high in taken.get(resource, []))
        for resource, low, high in spans(wanted, start, members)
    )


def take(taken: Taken, wanted: Wanted, start: int, members: tuple[int, ...]) -> None:
    for resource, low, high in spans(wanted, start, members):
        taken.setdefault(resource, []).append((low, high))


def starts(instance: PlanInstance, wanted: Wanted) -> list[int]:
    """The places of the ticks that the windows allow."""
    return [
        place
        for place, at in enumerate(instance.ticks)
        if any(low <= at and at + wanted.duration <= high for low, high in wanted.windows)
    ]


def choices(wanted: Wanted) -> list[tuple[int, ...]]:
    return list(itertools.product(*(range(len(need.resources)) for need in wanted.needs)))


def gain(wanted: Wanted, start: int, members: tuple[int, ...]) -> int:
    costs = sum(need.costs[place] for need, place in zip(wanted.needs, members, strict=True))
    return wanted.weight - wanted.lateness(start) - costs


def total(instance: PlanInstance, answer: Answer) -> int:
    """The objective of a plan that takes nothing twice, as the planner's own judge says too."""
    taken: Taken = {}
    found = 0
    for wanted, served in zip(instance.wanted, answer, strict=True):
        if served is not None:
            start, members = instance.ticks[served[0]], served[1]
            assert served[0] in starts(instance, wanted)
            assert fits(instance, taken, wanted, start, members)
            take(taken, wanted, start, members)
            found += gain(wanted, start, members)
    plan = tuple(None if served is None else Placement(*served) for served in answer)
    assert check.faults(problem(instance), plan) == []
    assert check.score(problem(instance), plan).total == found
    return found


def test_first_come_takes_the_earliest_start_and_the_first_free_members(instance: PlanInstance) -> None:
    taken: Taken = {}
    expected: Answer = []
    for wanted in instance.wanted:
        found = [
            (place, members)
            for place in starts(instance, wanted)
            for members in choices(wanted)
            if fits(instance, taken, wanted, instance.ticks[place], members)
        ]
        expected.append(min(found, default=None))
        if found:
            take(taken, wanted, instance.ticks[min(found)[0]], min(found)[1])
    assert first_come(instance) == expected
    assert total(instance, expected) > 0
    assert 0 < sum(one is not None for one in expected) < len(expected)


def test_density_greedy_takes_the_densest_first_and_what_is_best_for_it(instance: PlanInstance) -> None:
    answer = density_greedy(instance)

    def density(number: int) -> float:
        wanted = instance.wanted[number]
        return wanted.weight / sum(high - low for _, low, high in spans(wanted, 0, (0,) * len(wanted.needs)))

    taken: Taken = {}
    for number in sorted(range(len(answer)), key=lambda one: (-density(one), one)):
        wanted, served = instance.wanted[number], answer[number]
        found = [
            gain(wanted, instance.ticks[place], members)
            for place in starts(instance, wanted)
            for members in choices(wanted)
            if fits(instance, taken, wanted, instance.ticks[place], members)
        ]
        assert (served is None) == (not found)
        if served is not None:
            start, members = instance.ticks[served[0]], served[1]
            assert served[0] in starts(instance, wanted)
            assert fits(instance, taken, wanted, start, members)
            assert gain(wanted, start, members) == max(found)
            take(taken, wanted, start, members)
    assert total(instance, answer) > 0


def test_highs_proves_what_brute_force_finds() -> None:
    pytest.importorskip("scipy")
    whole = plan_instance(60, 0.9, 2, sites=1)
    # An hour and a half of two practitioners and two rooms is left, so that these are in each other's way.
    first = whole.ticks[0]
    window = first, first + 6 * TICK
    wanted: list[Wanted] = []
    for one in whole.wanted[:4]:
        needs = tuple(
            type(need)((2 * kind, 2 * kind + 1), (7 * kind, 3), need.before, need.after)
            for kind, need in enumerate(one.needs)
        )
        wanted.append(type(one)(one.id, one.weight, one.duration, (window,), first + TICK, needs))
    small = PlanInstance("small", whole.ticks[:6], ((window,),) * 4, ((),) * 4, tuple(wanted))
    best = _best(small, 0, {})
    found = highs(small, 60)
    assert found.status == "optimal"
    assert found.bound == pytest.approx(best)
    assert total(small, found.answer) == best
    assert total(small, first_come(small)) < best


def _best(instance: PlanInstance, number: int, taken: Taken) -> int:
    """The optimum of the requests from this one on."""
    if number == len(instance.wanted):
        return 0
    wanted = instance.wanted[number]
    best = _best(instance, number + 1, taken)
    for start in (instance.ticks[place] for place in starts(instance, wanted)):
        for members in choices(wanted):
            if fits(instance, taken, wanted, start, members):
                more = {key: list(value) for key, value in taken.items()}
                take(more, wanted, start, members)
                best = max(best, gain(wanted, start, members) + _best(instance, number + 1, more))
    return best
