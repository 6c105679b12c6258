"""Plans and bounds judged: every sentence by a hand-worked plan, every term of the worth and of the bound."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from slotwright.solver.availability import Footprint
from slotwright.solver.errors import SolverFaultError
from slotwright.solver.plan.check import Score, Terms, bound, faults, score
from slotwright.solver.plan.penalties import BackToBack, Overlap
from slotwright.solver.plan.problem import (
    Choice,
    Crowd,
    Lane,
    Link,
    Placement,
    Plan,
    PlanProblem,
    PlanRequest,
    Point,
    Quota,
    Role,
)

TICKS = tuple(range(0, 120, 10))
ALL = (1 << len(TICKS)) - 1
HALF_HOUR = Footprint(30)


def lane(resource: int = 0, foot: Footprint = HALF_HOUR, **more: object) -> Lane:
    fields: dict[str, object] = {"resource": resource, "actor": resource, "footprint": foot, "starts": ALL, **more}
    return Lane(**fields)  # pyright: ignore[reportArgumentType]


def one_role(*lanes: int, weight: int = 100) -> PlanRequest:
    return PlanRequest(weight, ALL, (Role(tuple(Choice(number) for number in lanes)),))


def at(*minutes: int | None) -> Plan:
    """Each request in the first choice of its only role."""
    return tuple(None if minute is None else Placement(minute // 10, (0,)) for minute in minutes)


def judged(lanes: tuple[Lane, ...], plan: Plan, requests: tuple[PlanRequest, ...] = ()) -> list[str]:
    asked = requests or tuple(one_role(0) for _ in plan)
    return faults(PlanProblem(TICKS, lanes, asked), plan)


# One placement


def test_an_empty_plan_is_sound() -> None:
    assert judged((lane(),), at(None, None)) == []


def test_a_plan_has_a_place_for_each_request() -> None:
    assert judged((lane(),), at(0), (one_role(0), one_role(0))) == ["The plan has 1 places for 2 requests"]


@pytest.mark.parametrize(
    "placement, sentence",
    [
        (Placement(12, (0, 0)), "Request 0 is at tick 12 of 12"),
        (Placement(-1, (0, 0)), "Request 0 is at tick -1 of 12"),
        (Placement(5, (0, 0)), "Request 0 may not start at minute 50"),
        (Placement(2, (0,)), "Request 0 has 1 choices for 2 roles"),
        (Placement(2, (None, 0)), "Request 0 lacks its role 0 at minute 20, which is required"),
        (Placement(2, (2, 0)), "Request 0 takes choice 2 of 2 in role 0"),
        (Placement(2, (-1, 0)), "Request 0 takes choice -1 of 2 in role 0"),
        (Placement(3, (1, 0)), "Request 0 may not start at minute 30 on resource 1 (role 0)"),
        (Placement(2, (0, 1)), "Request 0 uses actor 0 twice at minute 20"),
    ],
)
def test_a_placement_keeps_to_its_request(placement: Placement, sentence: str) -> None:
    lanes = (lane(0), lane(1, starts=0b0111), lane(2), lane(3, actor=0))
    roles = (Role((Choice(0), Choice(1))), Role((Choice(2), Choice(3)), absent=5))
    assert judged(lanes, (placement,), (PlanRequest(100, 0b1111, roles),)) == [sentence]


def test_a_role_that_is_not_required_may_be_absent() -> None:
    roles = (Role((Choice(0),)), Role((Choice(1),), absent=5))
    assert judged((lane(0), lane(1)), (Placement(2, (0, None)),), (PlanRequest(100, ALL, roles),)) == []


# Time


def test_visits_of_a_resource_touch_and_do_not_overlap() -> None:
    assert judged((lane(),), at(0, 30)) == []
    assert judged((lane(),), at(30, 10)) == [
        "Resource 0 is taken from minute 30 to 40 by requests 0, 1, where at most 1 fit"
    ]


def test_buffers_take_time() -> None:
    buffered = lane(foot=Footprint(30, 10, 20))
    assert judged((buffered,), at(10, 70)) == []
    assert judged((buffered,), at(10, 60)) == [
        "Resource 0 is taken from minute 50 to 60 by requests 0, 1, where at most 1 fit"
    ]


def test_lanes_of_one_resource_share_its_time() -> None:
    lanes = (lane(0), lane(0, Footprint(10)), lane(1))
    requests = (one_role(0), one_role(1), one_role(2))
    assert judged(lanes, at(0, 30, 0), requests) == []
    assert judged(lanes, at(0, 20, 0), requests) == [
        "Resource 0 is taken from minute 20 to 30 by requests 0, 1, where at most 1 fit"
    ]


@pytest.mark.parametrize(
    "capacities, fits",
    [((2, 2), True), ((2, 1), False), ((3, 3, 3), True), ((3, 2), True), ((3, 2, 3), False), ((2, 2, 2), False)],
)
def test_visits_share_time_as_their_capacities_allow(capacities: tuple[int, ...], fits: bool) -> None:
    lanes = tuple(lane(capacity=capacity) for capacity in capacities)
    found = judged(lanes, at(*(0 for _ in lanes)), tuple(one_role(number) for number in range(len(lanes))))
    assert (found == []) == fits


def test_a_buffer_shares_time_with_nothing() -> None:
    buffered = lane(foot=Footprint(30, 0, 10), capacity=2)
    assert judged((buffered,), at(0, 40)) == []
    assert judged((buffered,), at(0, 10)) == [
        "Resource 0 is taken from minute 30 to 40 by requests 0, 1, where at most 1 fit"
    ]


@pytest.mark.parametrize(
    "capacity, crowd, visits, fits",
    [
        (3, Crowd(0, 30, 1, 3), 2, True),
        (3, Crowd(0, 30, 2, 3), 2, False),
        (3, Crowd(0, 30, 1, 2), 2, False),
        (3, Crowd(0, 30, 1, 2), 1, True),
        (3, Crowd(30, 60, 2, 3), 2, True),
        (3, Crowd(20, 60, 2, 3), 2, False),
    ],
)
def test_a_crowd_counts_with_its_tolerance(capacity: int, crowd: Crowd, visits: int, fits: bool) -> None:
    found = judged((lane(capacity=capacity, crowds=(crowd,)),), at(*(0 for _ in range(visits))))
    assert (found == []) == fits


def test_a_crowd_is_named_by_its_size() -> None:
    crowded = lane(capacity=3, crowds=(Crowd(10, 20, 2, 4),))
    assert judged((crowded,), at(0, 0)) == [
        "Resource 0 is taken from minute 10 to 20 by requests 0, 1 and 2 stored Slots, where at most 3 fit"
    ]


def test_a_crowd_is_met_by_its_own_lane_alone() -> None:
    # Booked first, request 1 finds nothing that concerns it; booked second, request 0 finds two Slots and a visit.
    lanes = (lane(capacity=3, crowds=(Crowd(0, 30, 2, 4),)), lane(capacity=3))
    requests = (one_role(0), one_role(1))
    assert judged(lanes, at(0, None), requests) == []
    assert judged(lanes, at(None, 0), requests) == []
    assert judged(lanes, at(30, 30), requests) == []
    assert len(judged(lanes, at(0, 0), requests)) == 1


def test_no_other_lane_meets_a_crowd() -> None:
    # The third visit's lane has a crowd where the first two are, whose lane does not see it.
    lanes = (lane(capacity=3), lane(capacity=3, crowds=(Crowd(0, 30, 1, 2),)))
    requests = (one_role(0), one_role(0), one_role(1))
    assert judged(lanes, at(0, 0, 60), requests) == []
    assert len(judged(lanes, at(0, 60, 0), requests)) == 1


# Quotas and links


def test_a_quota_counts_starts_of_its_lane() -> None:
    lanes = (lane(quotas=(Quota(0, 60, 1),)), lane())
    requests = (one_role(0), one_role(0), one_role(1))
    assert judged(lanes, at(0, 60, 30), requests) == []
    assert judged(lanes, at(0, 50, None), requests) == [
        "Requests 0, 1 start on resource 0 (lane 0) from minute 0 to 60, where 1 more may"
    ]


@pytest.mark.parametrize(
    "link, plan, sentence",
    [
        (Link(0, 1), at(0, 30), None),
        (Link(0, 1), at(0, None), None),
        (Link(0, 1), at(None, 0), "Request 1 is served without request 0, which it follows"),
        (Link(0, 1), at(0, 20), "Request 1 starts at minute 20, -10 after request 0: too early"),
        (Link(0, 1, 20), at(0, 50), None),
        (Link(0, 1, 20), at(0, 40), "Request 1 starts at minute 40, 10 after request 0: too early"),
        (Link(0, 1, 0, 20), at(0, 50), None),
        (Link(0, 1, 0, 20), at(0, 60), "Request 1 starts at minute 60, 30 after request 0: too late"),
        (Link(0, 1, days=(0, 60)), at(0, 50), None),
        (Link(0, 1, days=(0, 60)), at(0, 60), "Request 1 starts at minute 60, not on the day of request 0 at 0"),
    ],
)
def test_a_link_is_kept(link: Link, plan: Plan, sentence: str | None) -> None:
    problem = PlanProblem(TICKS, (lane(0), lane(1)), (one_role(0), one_role(1)), (link,))
    assert faults(problem, plan) == ([] if sentence is None else [sentence])


def test_what_is_misplaced_breaks_no_further_rule() -> None:
    problem = PlanProblem(TICKS, (lane(),), (one_role(0), one_role(0)), (Link(0, 1, 50),))
    assert faults(problem, (Placement(99, (0,)), Placement(0, (0,)))) == ["Request 0 is at tick 99 of 12"]


# Worth


def test_a_plan_is_worth_its_terms() -> None:
    roles = (Role((Choice(0, 1, 2), Choice(1, 3, 4))), Role((Choice(2, 5),), absent=7))
    starts = 0b110100  # minutes 20, 40 and 50
    first = PlanRequest(100, starts, roles, lateness=(0, 10, 20), preference=(9, 8, 6), move=(0, 1, 0))
    second = PlanRequest(40, ALL, (Role((Choice(3),)),), move=range(12))
    problem = PlanProblem(TICKS, tuple(map(lane, range(4))), (first, second, second))
    plan = (Placement(4, (1, None)), Placement(3, (0,)), None)
    terms = (Terms(100, 10, 8 + 3, 1 + 4, 7), Terms(40, 0, 0, 3, 0), None)
    assert score(problem, plan) == Score(67 + 37, Terms(140, 10, 11, 8, 7), terms)
    assert score(problem, (Placement(2, (0, 0)), None, None)).total == 100 - 0 - 9 - 0 - (1 + 2) - 5


def test_an_empty_plan_is_worth_nothing() -> None:
    assert score(PlanProblem(TICKS, (lane(),), (one_role(0),)), (None,)) == Score(0, Terms(), (None,))


def test_penalties_are_charged_beside_the_terms() -> None:
    penalties = (BackToBack(3), Overlap(7, "medium", unit=10), Overlap(5, unit=15))
    problem = PlanProblem(TICKS, (lane(0), lane(1)), (one_role(0), one_role(0), one_role(1)), penalties=penalties)
    # The first two touch; the third overlaps the first from 20 to 30 and the second from 30 to 50.
    found = score(problem, at(0, 30, 20))
    assert found.terms == Terms(300)
    assert [(charge.name, charge.amount, charge.cost) for charge in found.charges] == [
        ("back-to-back", 1, 3),
        ("overlap", 1 + 2, 21),
        ("overlap", 1 + 2, 15),
    ]
    assert (found.total, found.medium) == (300 - 3 - 15, 21)


# Bounds


def test_without_prices_every_request_earns_its_best() -> None:
    roles = (Role((Choice(0, 5, 6), Choice(1, 3))), Role((Choice(2),), absent=4))
    asked = PlanRequest(100, 0b11, roles, lateness=(9, 20), preference=(0, 7), move=(2, 0))
    lanes = (lane(0), lane(1, starts=0b10), lane(2, starts=0b10))
    # At 0 with lane 0: 9 + 2, 5 + 6, and 4 for the absent; at 10 with lane 1: 20 + 7, and 3.
    assert bound(PlanProblem(TICKS, lanes, (asked,)), ()) == 100 - 26
    assert (
        bound(PlanProblem(TICKS, lanes, (replace(asked, starts=0b10, lateness=(20,), preference=(7,), move=(1,)),)), ())
        == 69
    )


def test_visits_pay_their_part_and_buffers_all() -> None:
    shared = lane(foot=Footprint(20, 10, 10), capacity=4)
    problem = PlanProblem(TICKS, (shared,), (PlanRequest(100, 0b10, (Role((Choice(0),)),)),))
    # A visit at 10: its buffers take minutes 0 to 10 and 30 to 40.
    for minute, paid in ((-1, 0.0), (0, 8.0), (9, 8.0), (10, 2.0), (29, 2.0), (30, 8.0), (39, 8.0), (40, 0.0)):
        assert bound(problem, (Point(0, minute, 8.0),)) == 100 + 8 - paid
    assert bound(problem, (Point(0, 5, 8.0), Point(0, 5, 4.0), Point(0, 12, 2.0))) == 100 + 14 - 12.5


def test_what_cannot_earn_is_not_served() -> None:
    problem = PlanProblem(TICKS, (lane(),), (one_role(0), PlanRequest(9, ALL, (Role(()),)), PlanRequest(9, 0, ())))
    assert bound(problem, tuple(Point(0, minute, 200.0) for minute in range(0, 150, 10))) == 15 * 200.0
    assert bound(problem, ()) == 100


def test_prices_of_odd_fractions_are_rounded_upwards() -> None:
    problem = PlanProblem(TICKS, (lane(capacity=3),), (one_role(0), one_role(0)))
    prices = tuple(Point(0, minute, 0.1 + minute / 7) for minute in range(12 * 10 + 20))
    paid = [sum(Fraction(point.price) for point in prices[start : start + 30]) / 3 for start in TICKS]
    exact = sum(Fraction(point.price) for point in prices) + 2 * (100 - min(paid))
    found = bound(problem, prices)
    assert exact <= Fraction(found) < exact + Fraction(1, 1000)


def test_many_pay_no_more_than_a_price() -> None:
    one = PlanRequest(1, 1, (Role((Choice(0),)),))
    problem = PlanProblem(TICKS, (lane(),), (one,) * 1000)
    exact = Fraction(0.1) + 1000 * (1 - Fraction(0.1))
    found = bound(problem, (Point(0, 7, 0.1),))
    assert exact <= Fraction(found) < exact + Fraction(1, 500)


def test_large_weights_are_counted_exactly_or_upwards() -> None:
    weight = 2**53 + 1
    problem = PlanProblem(TICKS, (lane(),), (one_role(0, weight=weight),))
    assert bound(problem, ()) == math.nextafter(2.0**53, math.inf)
    assert bound(problem, (Point(0, 119, 0.5), Point(0, 149, 0.25))) == math.nextafter(2.0**53, math.inf)


@pytest.mark.parametrize("price", [-1e-9, math.nan, math.inf])
def test_a_price_is_a_number_that_can_be_paid(price: float) -> None:
    with pytest.raises(SolverFaultError, match="The price of minute 7 of resource 0 is"):
        bound(PlanProblem(TICKS, (lane(),), ()), (Point(0, 7, price),))


def test_a_price_stands_on_a_resource() -> None:
    with pytest.raises(SolverFaultError, match="Resource 3 has a price and is on no lane"):
        bound(PlanProblem(TICKS, (lane(),), ()), (Point(3, 7, 1.0),))


def test_prices_add_up_to_a_number_that_can_be_counted() -> None:
    with pytest.raises(SolverFaultError, match="too large to add up"):
        bound(PlanProblem(TICKS, (lane(),), ()), (Point(0, 7, 1e19),))
