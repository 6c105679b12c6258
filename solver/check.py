"""Offers judged by plain arithmetic. Nothing here knows bitmaps, Hall's condition or a solver."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import SolverFaultError
from .problem import FindProblem, Judge, Member, Offer


def check_offers(problem: FindProblem, offers: Sequence[Offer], judge: Judge) -> None:
    """Raise SolverFaultError unless the offers could be the answer.

    Every member is open at its start by `judge`, no actor is used twice, no offer stands twice, the order and the
    limits of the problem are kept, and no first combination of a start becomes better by exchanging one member.
    """
    if len(offers) > problem.count:
        raise SolverFaultError(f"{len(offers)} offers, asked for {problem.count}")
    by_place = [{member.place: member for member in pool} for pool in problem.pools]
    last: tuple[int, int, tuple[int, ...]] | None = None
    for_start = 0
    for offer in offers:
        chosen = _chosen(by_place, offer)
        _check_combination(offer, chosen, judge)
        key = (offer.start, sum(member.load for member in chosen), offer.places)
        if last is not None and key <= last:
            raise SolverFaultError(f"Offer {key} comes after {last}")
        if last is not None and last[0] == offer.start:
            for_start += 1
        else:
            for_start = 1
            _check_exchanges(problem, offer.start, chosen, judge)
        if for_start > problem.combinations:
            raise SolverFaultError(f"{for_start} combinations at {offer.start}, asked for {problem.combinations}")
        last = key


def _chosen(by_place: Sequence[dict[int, Member]], offer: Offer) -> list[Member]:
    if len(offer.places) != len(by_place):
        raise SolverFaultError(f"{len(offer.places)} members at {offer.start} for {len(by_place)} pools")
    chosen: list[Member] = []
    for index, (pool, place) in enumerate(zip(by_place, offer.places, strict=True)):
        if place not in pool:
            raise SolverFaultError(f"Pool {index} has no member {place}")
        chosen.append(pool[place])
    return chosen


def _check_combination(offer: Offer, chosen: Sequence[Member], judge: Judge) -> None:
    actors: set[int] = set()
    for index, member in enumerate(chosen):
        if member.actor in actors:
            raise SolverFaultError(f"Actor {member.actor} is used twice at {offer.start}")
        actors.add(member.actor)
        if not judge(index, member.place, offer.start):
            raise SolverFaultError(f"Member {member.place} of pool {index} is not open at {offer.start}")


def _check_exchanges(problem: FindProblem, start: int, chosen: Sequence[Member], judge: Judge) -> None:
    used = {member.actor for member in chosen}
    for index, (pool, mine) in enumerate(zip(problem.pools, chosen, strict=True)):
        for other in pool:
            if other.load > mine.load or (other.load == mine.load and other.place >= mine.place):
                continue
            if (other.actor == mine.actor or other.actor not in used) and judge(index, other.place, start):
                raise SolverFaultError(
                    f"Member {other.place} of pool {index} is open at {start} and better than {mine.place}"
                )
