"""Claims by time, and where they block."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slotwright.solver.capacity import Claim, Claims, blocked
from solver_support import DAY, as_edges, is_normal

WEEK = 7 * DAY


def count_blocked(claims: Sequence[Claim], capacity: int, low: int, high: int) -> list[int]:
    """The minutes in which the rule of model 11 blocks, each counted by itself."""
    found: list[int] = []
    for at in range(low, high):
        tolerances = [claim.tolerance for claim in claims if claim.start <= at < claim.end]
        if tolerances and len(tolerances) >= min(capacity, *tolerances):
            found.append(at)
    return found


def at_tolerances(*tolerances: int, start: int = 10, end: int = 20) -> list[Claim]:
    return [Claim(start, end, f"Slot/{place}", tolerance) for place, tolerance in enumerate(tolerances)]


def claim_of(start: int, length: int, tolerance: int, label: str = "Slot") -> Claim:
    return Claim(start, start + length, label, tolerance)


CLAIMS = st.lists(st.builds(claim_of, st.integers(0, 40), st.integers(1, 15), st.integers(1, 5)), max_size=10)


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(CLAIMS, st.integers(1, 6))
def test_blocked_is_the_rule_minute_by_minute(claims: list[Claim], capacity: int) -> None:
    found = blocked(claims, capacity)
    assert is_normal(found)
    assert found == as_edges(count_blocked(claims, capacity, -1, 60))


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(CLAIMS, st.randoms(use_true_random=False), st.integers(1, 6))
def test_the_order_of_the_claims_does_not_matter(claims: list[Claim], dice: random.Random, capacity: int) -> None:
    shuffled = list(claims)
    dice.shuffle(shuffled)
    assert blocked(shuffled, capacity) == blocked(claims, capacity)


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(CLAIMS)
def test_at_capacity_1_every_claim_blocks(claims: list[Claim]) -> None:
    covered = {at for claim in claims for at in range(claim.start, claim.end)}
    assert blocked(claims, 1) == as_edges(covered)


@pytest.mark.parametrize(
    ("capacity", "tolerances", "is_blocked"),
    [
        (1, (1,), True),
        (1, (5,), True),
        (2, (1,), True),
        (2, (2,), False),
        (2, (2, 2), True),
        (2, (5, 5), True),
        (3, (3, 3), False),
        (3, (2, 2), True),
        (3, (2, 3), True),
        (5, (5, 2), True),
        (3, (3, 3, 3), True),
        (3, (), False),
        (3, (2,), False),
        (3, (3, 3, 3, 3), True),  # more than there may be is blocked too
        (100, (3,), False),
    ],
)
def test_the_table_of_the_specification(capacity: int, tolerances: tuple[int, ...], is_blocked: bool) -> None:
    assert blocked(at_tolerances(*tolerances), capacity) == ([10, 20] if is_blocked else [])


def test_touching_claims_are_never_counted_together() -> None:
    claims = [Claim(0, 10, "a", 2), Claim(10, 20, "b", 2)]
    assert blocked(claims, 2) == []
    assert blocked([*claims, Claim(9, 11, "c", 2)], 2) == [9, 11]


def test_a_low_tolerance_blocks_only_as_long_as_it_lasts() -> None:
    claims = [Claim(0, 30, "a", 3), Claim(5, 25, "b", 3), Claim(10, 20, "c", 2)]
    assert blocked(claims, 4) == [10, 20]
    assert blocked(claims, 3) == [10, 20]
    assert blocked(claims, 2) == [5, 25]


def test_blocked_pieces_that_touch_are_one() -> None:
    claims = [Claim(0, 10, "a"), Claim(10, 20, "b"), Claim(0, 20, "c", 4)]
    assert blocked(claims, 4) == [0, 20]


# Claims by time


LENGTHS = st.one_of(
    st.integers(1, 90), st.sampled_from([DAY - 1, DAY, DAY + 1, 2 * DAY, WEEK, 5 * WEEK]), st.integers(1, 3 * WEEK)
)
LONG_CLAIMS = st.builds(
    claim_of, st.integers(-WEEK, WEEK), LENGTHS, st.integers(1, 2), st.sampled_from(["a", "b", "c"])
)


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(
    st.lists(LONG_CLAIMS, max_size=15), st.integers(-2 * WEEK, 2 * WEEK), st.one_of(st.just(1), st.integers(1, WEEK))
)
def test_overlapping_finds_what_a_plain_list_finds(claims: list[Claim], low: int, length: int) -> None:
    found = Claims(claims).overlapping(low, low + length)
    assert sorted(found) == sorted(one for one in claims if one.start < low + length and one.end > low)


@pytest.mark.parametrize("length", [1, 60, DAY - 1, DAY, DAY + 1, WEEK, 4 * WEEK])
def test_overlapping_at_the_borders_of_a_claim(length: int) -> None:
    claim = Claim(100, 100 + length, "Slot/1")
    claims = Claims([claim])
    assert claims.overlapping(99, 100) == []
    assert claims.overlapping(99, 101) == [claim]
    assert claims.overlapping(100, 101) == [claim]
    assert claims.overlapping(99 + length, 100 + length) == [claim]
    assert claims.overlapping(99 + length, 200 + length) == [claim]
    assert claims.overlapping(100 + length, 200 + length) == []


def test_a_row_of_changes_leaves_what_a_plain_list_holds() -> None:
    dice = random.Random(11)
    plain: list[Claim] = []
    claims = Claims()
    for number in range(1000):
        if plain and dice.random() < 0.45:
            gone = plain.pop(dice.randrange(len(plain)))
            claims.remove(gone)
        else:
            start = dice.randint(0, 2 * WEEK)
            length = dice.choice([15, 60, DAY, DAY + 1, dice.randint(1, 3 * WEEK)])
            claim = Claim(start, start + length, f"Slot/{number % 7}", tolerance=dice.randint(1, 3))
            plain.append(claim)
            claims.add(claim)
        low = dice.randint(-DAY, 3 * WEEK)
        high = low + dice.choice([1, 60, WEEK])
        assert sorted(claims) == sorted(plain)
        assert sorted(claims.overlapping(low, high)) == sorted(
            claim for claim in plain if claim.start < high and low < claim.end
        )


def test_equal_claims_are_held_and_given_back_one_by_one() -> None:
    claim = Claim(0, 10, "Slot/1")
    claims = Claims([claim])
    claims.add(claim)
    claims.remove(claim)
    assert list(claims) == [claim]
    claims.remove(claim)
    assert list(claims) == []


@pytest.mark.parametrize("absent", [Claim(0, 10, "b"), Claim(0, 11, "a"), Claim(1, 10, "a"), Claim(0, 3 * DAY, "a")])
def test_removing_what_is_not_there_raises_and_changes_nothing(absent: Claim) -> None:
    claims = Claims([Claim(0, 10, "a"), Claim(0, 2 * DAY, "a")])
    with pytest.raises(KeyError):
        claims.remove(absent)
    assert len(list(claims)) == 2


@pytest.mark.parametrize("length", [10, 2 * DAY])
def test_a_claim_with_an_end_of_its_hold_stands_beside_the_same_without_one(length: int) -> None:
    booked, held = Claim(0, length, "Slot/1"), Claim(0, length, "Slot/1", expires_ms=5)
    claims = Claims([held])
    with pytest.raises(KeyError):
        claims.remove(booked)
    claims.add(booked)
    claims.remove(held)
    assert list(claims) == [booked]


def test_a_copy_is_another_object() -> None:
    claims = Claims([Claim(0, 10, "a"), Claim(0, 2 * DAY, "b")])
    twin = claims.copy()
    twin.remove(Claim(0, 10, "a"))
    twin.add(Claim(5, 3 * DAY, "c"))
    assert [claim.label for claim in claims] == ["a", "b"]
    assert [claim.label for claim in twin] == ["b", "c"]
