"""The checker of offers: right answers pass, each wrong one is refused for its own reason."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slotwright.solver.availability import Footprint
from slotwright.solver.check import check_offers
from slotwright.solver.errors import SolverFaultError
from slotwright.solver.problem import FindProblem, Judge, Member, Offer
from solver_support import by_brute_force, judge_of, make_problem

FOOT = Footprint(30)
EIGHT, NINE, TEN = 480, 540, 600

# Pools {a, b} and {r, s, a2}, where a2 is another schedule of the actor of a. The bitmaps are not what the judge asks.
A, B = Member(0, 1, 0, 60, FOOT), Member(1, 2, 0, 30, FOOT)
R, S, A2 = Member(0, 3, 0, 0, FOOT), Member(1, 4, 0, 45, FOOT), Member(2, 1, 0, 0, FOOT)
PROBLEM = FindProblem([EIGHT, NINE, TEN], ((A, B), (R, S, A2)), count=5, combinations=3)


def open_but(*closed: tuple[int, int, int]) -> Judge:
    """Everybody is open at every start, but for these (pool, place, start)."""
    return lambda pool, place, start: (pool, place, start) not in closed


def check(problem: FindProblem, *offers: tuple[int, tuple[int, ...]], judge: Judge | None = None) -> None:
    check_offers(problem, [Offer(*offer) for offer in offers], judge or open_but())


@pytest.mark.parametrize(
    "offers",
    [
        (),
        ((EIGHT, (1, 0)),),
        ((EIGHT, (1, 0)), (NINE, (1, 0)), (TEN, (1, 0))),
        # Loads 30, 30, 60: b + r, b + a2, a + r.
        ((EIGHT, (1, 0)), (EIGHT, (1, 2)), (EIGHT, (0, 0))),
        ((EIGHT, (1, 0)), (EIGHT, (1, 2)), (EIGHT, (0, 0)), (TEN, (1, 0)), (TEN, (1, 2))),
    ],
)
def test_right_answers_pass(offers: tuple[tuple[int, tuple[int, ...]], ...]) -> None:
    check(PROBLEM, *offers)


def test_a_worse_combination_passes_where_the_better_ones_are_closed() -> None:
    check(PROBLEM, (EIGHT, (0, 0)), judge=open_but((0, 1, EIGHT)))
    check(PROBLEM, (EIGHT, (1, 1)), judge=open_but((1, 0, EIGHT), (1, 2, EIGHT)))


def test_a_better_member_whose_actor_is_busy_in_another_pool_is_no_exchange() -> None:
    # With r closed, a2 would be better than s, but a has the same actor.
    check(PROBLEM, (EIGHT, (0, 1)), judge=open_but((0, 1, EIGHT), (1, 0, EIGHT)))


@pytest.mark.parametrize(
    ("offers", "closed", "reason"),
    [
        ([(EIGHT, (1, 0))], (0, 1, EIGHT), "Member 1 of pool 0 is not open at 480"),
        ([(EIGHT, (1, 0))], (1, 0, EIGHT), "Member 0 of pool 1 is not open at 480"),
        ([(EIGHT, (0, 2))], (0, 1, EIGHT), "Actor 1 is used twice at 480"),
        ([(NINE, (1, 0)), (EIGHT, (1, 0))], None, r"Offer \(480, 30, \(1, 0\)\) comes after \(540, 30, \(1, 0\)\)"),
        ([(EIGHT, (1, 0)), (EIGHT, (0, 0)), (EIGHT, (1, 2))], None, r"Offer \(480, 30, \(1, 2\)\) comes after"),
        ([(EIGHT, (1, 0)), (EIGHT, (1, 0))], None, r"Offer \(480, 30, \(1, 0\)\) comes after \(480, 30, \(1, 0\)\)"),
        (
            [(EIGHT, (1, 0)), (EIGHT, (1, 2)), (EIGHT, (0, 0)), (EIGHT, (1, 1))],
            None,
            "4 combinations at 480, asked for 3",
        ),
        ([(EIGHT, (2, 0))], None, "Pool 0 has no member 2"),
        ([(EIGHT, (1, -1))], None, "Pool 1 has no member -1"),
        ([(EIGHT, (1,))], None, "1 members at 480 for 2 pools"),
        ([(EIGHT, (1, 0, 0))], None, "3 members at 480 for 2 pools"),
        ([(EIGHT, (0, 0))], None, "Member 1 of pool 0 is open at 480 and better than 0"),
        ([(EIGHT, (1, 1))], None, "Member 0 of pool 1 is open at 480 and better than 1"),
        ([(EIGHT, (1, 2))], None, "Member 0 of pool 1 is open at 480 and better than 2"),
        ([(EIGHT, (1, 0)), (NINE, (1, 1))], None, "Member 0 of pool 1 is open at 540 and better than 1"),
        (
            [(EIGHT, (1, 0)), (EIGHT, (1, 2)), (NINE, (1, 0)), (NINE, (1, 2)), (TEN, (1, 0)), (TEN, (1, 2))],
            None,
            "6 offers, asked for 5",
        ),
    ],
)
def test_wrong_answers_are_refused(
    offers: list[tuple[int, tuple[int, ...]]], closed: tuple[int, int, int] | None, reason: str
) -> None:
    with pytest.raises(SolverFaultError, match=reason):
        check(PROBLEM, *offers, judge=open_but(closed) if closed else None)


def test_a_start_that_is_no_tick_is_refused_by_who_judges_it() -> None:
    with pytest.raises(SolverFaultError, match="Member 1 of pool 0 is not open at 481"):
        check(PROBLEM, (481, (1, 0)), judge=open_but((0, 1, 481)))


def test_one_schedule_of_the_same_actor_may_take_the_place_of_another() -> None:
    # In a pool of two schedules of one actor the freer one is the better one.
    problem = FindProblem([EIGHT], ((Member(0, 1, 0, 60, FOOT), Member(1, 1, 0, 30, FOOT)),))
    check(problem, (EIGHT, (1,)))
    with pytest.raises(SolverFaultError, match="Member 1 of pool 0 is open at 480 and better than 0"):
        check(problem, (EIGHT, (0,)))


def test_of_equal_loads_the_earlier_place_is_the_better_one() -> None:
    problem = FindProblem([EIGHT], ((Member(4, 1, 0, 30, FOOT), Member(2, 2, 0, 30, FOOT)),))
    check(problem, (EIGHT, (2,)))
    with pytest.raises(SolverFaultError, match="Member 2 of pool 0 is open at 480 and better than 4"):
        check(problem, (EIGHT, (4,)))


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(st.integers(0, 2**32))
def test_the_answers_of_brute_force_pass(seed: int) -> None:
    problem = make_problem(seed)
    check_offers(problem, by_brute_force(problem), judge_of(problem))


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 100))
def test_an_answer_out_of_order_or_told_twice_is_refused(seed: int, at: int) -> None:
    problem = replace(make_problem(seed), count=100)
    offers = by_brute_force(problem)
    if len(offers) < 2:
        return
    at %= len(offers) - 1
    swapped = [*offers[:at], offers[at + 1], offers[at], *offers[at + 2 :]]
    doubled = [*offers[: at + 1], *offers[at:]]
    for wrong in (swapped, doubled):
        with pytest.raises(SolverFaultError):
            check_offers(problem, wrong, judge_of(problem))
