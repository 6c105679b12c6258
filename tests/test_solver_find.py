"""The search itself: both engines against brute force, how often CP-SAT is asked, and what happens when it errs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slotwright.solver import model
from slotwright.solver.availability import Footprint
from slotwright.solver.combinations import BLOCK, EXACT, best_of_block, by_preference, first_of_start, start_choices
from slotwright.solver.errors import LimitError, SolverFaultError
from slotwright.solver.find import solve
from slotwright.solver.grid import places
from slotwright.solver.model import ModelWriter, Response
from slotwright.solver.problem import Engine, FindProblem, Member, Offer, Pool
from slotwright.solver.profiles import ENUMERATE, INTERACTIVE, PROPAGATE, Profile
from solver_support import LOADS, by_brute_force, combinations_at, judge_of, make_pool, make_problem

Lie = Callable[[Response], Response]
ENGINES: tuple[Engine, ...] = ("auto", "cp-sat")
FOOT = Footprint(30)
SEEDS = st.integers(0, 2**32)


# An oracle for many pools


def by_used_actors(problem: FindProblem) -> list[Offer]:
    """The first combination of each start where there are too many to try: pool by pool, the best of the rest."""
    found = [(tick, best_of_rest(problem, index)) for index, tick in enumerate(problem.ticks)]
    return [Offer(tick, chosen) for tick, chosen in found if chosen is not None][: problem.count]


def best_of_rest(problem: FindProblem, index: int) -> tuple[int, ...] | None:
    """The first combination at a tick. `best` holds, for each set of actors used so far, the best of later pools."""
    best: dict[int, tuple[int, tuple[int, ...]]] = {}
    reachable = [{0}]
    free = [[member for member in pool if member.starts >> index & 1] for pool in problem.pools]
    for members in free:
        bits = {1 << member.actor for member in members}
        reachable.append({used | bit for used in reachable[-1] for bit in bits if not used & bit})
    best = dict.fromkeys(reachable.pop(), (0, ()))
    while reachable:
        later, best = best, {}
        members = free.pop()
        for used in reachable.pop():
            rest = [(member, later.get(used | 1 << member.actor)) for member in members if not used >> member.actor & 1]
            options = [(one.load + tail[0], (one.place, *tail[1])) for one, tail in rest if tail is not None]
            if options:
                best[used] = min(options)
    return best[0][1] if best else None


class Counting:
    """CP-SAT, and a list of what it was asked."""

    def __init__(self) -> None:
        self.profiles: list[Profile] = []

    def __call__(self, writer: ModelWriter, profile: Profile) -> Response:
        self.profiles.append(profile)
        return model.run(writer, profile)


def never(writer: ModelWriter, profile: Profile) -> Response:
    raise AssertionError(f"the solver is asked about {writer.size} variables: {dict(profile)}")


def answer(problem: FindProblem, engine: Engine, run: model.Solve = model.run) -> list[Offer]:
    return solve(problem, judge_of(problem), engine, run)


# Problems


def pool(*members: tuple[int, int, int]) -> Pool:
    """A pool of (actor, starts, load)."""
    return tuple(Member(place, actor, starts, load, FOOT) for place, (actor, starts, load) in enumerate(members))


def problem_of(*pools: Pool, ticks: int = 4, count: int = 20, combinations: int = 1) -> FindProblem:
    return FindProblem([600 + 30 * place for place in range(ticks)], pools, count, combinations)


# Both engines and brute force


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(SEEDS)
def test_both_engines_and_brute_force_give_the_same_offers_in_the_same_order(seed: int) -> None:
    problem = make_problem(seed)
    expected = by_brute_force(problem)
    for engine in ENGINES:
        assert answer(problem, engine) == expected, engine


@settings(max_examples=30, derandomize=True, database=None, deadline=None)
@given(SEEDS)
def test_many_starts_are_answered_over_several_blocks(seed: int) -> None:
    problem = replace(make_problem(seed, ticks=90, pools=3, members=3, actors=5), count=Random(seed).randint(20, 40))
    assert answer(problem, "auto") == by_brute_force(problem)


@settings(max_examples=30, derandomize=True, database=None, deadline=None)
@given(SEEDS, st.integers(1, 60))
def test_many_combinations_with_many_ties_come_in_order(seed: int, wanted: int) -> None:
    dice = Random(seed)
    pools = tuple(make_pool(dice, 2, dice.randint(1, 7), 9, loads=(0, 30)) for _ in range(3))
    problem = FindProblem([10, 20], pools, count=100, combinations=wanted)
    expected = by_brute_force(problem)
    for engine in ENGINES:
        assert answer(problem, engine) == expected, engine


@pytest.mark.parametrize("seed", range(4))
def test_more_pools_than_can_be_tried_one_by_one(seed: int) -> None:
    dice = Random(seed)
    pools = tuple(make_pool(dice, 12, 9, 13, loads=(0, 30, 44_640)) for _ in range(7))
    problem = FindProblem(range(12), pools, count=12)
    assert answer(problem, "auto") == by_used_actors(problem)


def test_the_oracle_for_many_pools_is_brute_force_for_few() -> None:
    for seed in range(60):
        problem = replace(make_problem(seed), combinations=1)
        assert by_used_actors(problem) == by_brute_force(problem)


def test_the_example_of_the_specification() -> None:
    # 08:00 to 12:00, pools {a, b} and {r, s}, loads a 60, b 30, s 45; ticks 09:00 and 10:00; b is busy at 09:00.
    pools = pool((1, 0b11, 60), (2, 0b10, 30)), pool((3, 0b11, 0), (4, 0b11, 45))
    for engine in ENGINES:
        one = FindProblem([540, 600], pools)
        assert answer(one, engine) == [Offer(540, (0, 0)), Offer(600, (1, 0))]
        three = FindProblem([540, 600], pools, combinations=3)
        assert answer(three, engine) == [
            Offer(540, (0, 0)),
            Offer(540, (0, 1)),
            Offer(600, (1, 0)),
            Offer(600, (0, 0)),
            Offer(600, (1, 1)),
        ]
        assert answer(replace(three, count=3), engine) == answer(three, engine)[:3]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "problem",
    [
        FindProblem([], (pool((1, 0, 0)),)),
        FindProblem([], (pool((1, 0, 0), (2, 0, 0)), pool((3, 0, 0)))),
        problem_of(pool((1, 0, 0), (2, 0, 0))),
        problem_of(pool((1, 15, 0)), pool((1, 15, 0))),
        problem_of(pool((1, 15, 0), (1, 7, 0)), pool((1, 15, 0))),
        problem_of(pool((1, 3, 0), (2, 3, 0)), pool((1, 12, 0), (2, 12, 0))),
        problem_of(*[pool((1, 15, 0), (2, 15, 0))] * 3),
        problem_of(*[pool((1, 15, 0), (2, 15, 0))] * 2, pool((3, 0, 0))),
    ],
)
def test_what_nobody_can_serve_has_no_offers(problem: FindProblem, engine: Engine) -> None:
    assert answer(problem, engine) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_member_is_named_by_its_place_and_not_by_its_position(engine: Engine) -> None:
    one = (Member(3, 1, 1, 0, FOOT), Member(7, 2, 1, 0, FOOT))
    other = (Member(5, 1, 1, 0, FOOT), Member(2, 3, 1, 0, FOOT))
    problem = FindProblem([5], (one, other), combinations=4)
    assert answer(problem, engine) == [Offer(5, (3, 2)), Offer(5, (7, 2)), Offer(5, (7, 5))]


# How often CP-SAT is asked


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(SEEDS)
def test_nothing_is_searched_where_no_choice_is_left(seed: int) -> None:
    dice = Random(seed)
    pools: list[Pool] = []
    for _ in range(dice.randint(1, 4)):
        one = make_pool(dice, 9, dice.randint(1, 3), 6)
        # One member of each pool has starts; the others can never be chosen.
        chosen = dice.randrange(len(one))
        pools.append(tuple(m if place == chosen else m._replace(starts=0) for place, m in enumerate(one)))
    problem = FindProblem(range(9), tuple(pools), count=dice.randint(1, 12), combinations=dice.randint(1, 3))
    assert answer(problem, "auto", never) == by_brute_force(problem)


def test_nothing_is_searched_where_no_start_is_feasible() -> None:
    assert answer(problem_of(pool((1, 3, 0), (2, 3, 0)), pool((3, 12, 0))), "auto", never) == []
    assert answer(problem_of(pool((1, 3, 0), (2, 12, 0)), pool((1, 3, 0), (2, 12, 0))), "auto", never) == []


@pytest.mark.parametrize(
    ("ticks", "count", "calls"),
    [(1, 20, 1), (20, 20, 1), (200, 20, 1), (BLOCK, 100, 1), (BLOCK + 1, 100, 2), (200, BLOCK + 1, 2), (100, 100, 4)],
)
def test_one_combination_for_each_start_is_one_call_for_each_block(ticks: int, count: int, calls: int) -> None:
    everyone = (1 << ticks) - 1
    pools = pool((1, everyone, 0), (2, everyone, 30)), pool((1, everyone, 0), (3, everyone, 30))
    run = Counting()
    offers = answer(problem_of(*pools, ticks=ticks, count=count), "auto", run)
    assert [offer.places for offer in offers] == [(0, 1)] * min(ticks, count)
    assert run.profiles == [INTERACTIVE] * calls


@pytest.mark.parametrize(("count", "calls"), [(20, 4), (6, 2), (3, 1), (1, 1)])
def test_several_combinations_are_one_call_for_each_start(count: int, calls: int) -> None:
    # Three combinations serve each start.
    pools = pool((1, 15, 0), (2, 15, 30)), pool((1, 15, 0), (3, 15, 30))
    run = Counting()
    offers = answer(problem_of(*pools, count=count, combinations=5), "auto", run)
    assert len(offers) == min(count, 12)
    assert run.profiles == [ENUMERATE] * calls


def test_the_full_model_asks_for_each_start_and_for_its_combinations() -> None:
    pools = pool((1, 0b1010, 0), (2, 0b0010, 30)), pool((3, 0b1111, 0))
    run = Counting()
    assert answer(problem_of(*pools), "cp-sat", run) == [Offer(630, (0, 0)), Offer(690, (0, 0))]
    assert run.profiles == [INTERACTIVE, ENUMERATE, INTERACTIVE, ENUMERATE]
    run = Counting()
    assert len(answer(problem_of(*pools, count=1), "cp-sat", run)) == 1
    assert run.profiles == [INTERACTIVE, ENUMERATE]


def test_the_full_model_asks_once_where_nothing_is_to_choose() -> None:
    run = Counting()
    assert answer(problem_of(pool((1, 7, 0)), pool((2, 14, 0))), "cp-sat", run) == [
        Offer(630, (0, 0)),
        Offer(660, (0, 0)),
    ]
    assert run.profiles == [PROPAGATE]


def test_what_presolve_leaves_is_the_intersection() -> None:
    # 2,100 small problems without choice, answered by propagation alone.
    dice = Random(5)
    seen = 0
    for _ in range(2100):
        ticks = dice.randint(1, 24)
        times = sorted(dice.sample(range(ticks * dice.choice([1, 2, 30])), ticks))
        masks = [dice.getrandbits(ticks) | dice.getrandbits(ticks) for _ in range(dice.randint(1, 4))]
        pools = tuple(pool((actor, starts, dice.choice(LOADS))) for actor, starts in enumerate(masks))
        common = (1 << ticks) - 1
        for starts in masks:
            common &= starts
        problem = FindProblem(times, pools, count=dice.randint(1, 30))
        run = Counting()
        expected = [Offer(times[place], (0,) * len(pools)) for place in places(common)][: problem.count]
        assert answer(problem, "cp-sat", run) == expected
        assert run.profiles in ([], [PROPAGATE])
        seen += len(run.profiles)
    assert seen > 2000


# Keys that no longer fit into one number


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(SEEDS, st.sampled_from([2, 5, 40, 700, 10**5]))
def test_several_levels_give_the_same_first_combinations(seed: int, exact: int) -> None:
    dice = Random(seed)
    pools = tuple(make_pool(dice, 5, dice.randint(2, 5), 8) for _ in range(dice.randint(2, 4)))
    problem = FindProblem(range(5), pools)
    starts = [start_choices(by_preference(pools), place, 1, exact) for place in range(5)]
    found = best_of_block(starts, model.run)
    assert found == [next(iter(combinations_at(problem, place)), None) for place in range(5)]


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(SEEDS, st.sampled_from([2, 5, 40, 700, 10**5]), st.integers(1, 12))
def test_several_levels_give_the_same_list_of_combinations(seed: int, exact: int, wanted: int) -> None:
    dice = Random(seed)
    pools = tuple(make_pool(dice, 1, dice.randint(1, 5), 8) for _ in range(dice.randint(2, 4)))
    choices = start_choices(by_preference(pools), 0, wanted, exact)
    expected = combinations_at(FindProblem([0], pools), 0)[:wanted]
    run = Counting()
    assert first_of_start(choices, wanted, run) == expected
    assert run.profiles == [ENUMERATE]


def test_keys_are_parted_into_levels_only_where_they_must_be() -> None:
    pools = by_preference([pool((1, 1, 10), (2, 1, 0)), pool((3, 1, 5), (4, 1, 0), (5, 1, 7))])
    assert start_choices(pools, 0, 9).levels == 1
    # Loads up to 17 are 18 values, beside two and three places: 108 keys.
    assert start_choices(pools, 0, 9, exact=109).levels == 1
    assert start_choices(pools, 0, 9, exact=108).levels == 2
    assert start_choices(pools, 0, 9, exact=2).levels == 3
    weights = {choice.member.actor: choice.weights for one in start_choices(pools, 0, 9).pools for choice in one}
    assert weights == {2: (3,), 1: (60,), 4: (1,), 3: (30,), 5: (44,)}


def test_levels_are_fixed_one_after_the_other_without_getting_lost() -> None:
    # Six pools over nine actors, ten starts, loads as they are in a month.
    dice = Random(3)
    times = range(10)
    pools = tuple(make_pool(dice, 10, 9, 11, loads=range(44_000, 44_640)) for _ in range(6))
    problem = FindProblem(times, pools)
    starts = [start_choices(by_preference(pools), place, 1, exact=10**7) for place in times]
    assert {one.levels for one in starts} == {2}
    found = best_of_block(starts, with_little_work)
    assert [Offer(at, chosen) for at, chosen in zip(times, found, strict=True) if chosen] == by_used_actors(problem)


@pytest.mark.parametrize("pools", [8, 9, 10, 11])
def test_as_many_pools_as_a_large_team_has_are_answered(pools: int) -> None:
    dice = Random(pools)
    ticks = 8
    everyone = tuple(
        tuple(
            Member(place, actor, dice.getrandbits(ticks) | dice.getrandbits(ticks), dice.randint(0, 44_640), FOOT)
            for place, actor in enumerate(dice.sample(range(pools + 1), pools))
        )
        for _ in range(pools)
    )
    problem = FindProblem(range(ticks), everyone)
    expected = by_used_actors(problem)
    assert len(expected) == ticks
    assert answer(problem, "auto", with_little_work) == expected


def with_little_work(writer: ModelWriter, profile: Profile) -> Response:
    """CP-SAT with a limit that ends a test soon if it gets lost."""
    return model.run(writer, {**profile, "max_deterministic_time": 0.3})


def test_members_that_cannot_be_part_of_a_wanted_combination_are_left_out() -> None:
    pools = by_preference([pool(*((actor, 1, actor) for actor in range(9))), pool((0, 1, 0), (100, 1, 5))])
    for wanted in (1, 2, 5):
        choices = start_choices(pools, 0, wanted)
        assert [choice.member.actor for choice in choices.pools[0]] == list(range(wanted + 1))
    assert EXACT == 2**53


# When CP-SAT errs

CHOICE = problem_of(pool((1, 15, 0), (2, 15, 30)), pool((1, 15, 0), (3, 15, 30)), ticks=4)
"""At each of four starts (0, 1), (1, 0) and (1, 1); actor 1 cannot be used twice. Loads 30, 30, 60."""

SWAPPED = problem_of(pool((1, 1, 50), (2, 1, 10)), pool((1, 1, 10), (2, 1, 50)), ticks=1)
"""Two combinations of loads 20 and 100, of which neither becomes the other by exchanging one member."""


def no_values(response: Response) -> Response:
    return replace(response, values=[], solutions=[], tightened=[])


def ended(status: model.Status) -> Lie:
    """An end without a solution."""
    return lambda response: replace(no_values(response), status=status)


def nothing_chosen(response: Response) -> Response:
    return replace(
        response, values=[0] * len(response.values), solutions=[[0] * len(one) for one in response.solutions]
    )


def everything_chosen(response: Response) -> Response:
    return replace(
        response, values=[1] * len(response.values), solutions=[[1] * len(one) for one in response.solutions]
    )


def first_solution_lost(response: Response) -> Response:
    return replace(response, solutions=sorted(map(tuple, response.solutions))[1:])


def last_solution_lost(response: Response) -> Response:
    return replace(response, solutions=sorted(map(tuple, response.solutions))[:-1])


def solutions_doubled(response: Response) -> Response:
    return replace(response, solutions=[*response.solutions, *response.solutions])


def lying(lie: Lie, *profiles: Profile) -> model.Solve:
    """A solver whose answers to these profiles are not true."""
    calls = Counting()

    def run(writer: ModelWriter, profile: Profile) -> Response:
        response = calls(writer, profile)
        assert len(calls.profiles) < 100, "the same is asked over and over"
        return lie(response) if profile in profiles else response

    return run


def choosing(problem: FindProblem, *chosen: tuple[int, ...]) -> model.Solve:
    """A solver that answers a block with these combinations: for each start a literal, and one for each member."""

    def run(writer: ModelWriter, profile: Profile) -> Response:
        response = model.run(writer, profile)
        values: list[int] = []
        for index in range(len(problem.ticks)):
            values.append(1)
            for members, place in zip(by_preference(problem.pools), chosen[index % len(chosen)], strict=True):
                values += (int(member.place == place) for member in members)
        assert len(values) == len(response.values)
        return replace(response, values=values)

    return run


def test_the_solver_that_lies_can_also_tell_the_truth() -> None:
    assert answer(CHOICE, "auto", choosing(CHOICE, (0, 1))) == by_brute_force(CHOICE)


@pytest.mark.parametrize("chosen", [(0, 0), (1, 1)], ids=["an actor twice", "the second best"])
def test_a_wrong_combination_of_one_start_is_noticed(chosen: tuple[int, ...]) -> None:
    for index in range(4):
        wrong: list[tuple[int, ...]] = [(0, 1)] * 4
        wrong[index] = chosen
        with pytest.raises(SolverFaultError):
            answer(CHOICE, "auto", choosing(CHOICE, *wrong))


@pytest.mark.parametrize("status", ["INFEASIBLE", "MODEL_INVALID"])
@pytest.mark.parametrize("combinations", [1, 2])
def test_a_status_that_arithmetic_refutes_is_a_fault(status: model.Status, combinations: int) -> None:
    problem = replace(CHOICE, combinations=combinations)
    with pytest.raises(SolverFaultError):
        answer(problem, "auto", lying(ended(status), INTERACTIVE, ENUMERATE))


@pytest.mark.parametrize("status", ["FEASIBLE", "UNKNOWN"])
@pytest.mark.parametrize("combinations", [1, 2])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_search_that_was_not_finished_is_said_so(status: model.Status, combinations: int, engine: Engine) -> None:
    problem = replace(CHOICE, combinations=combinations)
    for profile in (INTERACTIVE, ENUMERATE):
        if engine == "auto" and (profile is ENUMERATE) != (combinations > 1):
            continue
        with pytest.raises(LimitError, match=f"work limit.*{status}"):
            answer(problem, engine, lying(lambda response: replace(response, status=status), profile))


@pytest.mark.parametrize("lie", [no_values, nothing_chosen, everything_chosen])
def test_an_empty_or_overfull_answer_to_a_block_is_a_fault(lie: Lie) -> None:
    with pytest.raises(SolverFaultError):
        answer(CHOICE, "auto", lying(lie, INTERACTIVE))


@pytest.mark.parametrize(
    "lie",
    [no_values, nothing_chosen, everything_chosen, first_solution_lost, last_solution_lost, solutions_doubled],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_an_enumeration_that_is_not_the_whole_truth_is_a_fault(lie: Lie, engine: Engine) -> None:
    # All three combinations are wanted; each order of the solutions loses another one.
    with pytest.raises(SolverFaultError):
        answer(replace(CHOICE, combinations=3), engine, lying(lie, ENUMERATE))


@pytest.mark.parametrize("status", ["INFEASIBLE", "MODEL_INVALID"])
@pytest.mark.parametrize("profile", [INTERACTIVE, ENUMERATE], ids=["start", "combinations"])
def test_a_status_of_the_full_model_that_arithmetic_refutes_is_a_fault(status: model.Status, profile: Profile) -> None:
    with pytest.raises(SolverFaultError):
        answer(CHOICE, "cp-sat", lying(ended(status), profile))


@pytest.mark.parametrize("status", ["INFEASIBLE", "MODEL_INVALID"])
def test_a_status_of_presolve_that_arithmetic_refutes_is_a_fault(status: model.Status) -> None:
    problem = problem_of(pool((1, 7, 0)), pool((2, 14, 0)))
    with pytest.raises(SolverFaultError):
        answer(problem, "cp-sat", lying(ended(status), PROPAGATE))


@pytest.mark.parametrize(
    "tightened",
    [[], [[]], [[630, 630]], [[660, 660]], [[630, 690]], [[600, 600, 630, 630, 660, 660]], [[631, 631]]],
    ids=["none", "empty", "last lost", "first lost", "one more", "one before", "no tick"],
)
def test_wrong_domains_of_presolve_are_a_fault(tightened: list[list[int]]) -> None:
    problem = problem_of(pool((1, 7, 0)), pool((2, 14, 0)))
    with pytest.raises(SolverFaultError):
        answer(problem, "cp-sat", lying(lambda response: replace(response, tightened=tightened), PROPAGATE))


def set_start(value: int) -> Lie:
    return lambda response: replace(response, values=[value, *response.values[1:]])


@pytest.mark.parametrize("value", [599, 615, 630, 690, 720, 10**9], ids=str)
def test_a_wrong_start_of_the_full_model_is_a_fault(value: int) -> None:
    with pytest.raises(SolverFaultError):
        answer(CHOICE, "cp-sat", lying(set_start(value), INTERACTIVE))


def test_a_start_of_the_full_model_at_which_nobody_is_free_is_a_fault() -> None:
    problem = problem_of(pool((1, 0b1101, 0), (2, 0b1001, 30)), pool((3, 15, 0)))
    with pytest.raises(SolverFaultError):
        answer(problem, "cp-sat", lying(set_start(630), INTERACTIVE))


def test_an_empty_answer_of_the_full_model_is_a_fault() -> None:
    with pytest.raises(SolverFaultError):
        answer(CHOICE, "cp-sat", lying(no_values, INTERACTIVE))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_judge_who_disagrees_with_the_bitmaps_is_believed(engine: Engine) -> None:
    for stubborn in (0, 1):

        def judge(pool: int, place: int, start: int, stubborn: int = stubborn) -> bool:
            return (place, start) != (stubborn, 660) or pool != stubborn

        with pytest.raises(SolverFaultError, match="not open at 660"):
            solve(CHOICE if stubborn else replace(CHOICE, combinations=3), judge, engine)
