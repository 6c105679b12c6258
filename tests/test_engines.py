"""Both engines against brute force on bare problems; how often the solver is called; what happens when it lies."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from random import Random

import pytest
from slotwright.solver import combinations
from slotwright.solver.availability import Footprint
from slotwright.solver.errors import LimitError, SolverFaultError
from slotwright.solver.find import solve
from slotwright.solver.model import ModelWriter, Response, run
from slotwright.solver.problem import Engine, FindProblem, Judge, Member, Offer, Pool
from slotwright.solver.profiles import Profile

FOOT = Footprint(30)
ENGINES: tuple[Engine, ...] = ("auto", "cp-sat")


def random_problem(seed: int, *, ticks: int = 40, pools: int | None = None, most: int = 5) -> FindProblem:
    """Pools that overlap, actors shared by schedules, loads with many ties, starts at random."""
    dice = Random(seed)
    actors = dice.randint(1, 8)
    density = dice.choice((0.05, 0.2, 0.5, 0.9))

    def member(place: int) -> Member:
        bits = sum(1 << tick for tick in range(ticks) if dice.random() < density)
        return Member(place, dice.randrange(actors), bits, dice.choice((0, 0, 30, 45, 90)), FOOT)

    sizes = [dice.randint(1, most) for _ in range(pools or dice.randint(1, 4))]
    return FindProblem(
        ticks=range(600, 600 + 15 * ticks, 15),
        pools=tuple(tuple(member(place) for place in range(size)) for size in sizes),
        count=dice.choice((1, 3, 20, 60)),
        combinations=dice.choice((1, 1, 2, 5)),
    )


def judge_of(problem: FindProblem) -> Judge:
    """Looks the tick up among the ticks, one by one."""

    def judge(pool: int, place: int, start: int) -> bool:
        return start in problem.ticks and bool(problem.pools[pool][place].starts >> problem.ticks.index(start) & 1)

    return judge


def brute_force(problem: FindProblem) -> list[Offer]:
    """Every start, every combination, sorted by the words of find.md, section 3."""
    offers: list[Offer] = []
    for tick, start in enumerate(problem.ticks):
        here: list[tuple[int, tuple[int, ...]]] = []
        for chosen in product(*problem.pools):
            open_then = all(member.starts >> tick & 1 for member in chosen)
            if open_then and len({member.actor for member in chosen}) == len(chosen):
                here.append((sum(member.load for member in chosen), tuple(member.place for member in chosen)))
        offers += [Offer(start, places) for _, places in sorted(here)[: problem.combinations]]
    return offers[: problem.count]


class Counter:
    """The solver, counted."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, writer: ModelWriter, profile: Profile) -> Response:
        self.calls += 1
        return run(writer, profile)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", range(120))
def test_an_engine_agrees_with_brute_force(seed: int, engine: Engine) -> None:
    problem = random_problem(seed)
    assert solve(problem, judge_of(problem), engine) == brute_force(problem)


@pytest.mark.parametrize("seed", range(300))
def test_presolve_alone_gives_the_starts_of_fixed_participants(seed: int) -> None:
    problem = replace(random_problem(seed, ticks=60, most=1), combinations=1, count=60)
    counter = Counter()
    assert solve(problem, judge_of(problem), "cp-sat", counter) == brute_force(problem)
    assert counter.calls <= 1


def open_pool(size: int, first_actor: int = 0, ticks: int = 100) -> Pool:
    """Members of different actors, open everywhere."""
    return tuple(Member(place, first_actor + place, (1 << ticks) - 1, place, FOOT) for place in range(size))


def problem_of(*pools: Pool, count: int = 20, combinations: int = 1) -> FindProblem:
    return FindProblem(range(0, 1500, 15), pools, count, combinations)


def test_nothing_is_searched_where_no_choice_is_left() -> None:
    counter = Counter()
    problem = problem_of(open_pool(1), open_pool(1, 1), open_pool(1, 2))
    assert len(solve(problem, judge_of(problem), "auto", counter)) == 20
    assert counter.calls == 0


def test_a_member_that_is_never_open_is_no_choice() -> None:
    counter = Counter()
    never = Member(1, 9, 0, 0, FOOT)
    problem = problem_of((*open_pool(1), never), open_pool(1, 1))
    assert {offer.places for offer in solve(problem, judge_of(problem), "auto", counter)} == {(0, 0)}
    assert counter.calls == 0


@pytest.mark.parametrize(("count", "calls"), [(1, 1), (20, 1), (32, 1), (33, 2), (100, 4)])
def test_auto_calls_the_solver_once_for_each_block_of_starts(count: int, calls: int) -> None:
    counter = Counter()
    problem = problem_of(open_pool(3), open_pool(3, 2), count=count)
    assert len(solve(problem, judge_of(problem), "auto", counter)) == count
    assert combinations.BLOCK == 32 and counter.calls == calls


def test_with_several_combinations_a_block_is_one_start() -> None:
    counter = Counter()
    problem = problem_of(open_pool(3), open_pool(3, 3), count=20, combinations=4)
    assert len(solve(problem, judge_of(problem), "auto", counter)) == 20
    assert counter.calls == 5


def test_starts_that_no_actors_can_serve_reach_no_solver() -> None:
    """Three pools over the same two actors: Hall's condition fails for all three together."""
    counter = Counter()
    problem = problem_of(open_pool(2), open_pool(2), open_pool(2), open_pool(2, 5))
    assert solve(problem, judge_of(problem), "auto", counter) == []
    assert counter.calls == 0
    assert solve(problem, judge_of(problem), "cp-sat", counter) == []
    assert counter.calls > 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("lie", "error"),
    [
        ({"status": "INFEASIBLE"}, SolverFaultError),
        ({"status": "MODEL_INVALID"}, SolverFaultError),
        ({"status": "FEASIBLE"}, LimitError),
        ({"status": "UNKNOWN"}, LimitError),
    ],
)
def test_an_answer_without_proof_is_no_answer(engine: Engine, lie: dict[str, str], error: type[Exception]) -> None:
    problem = problem_of(open_pool(3), open_pool(3, 3))

    def lying(writer: ModelWriter, profile: Profile) -> Response:
        return replace(run(writer, profile), **lie)

    with pytest.raises(error):
        solve(problem, judge_of(problem), engine, lying)


def test_a_second_best_combination_is_refused() -> None:
    """The solver's objective turned round: the most loaded members come back, and an exchange shows it."""
    problem = problem_of(open_pool(3), open_pool(3, 3), count=5)

    def lying(writer: ModelWriter, profile: Profile) -> Response:
        honest = run(writer, profile)
        values = list(honest.values)
        # A start has a literal for its use, then two for the best two of each pool: exchange those of the first.
        values[1], values[2] = values[2], values[1]
        return replace(honest, values=values)

    with pytest.raises(SolverFaultError, match="better than"):
        solve(problem, judge_of(problem), "auto", lying)


def test_a_member_that_is_not_open_is_refused() -> None:
    problem = problem_of(open_pool(3), open_pool(3, 3))
    honest = judge_of(problem)
    with pytest.raises(SolverFaultError, match="is not open"):
        solve(problem, lambda pool, place, start: start != 0 and honest(pool, place, start), "auto")


@pytest.mark.parametrize("exact", [2, 10, 100, 10**4, 2**53])
@pytest.mark.parametrize("seed", range(40))
def test_keys_that_would_not_stay_exact_are_compared_in_parts(seed: int, exact: int) -> None:
    problem = replace(random_problem(seed, ticks=1, pools=3), combinations=3, count=3)
    expected = [offer.places for offer in brute_force(problem)]
    choices = combinations.start_choices(combinations.by_preference(problem.pools), 0, 3, exact)
    assert combinations.first_of_start(choices, 3, run) == expected
    one = combinations.start_choices(combinations.by_preference(problem.pools), 0, 1, exact)
    assert combinations.best_of_block([one], run) == [expected[0] if expected else None]


def test_weights_of_large_pools_are_split_before_they_lose_digits() -> None:
    """Seven pools of 200: 200^7 places alone are over 2^53."""
    pools = combinations.by_preference([open_pool(200, 200 * index, 1) for index in range(7)])
    choices = combinations.start_choices(pools, 0, 100)
    assert choices.levels > 1
    assert all(part < combinations.EXACT for pool in choices.pools for choice in pool for part in choice.weights)
