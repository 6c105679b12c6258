"""From pools with start bitmaps to offers in order.

`auto` takes the shortest way: where no choice is left the answer is the intersection of the start domains, and
nothing is searched; otherwise Hall's condition leaves the feasible starts and CP-SAT chooses the combinations, one
call for each block of starts. `cp-sat` asks the full model for everything. Both give the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat, zip_longest

from . import combinations, model
from .check import check_offers
from .errors import SolverFaultError
from .full_model import find_by_model
from .grid import places
from .pools import feasible_starts
from .problem import Engine, FindProblem, Judge, Offer, Pool


def solve(problem: FindProblem, judge: Judge, engine: Engine = "auto", run: model.Solve = model.run) -> list[Offer]:
    """The offers of a find.

    Raises
    ------
    SolverFaultError
        If an answer of CP-SAT does not stand up to `solver.check`.
    """
    actors = {member.actor for pool in problem.pools for member in pool}
    if len(actors) < len(problem.pools):
        return []
    if engine == "cp-sat":
        offers = find_by_model(problem, run)
        feasible = places(feasible_starts(problem.pools))
    else:
        pools = [tuple(member for member in pool if member.starts) for pool in problem.pools]
        if not all(pools):
            return []
        if all(len(pool) == 1 for pool in pools):
            return _without_choice(problem, pools)
        feasible = places(feasible_starts(pools))
        offers = _with_choice(problem, pools, feasible, run)
    check_offers(problem, offers, judge)
    _check_starts(problem, offers, feasible)
    return offers


def _check_starts(problem: FindProblem, offers: Sequence[Offer], feasible: Sequence[int]) -> None:
    """That the solver finds nothing is believed only where Hall's condition agrees."""
    offered = list(dict.fromkeys(offer.start for offer in offers))
    most = len(offered) if len(offers) == problem.count else len(feasible)
    for found, place in zip_longest(offered, feasible[:most]):
        expected = None if place is None else problem.ticks[place]
        if found != expected:
            raise SolverFaultError(f"CP-SAT's next start is {found}, but that of Hall's condition is {expected}")


def common_starts(pools: Iterable[Pool]) -> int:
    """Where each pool has some member, whoever it is: a bitmap."""
    common = -1
    for pool in pools:
        common &= pool_starts(pool)
    return max(common, 0)


def pool_starts(pool: Pool) -> int:
    """Where at least one member of the pool is open: a bitmap."""
    union = 0
    for member in pool:
        union |= member.starts
    return union


def _without_choice(problem: FindProblem, pools: Sequence[Pool]) -> list[Offer]:
    members = [pool[0] for pool in pools]
    if len({member.actor for member in members}) < len(members):
        return []
    chosen = tuple(member.place for member in members)
    starts = map(problem.ticks.__getitem__, places(common_starts(pools), problem.count))
    return list(map(Offer, starts, repeat(chosen)))


def _with_choice(problem: FindProblem, pools: Sequence[Pool], feasible: Sequence[int], run: model.Solve) -> list[Offer]:
    preferred = combinations.by_preference(pools)
    several = problem.combinations > 1
    block_of: Callable[[int], int] = lambda left: 1 if several else min(left, combinations.BLOCK)  # noqa: E731
    offers: list[Offer] = []
    done = 0
    while done < len(feasible) and len(offers) < problem.count:
        left = problem.count - len(offers)
        block = feasible[done : done + block_of(left)]
        done += len(block)
        wanted = min(problem.combinations, left)
        choices = [combinations.start_choices(preferred, place, wanted) for place in block]
        if several:
            found = [(block[0], chosen) for chosen in combinations.first_of_start(choices[0], wanted, run)]
        else:
            found = list(zip(block, combinations.best_of_block(choices, run), strict=True))
        for place, chosen in found:
            if chosen is not None:
                offers.append(Offer(problem.ticks[place], chosen))
    return offers
