"""Offers judged by plain arithmetic. Nothing here knows bitmaps, Hall's condition or a solver."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .errors import SolverFaultError
from .problem import FindProblem, Judge, Member, Offer


def check_offers(problem: FindProblem, offers: Sequence[Offer], judge: Judge) -> None:
    """Raise SolverFaultError unless the offers could be the answer.

    Every member is open at its start by `judge`, no actor is used twice, no offer stands twice, the order and the
    limits of the problem are kept, and no first combination of a start becomes better by exchanging one member.
    """
    if len(offers) > problem.count:
        raise SolverFaultError(f"{len(offers)} offers, asked for {problem.count}")
    last: tuple[int, int, tuple[int, ...]] | None = None
    for_start = 0
    for offer in offers:
        _check_combination(problem, offer, judge)
        key = (offer.start, _load(problem, offer), offer.places)
        if last is not None and key <= last:
            raise SolverFaultError(f"Offer {key} comes after {last}")
        if last is not None and last[0] == offer.start:
            for_start += 1
        else:
            for_start = 1
            _check_exchanges(problem, offer, judge)
        if for_start > problem.combinations:
            raise SolverFaultError(f"{for_start} combinations at {offer.start}, asked for {problem.combinations}")
        last = key


def _load(problem: FindProblem, offer: Offer) -> int:
    return sum(pool[place].load for pool, place in _chosen(problem, offer))


def _chosen(problem: FindProblem, offer: Offer) -> Iterator[tuple[dict[int, Member], int]]:
    """Each pool by place, with the place chosen."""
    for pool, place in zip(problem.pools, offer.places, strict=True):
        yield {member.place: member for member in pool}, place


def _check_combination(problem: FindProblem, offer: Offer, judge: Judge) -> None:
    actors: set[int] = set()
    for index, (pool, place) in enumerate(_chosen(problem, offer)):
        if place not in pool:
            raise SolverFaultError(f"Pool {index} has no member {place}")
        actor = pool[place].actor
        if actor in actors:
            raise SolverFaultError(f"Actor {actor} is used twice at {offer.start}")
        actors.add(actor)
        if not judge(index, place, offer.start):
            raise SolverFaultError(f"Member {place} of pool {index} is not open at {offer.start}")


def _check_exchanges(problem: FindProblem, offer: Offer, judge: Judge) -> None:
    chosen = [pool[place] for pool, place in _chosen(problem, offer)]
    used = {member.actor for member in chosen}
    for index, (pool, mine) in enumerate(zip(problem.pools, chosen, strict=True)):
        for other in pool:
            is_better = (other.load, other.place) < (mine.load, mine.place)
            if (
                is_better
                and (other.actor == mine.actor or other.actor not in used)
                and judge(index, other.place, offer.start)
            ):
                raise SolverFaultError(
                    f"Member {other.place} of pool {index} is open at {offer.start} and better than {mine.place}"
                )
