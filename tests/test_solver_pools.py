"""Feasible starts of pools: Hall's condition and the matching, against brute force."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slotwright.solver.availability import Footprint
from slotwright.solver.find import common_starts, pool_starts
from slotwright.solver.pools import HALL_MOST, components, feasible_starts
from slotwright.solver.problem import Member, Pool

FOOT = Footprint(30)
TICKS = 12


def pool(*members: tuple[int, int]) -> Pool:
    """A pool of (actor, starts); no loads."""
    return tuple(Member(place, actor, starts, 0, FOOT) for place, (actor, starts) in enumerate(members))


def by_product(pools: Sequence[Pool]) -> int:
    """The starts at which some choice of free members uses no actor twice, each choice tried."""
    found = 0
    for chosen in product(*pools):
        if len({member.actor for member in chosen}) == len(chosen):
            common = (1 << TICKS) - 1
            for member in chosen:
                common &= member.starts
            found |= common
    return found


def by_sets_of_actors(pools: Sequence[Pool]) -> int:
    """The same for many pools: which sets of actors can the first k pools use at each start?"""
    found = 0
    for place in range(TICKS):
        used: set[frozenset[int]] = {frozenset()}
        for members in pools:
            free = [member.actor for member in members if member.starts >> place & 1]
            used = {actors | {actor} for actors in used for actor in free if actor not in actors}
        if used:
            found |= 1 << place
    return found


def random_pools(fewest: int, most: int, actors: int, largest: int, least: int = 1) -> st.SearchStrategy[list[Pool]]:
    member = st.tuples(st.integers(1, actors), st.integers(0, 2**TICKS - 1))
    one = st.lists(member, min_size=least, max_size=largest).map(lambda members: pool(*members))
    return st.lists(one, min_size=fewest, max_size=most)


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(random_pools(1, 5, actors=6, largest=4))
def test_feasible_starts_are_those_of_brute_force(pools: list[Pool]) -> None:
    assert feasible_starts(pools) == by_product(pools) == by_sets_of_actors(pools)


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(random_pools(2, 4, actors=3, largest=6))
def test_two_members_of_one_actor_in_a_pool_are_one_candidate(pools: list[Pool]) -> None:
    assert feasible_starts(pools) == by_product(pools)


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(random_pools(HALL_MOST + 1, HALL_MOST + 2, actors=11, largest=5, least=3))
def test_many_pools_are_matched_start_by_start(pools: list[Pool]) -> None:
    assert feasible_starts(pools) == by_sets_of_actors(pools)


@pytest.mark.parametrize("count", [HALL_MOST - 1, HALL_MOST, HALL_MOST + 1, HALL_MOST + 3])
def test_both_ways_agree_on_a_chain_that_only_one_choice_serves(count: int) -> None:
    # Pool k can take actor k or k + 1, the last one only its own: every pool has to take the first of its two.
    chain = [pool((k + 1, 0b111), (k, 0b110)) for k in range(count - 1)] + [pool((count - 1, 0b011))]
    assert feasible_starts(chain) == by_sets_of_actors(chain) == 0b010
    assert feasible_starts(chain[::-1]) == 0b010


@pytest.mark.parametrize("count", [3, HALL_MOST, HALL_MOST + 1])
def test_one_actor_too_few_leaves_nothing(count: int) -> None:
    everyone = [(actor, 1) for actor in range(count)]
    assert feasible_starts([pool(*everyone)] * count) == 1
    assert feasible_starts([pool(*everyone[1:])] * count) == 0


@pytest.mark.parametrize("count", [2, HALL_MOST + 1])
def test_a_pool_without_members_leaves_nothing(count: int) -> None:
    full = [pool((actor, 1), (actor + 1, 1)) for actor in range(count)]
    assert feasible_starts(full) == 1
    assert feasible_starts([*full, pool()]) == 0
    assert feasible_starts([*full, pool((0, 0), (1, 0))]) == 0


def test_pools_by_hand() -> None:
    # Two pools share the only actor who is free at start 1; at start 2 each has one of its own.
    assert feasible_starts([pool((1, 0b110), (2, 0b001)), pool((1, 0b010), (3, 0b101))]) == 0b101
    assert feasible_starts([pool((1, 0b11))]) == 0b11
    assert feasible_starts([]) == 0


def test_what_pools_have_in_common_does_not_ask_who() -> None:
    pools = [pool((1, 0b0110), (2, 0b0001)), pool((1, 0b0011))]
    assert [pool_starts(one) for one in pools] == [0b0111, 0b0011]
    assert common_starts(pools) == 0b0011
    assert feasible_starts(pools) == 0b0001
    assert common_starts([]) == pool_starts(()) == 0


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(random_pools(0, 7, actors=12, largest=3, least=0))
def test_components_are_the_groups_linked_by_actors(pools: list[Pool]) -> None:
    # Numbered, so that equal pools can be told apart.
    numbered = [tuple(one._replace(load=number) for one in members) for number, members in enumerate(pools) if members]
    found = components(numbered)
    assert sorted(one[0].load for group in found for one in group) == [one[0].load for one in numbered]
    linked = {number: {number} for number in range(len(numbered))}
    for _ in numbered:
        for one, other in product(linked, repeat=2):
            if {member.actor for member in numbered[one]} & {member.actor for member in numbered[other]}:
                together = linked[one] | linked[other]
                linked |= dict.fromkeys(together, together)
    expected = {frozenset(numbered[number][0].load for number in group) for group in linked.values()}
    assert {frozenset(one[0].load for one in group) for group in found} == expected


def test_components_by_hand() -> None:
    a, b, c, d = pool((1, 1)), pool((2, 1), (3, 1)), pool((3, 1), (4, 1)), pool((4, 1), (1, 1))
    assert components([a, b]) == [[a], [b]]
    assert [sorted(group) for group in components([b, a, c])] == [[a], sorted([b, c])]
    assert [sorted(group) for group in components([a, b, c, d])] == [sorted([a, b, c, d])]
    assert components([]) == []
