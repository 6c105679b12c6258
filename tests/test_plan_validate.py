"""Malformed problems are refused with the place and the value."""

from __future__ import annotations

from dataclasses import replace

import pytest
from instances import plan_instance
from plans import problem as as_problem
from slotwright.solver.availability import Footprint
from slotwright.solver.errors import InvalidInputError
from slotwright.solver.plan.penalties import BackToBack
from slotwright.solver.plan.problem import (
    Choice,
    Crowd,
    Lane,
    Link,
    Placement,
    PlanProblem,
    PlanRequest,
    Quota,
    Role,
)
from slotwright.solver.plan.validate import check_problem

TICKS = (0, 10, 20, 30)
LANE = Lane(0, 0, Footprint(30), 0b1111)
SHARED = Lane(0, 0, Footprint(10, 10, 10), 0b1111, capacity=2)
REQUEST = PlanRequest(100, 0b0111, (Role((Choice(0), Choice(1))),))
PROBLEM = PlanProblem(TICKS, (LANE, replace(LANE, resource=1, actor=1)), (REQUEST, REQUEST, REQUEST))


def refused(problem: PlanProblem) -> str:
    with pytest.raises(InvalidInputError) as caught:
        check_problem(problem)
    return str(caught.value)


def test_well_formed_problems_pass() -> None:
    check_problem(PROBLEM)
    check_problem(PlanProblem((), (), ()))
    check_problem(as_problem(plan_instance(200, 0.95, 1)))
    full = replace(REQUEST, lateness=(1, 2, 3), preference=[0, 0, 0], move=range(3), current=Placement(3, (1,)))
    links = (Link(0, 1, 5, 5, (0, 20)), Link(0, 2), Link(1, 2))
    crowded = replace(SHARED, starts=0b0001, crowds=(Crowd(0, 10, 1, 2), Crowd(20, 30, 2, 2)), quotas=(Quota(0, 9, 0),))
    check_problem(
        PlanProblem(TICKS, (LANE, LANE, crowded), (full, replace(REQUEST, roles=(Role((), 0),)), REQUEST), links)
    )


def test_ticks_ascend() -> None:
    assert refused(replace(PROBLEM, ticks=(0, 20, 20, 30))) == "Ticks ascend and are distinct, but 20 follows 20"


@pytest.mark.parametrize(
    "lane, message",
    [
        (replace(LANE, footprint=Footprint(0)), "a visit lasts at least a minute"),
        (replace(LANE, footprint=Footprint(5, -1)), "a visit lasts at least a minute"),
        (replace(LANE, footprint=Footprint(5, 0, -1)), "a visit lasts at least a minute"),
        (replace(LANE, capacity=0), "the capacity is 0, but must be at least 1"),
        (replace(LANE, starts=0b10000), "starts have 5 bits for 4 ticks"),
        (replace(LANE, starts=-1), "starts have 1 bits for 4 ticks"),
        (replace(LANE, crowds=(Crowd(50, 60, 1, 2),)), "a lane of capacity 1 has no crowds"),
        (replace(SHARED, crowds=(Crowd(60, 60, 1, 2),)), "is empty or tolerates nobody"),
        (replace(SHARED, crowds=(Crowd(60, 70, 0, 2),)), "is empty or tolerates nobody"),
        (replace(SHARED, crowds=(Crowd(60, 70, 1, 0),)), "is empty or tolerates nobody"),
        (replace(SHARED, starts=0b0001, crowds=(Crowd(0, 10, 2, 2),)), "a visit may start at minute 0"),
        (replace(SHARED, starts=0b0001, crowds=(Crowd(0, 10, 1, 1),)), "a visit may start at minute 0"),
        (replace(SHARED, starts=0b0011, crowds=(Crowd(15, 16, 1, 2),)), "a visit may start at minute 0"),
        (replace(SHARED, starts=0b1100, crowds=(Crowd(15, 16, 1, 2),)), "a visit may start at minute 20"),
        (replace(LANE, quotas=(Quota(10, 10, 1),)), "is empty or already exceeded"),
        (replace(LANE, quotas=(Quota(10, 20, -1),)), "is empty or already exceeded"),
    ],
)
def test_a_lane_is_well_formed(lane: Lane, message: str) -> None:
    found = refused(replace(PROBLEM, lanes=(LANE, lane), requests=()))
    assert found.startswith("Lane 1: ") and message in found


@pytest.mark.parametrize(
    "request_, message",
    [
        (replace(REQUEST, starts=0b10000), "starts have 5 bits for 4 ticks"),
        (replace(REQUEST, weight=-1), "weight -1 and priority 0 must not be negative"),
        (replace(REQUEST, priority=-1), "weight 100 and priority -1 must not be negative"),
        (replace(REQUEST, roles=()), "a request has at least one role"),
        (replace(REQUEST, lateness=(1, 2)), "lateness has 2 entries for 3 starts"),
        (replace(REQUEST, preference=(1, 2, 3, 4)), "preference has 4 entries for 3 starts"),
        (replace(REQUEST, move=(1, -2, 3)), "move must lie between 0 and 2^53, but is -2 to 3"),
        (replace(REQUEST, move=(1, 2**53 + 1, 3)), "move must lie between 0 and 2^53"),
        (replace(REQUEST, roles=(Role((Choice(2),)),)), "role 0: lane 2 is none of 2"),
        (replace(REQUEST, roles=(Role((Choice(-1),)),)), "role 0: lane -1 is none of 2"),
        (replace(REQUEST, roles=(*REQUEST.roles, Role((Choice(0), Choice(0))))), "role 1: lane 0 stands twice"),
        (replace(REQUEST, roles=(Role((Choice(0, -1),)),)), "must cost between 0 and 2^53"),
        (replace(REQUEST, roles=(Role((Choice(0, 0, -1),)),)), "must cost between 0 and 2^53"),
        (replace(REQUEST, roles=(Role((Choice(0),), -1),)), "role 0: going without costs -1"),
        (replace(REQUEST, current=Placement(4, (0,))), "does not fit its ticks and roles"),
        (replace(REQUEST, current=Placement(0, (0, 0))), "does not fit its ticks and roles"),
        (replace(REQUEST, current=Placement(0, (2,))), "does not fit its ticks and roles"),
    ],
)
def test_a_request_is_well_formed(request_: PlanRequest, message: str) -> None:
    found = refused(replace(PROBLEM, requests=(REQUEST, request_)))
    assert found.startswith("Request 1: ") and message in found


def test_the_lanes_of_a_request_have_one_duration() -> None:
    lanes = (LANE, replace(LANE, footprint=Footprint(20, 5)))
    apart = replace(REQUEST, roles=(Role((Choice(0),)), Role((Choice(1),))))
    assert refused(replace(PROBLEM, lanes=lanes, requests=(apart,))) == (
        "Request 0: all its lanes have visits of one duration, not of [20, 30] minutes"
    )


def test_weights_add_up_exactly() -> None:
    half = replace(REQUEST, weight=2**52)
    assert "Weights add up to 9007199254740992" in refused(replace(PROBLEM, requests=(half, half)))
    check_problem(replace(PROBLEM, requests=(half, replace(half, weight=2**52 - 1))))


@pytest.mark.parametrize(
    "link, message",
    [
        (Link(0, 3), "request 3 is none of 3"),
        (Link(-1, 1), "request -1 is none of 3"),
        (Link(0, 1, -5), "the gap must be 0 or more minutes and not empty, but is -5 to None"),
        (Link(0, 1, 5, 4), "the gap must be 0 or more minutes and not empty, but is 5 to 4"),
        (Link(0, 1, days=(0, 0)), "days ascend and are distinct"),
    ],
)
def test_a_link_is_well_formed(link: Link, message: str) -> None:
    found = refused(replace(PROBLEM, links=(Link(0, 1), link)))
    assert found == f"Link 1: {message}"


def test_links_form_no_circle() -> None:
    assert "2 → 2;" in refused(replace(PROBLEM, links=(Link(0, 1), Link(2, 2))))
    five = replace(PROBLEM, requests=(REQUEST,) * 5)
    # 0 leads into the circle 1 → 2 → 3 → 1 and 4 out of it.
    links = (Link(0, 1), Link(1, 2), Link(2, 3), Link(3, 1), Link(3, 4))
    found = refused(replace(five, links=links))
    assert any(circle in found for circle in ("1 → 2 → 3 → 1", "2 → 3 → 1 → 2", "3 → 1 → 2 → 3"))


def test_no_penalty_is_a_gain() -> None:
    assert refused(replace(PROBLEM, penalties=(BackToBack(0), BackToBack(-3)))) == (
        "Penalty 1: its weight is -3, but must not be negative"
    )
